"""The conversation, by clicks and keys: links, labels and the line for questions."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from log_reading import click_words, open_panel, text_of, what_is_told
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QMessageBox

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

LEFT = Qt.MouseButton.LeftButton
BOXES = '[{"label": "water", "bbox": [0, 0, 0.5, 0.5]}, {"label": "water", "bbox": [0.5, 0, 1, 1]}]'


@pytest.fixture
def panel(qtbot, conversation, store):
    return open_panel(qtbot, conversation, store)


@pytest.fixture
def told(panel):
    return what_is_told(panel)


def marked_words(panel):
    """What is marked in the log beside the heading of the exchange at hand."""
    highlight = panel.log.palette().highlight().color()
    marks = panel.log.extraSelections()
    return [mark.cursor.selectedText() for mark in marks if mark.format.background().color() == highlight]


def test_the_links_of_an_exchange_ask_for_what_they_say(panel, conversation, told):
    shown = exchange(answer())
    conversation.add(shown)
    for words in ("again", "zoom", "Caption"):
        click_words(panel, words)
    assert told == [
        ("retry_requested", shown.exchange_id, False),
        ("zoom_requested", shown.exchange_id),
        ("zoom_requested", shown.exchange_id),
    ]


def test_boxes_that_a_report_denied_can_be_asked_for_anyway(panel, conversation, told):
    denied = exchange(answer("No clear burn-scar regions.", negative=True))
    conversation.add(denied)
    click_words(panel, "ask anyway")
    assert told == [("retry_requested", denied.exchange_id, True)]


def test_where_boxes_were_asked_for_there_is_no_anyway(panel, conversation):
    conversation.add(exchange(answer(negative=True), answer(BOXES, has_boxes=True)))
    assert "anyway" not in text_of(panel)


def test_nothing_is_asked_while_an_answer_is_being_written(panel, conversation, told):
    conversation.add(exchange(answer()))
    panel.begin("Caption")
    click_words(panel, "again")
    QTest.keyClicks(panel.question_edit, "What is here?")
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Return)
    assert [name for name, *_ in told] == ["told", "told"]
    assert panel.question_edit.text() == "What is here?"


def test_remove_takes_one_exchange_out(panel, conversation):
    conversation.add(exchange(answer("first"), title="one"))
    conversation.add(exchange(answer("second"), title="two"))
    click_words(panel, "remove")
    assert [each.title for each in conversation.exchanges] == ["two"]
    assert "first" not in text_of(panel)


def test_the_conversation_is_cleared_only_after_a_yes(qtbot, panel, conversation):
    conversation.add(exchange(answer()))
    for button, left in ((QMessageBox.StandardButton.No, 1), (QMessageBox.StandardButton.Yes, 0)):
        panel.question_row.clear_action.trigger()
        question = panel.findChild(QMessageBox, "LSpaceClearQuestion")
        qtbot.waitUntil(question.isVisible)
        QTest.mouseClick(question.button(button), LEFT)
        assert len(conversation.exchanges) == left
        qtbot.waitUntil(lambda: panel.findChild(QMessageBox, "LSpaceClearQuestion") is None)
    assert not panel.question_row.clear_action.isEnabled()


# labels


def test_labels_that_prose_names_are_links_in_every_spelling(panel, conversation, told):
    panel.set_labels(["burn scar", "water", "flooded vegetation", "vegetation"])
    shown = exchange(answer("Burn-scar areas, a burn_scar, burn scars; waterway, WATER, flooded vegetation."))
    conversation.add(shown)
    for words in ("Burn-scar", "burn_scar", "burn scars", "WATER", "flooded vegetation"):
        click_words(panel, words)
    labels = [heard[2] for heard in told]
    assert labels == ["burn scar", "burn scar", "burn scar", "water", "flooded vegetation"]
    click_words(panel, "waterway")
    assert len(told) == 5


def test_labels_set_later_become_links_too(panel, conversation, told):
    shown = exchange(answer("A big tank."))
    conversation.add(shown)
    panel.set_labels(["tank"])
    click_words(panel, "tank")
    assert told == [("label_clicked", shown.exchange_id, "tank")]


def test_a_label_is_marked_in_all_prose_about_the_same_image(panel, conversation):
    panel.set_labels(["water", "tree cover"])
    conversation.add(exchange(answer("Elsewhere water."), chips=[picture(1)]))
    conversation.add(exchange(answer("Water and tree cover and water."), chips=[picture(2)]))
    conversation.add(exchange(answer(BOXES, has_boxes=True), chips=[picture(2)]))
    panel.highlight_label("water")
    assert marked_words(panel) == ["Water", "water"]
    panel.highlight_label("tree cover")
    assert marked_words(panel) == ["tree cover"]
    panel.highlight_label("")
    assert marked_words(panel) == []


# questions


def test_enter_asks_about_the_newest_image_and_empties_the_line(panel, conversation, told):
    conversation.add(exchange(answer(), title="one"))
    newest = exchange(answer(), title="two")
    conversation.add(newest)
    QTest.keyClicks(panel.question_edit, "  Is there a port? ")
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Return)
    assert told == [("question_asked", "Is there a port?", newest.exchange_id)]
    assert panel.question_edit.text() == ""


def test_without_an_exchange_the_question_is_about_no_earlier_image(panel, told):
    QTest.keyClicks(panel.question_edit, "What is here?")
    QTest.mouseClick(panel.ask_button, LEFT)
    assert told == [("question_asked", "What is here?", "")]


def test_blanks_are_no_question(panel, told):
    QTest.keyClicks(panel.question_edit, "   ")
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Return)
    assert told == []


def test_a_click_beside_the_links_chooses_which_image_is_asked_about(panel, conversation, told):
    earlier = exchange(answer("An earlier answer."), title="one", run={"created": "2023-07-01T10:00:00Z"})
    conversation.add(earlier)
    conversation.add(exchange(answer("A later answer."), title="two"))
    assert panel.question_edit.placeholderText() == "Ask about this image ..."
    click_words(panel, "An earlier answer")
    assert "Ask about the image of" in panel.question_edit.placeholderText()
    assert panel.current == earlier
    QTest.keyClicks(panel.question_edit, "And now?")
    QTest.keyClick(panel.question_edit, Qt.Key.Key_Return)
    assert told == [("question_asked", "And now?", earlier.exchange_id)]


def test_a_new_answer_is_the_one_at_hand(panel, conversation):
    conversation.add(exchange(answer("An earlier answer.")))
    click_words(panel, "An earlier answer")
    newest = exchange(answer())
    conversation.add(newest)
    assert panel.current == newest


def test_the_line_says_why_no_question_can_be_asked(panel):
    panel.set_question_allowed(False, "lspace-mini answers no free question.")
    assert not panel.question_edit.isEnabled()
    assert not panel.ask_button.isEnabled()
    assert panel.question_edit.placeholderText() == "lspace-mini answers no free question."
    panel.set_question_allowed(True)
    assert panel.question_edit.isEnabled()
    assert panel.question_edit.placeholderText() == "Ask about this image ..."


def test_the_up_key_brings_back_questions_of_this_session_and_of_the_project(panel, conversation):
    conversation.add(exchange(answer("Yes.", task="question", prompt="Is there a port?")))
    conversation.add(exchange(answer("Water.", prompt="Describe this imagery.")))
    edit = panel.question_edit
    QTest.keyClicks(edit, "How many ships?")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    QTest.keyClicks(edit, "a draft")
    seen = []
    for key in [Qt.Key.Key_Up] * 3 + [Qt.Key.Key_Down] * 3:
        QTest.keyClick(edit, key)
        seen.append(edit.text())
    port, ships = "Is there a port?", "How many ships?"
    assert seen == [ships, port, port, ships, "a draft", "a draft"]
