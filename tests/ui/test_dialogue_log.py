"""A conversation in the log: prose and tools in their order, what can be taken back, and what asks first."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from log_reading import EVIL, click_words, hrefs, image_names, open_panel, text_of, what_is_told
from lspace.gis.runs.conversation import TALK
from lspace.gis.runs.step import Step, StepState
from lspace.ui.conversation.conversation_link import Link
from lspace.ui.conversation.conversation_text import markdown_of
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

CALL = "<|tool_call_start|>[count_features(layer='parcels')]<|tool_call_end|>"
COUNTED = Step.of_tool(
    StepState.DONE, "count_features", {"layer": "parcels"}, {"layer": "parcels", "count": 1240}
)
STEPS = (
    said := Step(StepState.SAID, f"I count. {CALL}", said="I count. "),
    COUNTED,
    replace(said, said="Many."),
)


def talk(*steps, question="How many parcels?", text="", **fields):
    asked = answer(text, task="question", prompt=question, trained=False)
    run = {"options": {TALK: True}, "task": "question"}
    return exchange(asked, title=question, steps=steps, run=run, **fields)


@pytest.fixture
def panel(qtbot, conversation, store):
    return open_panel(qtbot, conversation, store)


@pytest.fixture
def told(panel):
    return what_is_told(panel)


# what is kept


def test_prose_and_tools_stand_in_the_order_in_which_they_came(panel, conversation):
    conversation.add(talk(*STEPS))
    text = text_of(panel)
    places = [text.index(words) for words in ("How many parcels?", "I count.", "'parcels': 1,240", "Many.")]
    assert places == sorted(places)
    assert "tool_call" not in text


def test_what_was_asked_of_a_tool_and_what_it_said_can_be_unfolded(panel, conversation):
    conversation.add(talk(*STEPS))
    assert '"count": 1240' not in text_of(panel)
    click_words(panel, "show details")
    assert 'count_features {"layer": "parcels"}' in text_of(panel)
    assert '"count": 1240' in text_of(panel)
    click_words(panel, "hide details")
    assert '"count": 1240' not in text_of(panel)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (StepState.REFUSED, "Refused"),
        (StepState.REJECTED, "Not done"),
        (StepState.FAILED, "failed"),
        (StepState.CANCELLED, "Given up"),
        (StepState.UNDONE, "taken back"),
    ],
)
def test_what_was_not_done_is_told_as_such(panel, conversation, state, words):
    conversation.add(talk(said, replace(COUNTED, state=state)))
    assert words in text_of(panel)


def test_turns_that_no_longer_fitted_are_told(panel, conversation):
    conversation.add(talk(*STEPS, left_out=4))
    assert "The oldest 4 turns of this conversation no longer fit" in text_of(panel)


def test_the_picture_stands_once_above_a_conversation(panel, conversation, store):
    chip = picture(1)
    store.keep(chip)
    first = talk(*STEPS, chips=[chip])
    conversation.add(first)
    conversation.add(talk(*STEPS, chips=[chip], follows=first.exchange_id))
    assert len(image_names(panel)) == 1
    conversation.add(talk(*STEPS, chips=[chip]))  # begins anew
    assert len(image_names(panel)) == 2


def test_a_conversation_without_an_image_says_so(panel, conversation):
    conversation.add(talk(*STEPS))
    assert "without an image" in text_of(panel)
    assert panel.question_edit.placeholderText() == "Ask without an image ..."


def test_the_markdown_has_the_steps_too():
    text = markdown_of([talk(*STEPS)])
    assert "> I count." in text
    assert "'parcels': 1,240" in text
    assert "tool\\_call" not in text


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_that_a_model_a_tool_or_a_layer_says_is_followed_or_loaded(panel, conversation, evil):
    steps = (
        Step(StepState.SAID, evil, said=evil),
        Step.of_tool(StepState.DONE, evil, {evil: evil, "layer": evil}, {"layer": evil, evil: evil}),
        Step.of_tool(StepState.DONE, "count_features", {"layer": evil}, {"layer": evil, "count": evil}),
        Step.of_tool(StepState.REJECTED, "zoom_to_layer", {"layer": evil}, {"error": evil}),
        Step(StepState.DONE, evil, tool="count_features"),
        Step.of_tool(StepState.DONE, "count_features", {}, {"count": 10**400}),
        Step.of_tool(StepState.DONE, "measure", {}, {"total": float("nan"), "unit": [evil]}),
    )
    kept = talk(*steps, question=evil, text=evil)
    conversation.add(kept)
    click_words(panel, "show details")
    links = [Link.from_url(href) for href in hrefs(panel)]
    assert None not in links
    assert {link.exchange_id for link in links} == {kept.exchange_id}
    assert image_names(panel) == []
    panel.permission_bar.ask(evil)
    assert panel.permission_bar.label.textFormat() == Qt.TextFormat.PlainText


# taking back


def test_only_what_can_be_taken_back_has_the_link_and_a_click_names_the_step(panel, conversation, told):
    kept = talk(said, COUNTED, COUNTED)
    panel.set_undoable([(kept.exchange_id, 2)])
    conversation.add(kept)
    heard = []
    panel.undo_requested.connect(lambda *values: heard.append(values))
    assert text_of(panel).count("undo") == 1
    click_words(panel, "undo")
    assert heard == [(kept.exchange_id, 2)]


def test_a_step_that_makes_no_sense_is_not_taken_back(panel):
    heard = []
    panel.undo_requested.connect(lambda *values: heard.append(values))
    for label in ("", "x", "-1", "1e3", "\u00b2"):
        panel.log.link_followed.emit(Link.from_url(f"lspace:undo/abc/{label}"))
    assert heard == []


# asking first


def test_nothing_is_allowed_by_a_key_that_was_meant_for_the_question(qtbot, panel, told):
    heard = []
    panel.permission_bar.allowed.connect(lambda: heard.append("allowed"))
    panel.permission_bar.refused.connect(lambda: heard.append("refused"))
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow, timeout=20_000)
    panel.question_edit.setFocus()
    panel.begin("Accept it.")
    panel.permission_bar.ask("The model wants to accept a proposal.")
    assert panel.permission_bar.isVisible()
    assert QApplication.focusWidget() is panel.question_edit
    QTest.keyClicks(panel.question_edit, "yes ")
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Return)
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Enter)
    assert heard == []
    assert told == [("told", "The model asks whether it may change something. Allow or refuse it first.")] * 2


def test_it_can_be_answered_by_keys(qtbot, panel):
    heard = []
    bar = panel.permission_bar
    bar.allowed.connect(lambda: heard.append("allowed"))
    bar.refused.connect(lambda: heard.append("refused"))
    bar.ask("The model wants to accept a proposal.")
    for button in (bar.allow_button, bar.refuse_button):
        button.setFocus()
        QTest.keyClick(button, Qt.Key.Key_Space)
    assert heard == ["allowed", "refused"]
    assert [button.text().count("&") for button in (bar.allow_button, bar.refuse_button)] == [1, 1]
    assert bar.allow_button.accessibleDescription() == "The model wants to accept a proposal."


# beginning anew


@pytest.mark.parametrize("with_image", [True, False])
def test_a_new_conversation_goes_on_from_nothing(panel, conversation, told, with_image):
    conversation.add(talk(*STEPS))
    row = panel.question_row
    row.offer_conversations(True, True)
    (row.new_action if with_image else row.new_without_action).trigger()
    assert panel.begins_without_image is not with_image
    words = "Ask about the area ..." if with_image else "Ask without an image ..."
    assert panel.question_edit.placeholderText() == words
    QTest.keyClicks(panel.question_edit, "What is here?")
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Return)
    assert told == [("question_asked", "What is here?", "")]
    panel.begin("What is here?")
    panel.finish(None)
    assert not panel.begins_without_image


def test_a_click_on_an_exchange_goes_on_from_that_one_after_all(panel, conversation, told):
    kept = talk(*STEPS)
    conversation.add(kept)
    panel.question_row.offer_conversations(True, True)
    panel.question_row.new_without_action.trigger()
    click_words(panel, "Many.")
    QTest.keyClicks(panel.question_edit, "Why?")
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Return)
    assert told[-1] == ("question_asked", "Why?", kept.exchange_id)


def test_a_question_that_could_not_be_asked_comes_back_unless_another_is_being_written(panel):
    panel.give_back("How many?")
    assert panel.question_edit.text() == "How many?"
    panel.give_back("How large?")
    assert panel.question_edit.text() == "How many?"
