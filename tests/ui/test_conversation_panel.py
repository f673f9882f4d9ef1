"""The conversation: what shows while the model writes, what is kept, and how it looks."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from log_reading import click_words, image_names, open_panel, text_of, what_is_told
from lspace.gis.runs.conversation import KEY, SCOPE
from lspace.ui.conversation.conversation_panel import SHOWN_AT_ONCE
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QColor, QImage, QPalette, QTextDocument
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

BOXES = '[{"label": "water", "bbox": [0, 0, 0.5, 0.5]}, {"label": "water", "bbox": [0.5, 0, 1, 1]}]'


@pytest.fixture
def panel(qtbot, conversation, store):
    return open_panel(qtbot, conversation, store)


@pytest.fixture
def told(panel):
    return what_is_told(panel)


# while the model writes


def test_the_answer_shows_while_it_is_written_under_what_was_asked(panel):
    panel.begin("Vessel candidates")
    for piece in ("Detected ", "2 ", "regions."):
        panel.add_text("", piece)
    panel.add_text("vessel candidate", '[{"lab')
    panel.add_text("vessel candidate", 'el"')
    assert "Vessel candidates" in text_of(panel)
    assert 'Detected 2 regions.\nvessel candidate: [{"label"' in text_of(panel)


def test_places_are_kept_apart_while_writing(panel):
    panel.begin("Caption")
    panel.add_text("", "first", "chip-1")
    panel.add_text("", " place", "chip-1")
    panel.add_text("", "second", "chip-2")
    assert "first place\nsecond" in text_of(panel)


def test_headings_of_places_read_well(panel):
    panel.begin("Caption")
    panel.add_text("Place 2. ", "This imagery")
    panel.add_text("Place 2. water", "[")
    assert "Place 2: This imagery\nPlace 2. water: [" in text_of(panel)


def test_what_is_being_written_stays_when_an_earlier_exchange_is_removed(panel, conversation):
    conversation.add(exchange(answer("An earlier answer.")))
    panel.begin("Land cover")
    for piece in ("[{", '"label"'):
        panel.add_text("water", piece)
    click_words(panel, "remove")
    panel.add_text("water", ": ")
    assert "An earlier answer." not in text_of(panel)
    assert 'water: [{"label": ' in text_of(panel)


def test_pieces_are_appended_and_the_log_is_not_built_anew(panel, monkeypatch):
    panel.begin("Caption")
    monkeypatch.setattr(panel.log, "setHtml", lambda html: pytest.fail("built anew"))
    for _ in range(50):
        panel.add_text("", "word ")
    assert text_of(panel).count("word") == 50


def test_the_end_stays_in_sight_unless_the_reader_scrolled_away(panel):
    bar = panel.log.verticalScrollBar()
    panel.begin("Caption")
    for _ in range(100):
        panel.add_text("", "a line\n")
    assert bar.value() == bar.maximum() > 0
    bar.setValue(10)
    panel.add_text("", "more\n" * 10)
    assert bar.value() == 10


def test_text_without_a_beginning_is_not_shown(panel):
    panel.add_text("", "late words")
    assert "late" not in text_of(panel)


@pytest.mark.parametrize("widget", ["log", "question_edit"])
def test_esc_and_the_link_stop_what_is_being_written_and_only_that(panel, told, widget):
    QTest.keyClick(getattr(panel, widget), Qt.Key.Key_Escape)
    assert told == []
    panel.begin("Caption")
    QTest.keyClick(getattr(panel, widget), Qt.Key.Key_Escape)
    click_words(panel, "stop")
    assert told == [("stop_requested",)] * 2


def test_a_run_without_an_exchange_leaves_its_sentence_and_no_text(panel, conversation):
    panel.begin("Caption")
    panel.add_text("", "half an ans")
    panel.finish(None, "The worker stopped by itself.")
    assert "half" not in text_of(panel)
    assert panel.note_label.text() == "The worker stopped by itself."
    assert panel.note_label.isVisible()
    assert conversation.exchanges == ()


def test_the_sentence_of_an_exchange_is_said_once(panel, conversation):
    panel.begin("Caption")
    panel.set_note("Only 40 % of the picture shows data.")
    told = exchange(answer(), summary="3 boxes on the map.")
    conversation.add(told)
    panel.finish(told, "3 boxes on the map.")
    assert text_of(panel).count("3 boxes on the map.") == 1
    assert not panel.note_label.isVisible()


def test_a_new_answer_begins_without_the_last_note(panel):
    panel.set_note("Only 40 % of the picture shows data.")
    assert panel.note_label.isVisible()
    panel.begin("Caption")
    assert not panel.note_label.isVisible()


# what is kept


def test_lists_of_boxes_are_folded_when_they_are_finished_and_open_on_a_click(panel, conversation):
    conversation.add(exchange(answer(), answer(BOXES, target="water", has_boxes=True)))
    assert "water: 2 boxes (show text)" in text_of(panel)
    assert "bbox" not in text_of(panel)
    click_words(panel, "show text")
    assert BOXES in text_of(panel)
    click_words(panel, "hide text")
    assert "bbox" not in text_of(panel)


@pytest.mark.parametrize(
    ("text", "finished", "words"),
    [
        ("[]", True, "no boxes (show"),
        ('[{"label": "water", "bbox": [0, 0, 1, 1]}]', True, "1 box (show"),
        ('[{"label": "water", "bbox": [0, 0, 1, 1]}, {"lab', False, "1 box, not finished (show"),
        ("I see water.", True, "no boxes (show"),
    ],
)
def test_the_line_of_a_list_says_how_much_is_in_it(panel, conversation, text, finished, words):
    conversation.add(exchange(answer(text, has_boxes=True, finished=finished)))
    assert words in text_of(panel)


def test_of_many_answers_the_first_dozen_show_until_all_are_wanted(panel, conversation):
    conversation.add(exchange(*(answer(f"answer {n}.", chip_id=f"c{n}") for n in range(15))))
    assert "answer 11." in text_of(panel)
    assert "answer 12." not in text_of(panel)
    assert "Place 3 of 15" in text_of(panel)
    click_words(panel, "show all")
    assert "answer 14." in text_of(panel)


def test_the_conversation_is_back_with_its_pictures_after_reopening(panel, conversation, store, tmp_path):
    chips = picture(1), picture(2)
    for chip in chips:
        store.keep(chip)
    conversation.add(exchange(answer("Two harbours."), chips=chips, images=2))
    project = QgsProject.instance()
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert text_of(panel) == ""
    assert project.read(str(tmp_path / "p.qgz"))
    assert "Two harbours." in text_of(panel)
    assert image_names(panel) == [f"lspace-chip:{chip.chip_id}" for chip in chips]


def test_a_thumbnail_is_the_picture_the_model_was_shown(panel, conversation, store):
    chip = picture()
    store.keep(chip)
    conversation.add(exchange(answer(), chips=[chip]))
    (name,) = image_names(panel)
    image = panel.log.loadResource(QTextDocument.ResourceType.ImageResource, QUrl(name))
    size = image.size()
    whole = QImage.fromData(chip.png).scaled(
        size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    assert size.width() > 20
    assert image == whole


def test_an_exchange_whose_picture_is_gone_is_shown_without_one(panel, conversation):
    conversation.add(exchange(answer("Still here."), chips=[picture()]))
    assert "Still here." in text_of(panel)
    assert image_names(panel) == []


def test_entries_that_cannot_be_read_are_counted_in_the_log(panel, tmp_path):
    project = QgsProject.instance()
    project.writeEntry(SCOPE, KEY, ["{", "}"])
    assert project.write(str(tmp_path / "p.qgz"))
    assert project.read(str(tmp_path / "p.qgz"))
    assert "2 entries of this project could not be read" in text_of(panel)


def test_a_long_conversation_shows_its_end_first_and_more_on_a_click(panel, conversation):
    for number in range(SHOWN_AT_ONCE + 3):
        conversation.add(exchange(answer(f"answer {number}."), title=f"question {number}"))
    assert "answer 3." in text_of(panel)
    assert "answer 2." not in text_of(panel)
    click_words(panel, "Show 3 earlier")
    assert "answer 0." in text_of(panel)


def test_caveats_are_said_with_the_answer(panel, conversation):
    conversation.add(exchange(answer(trained=False), run={"random_weights": True}))
    assert "not the trained one" in text_of(panel)
    assert "never trained" in text_of(panel)


# Markdown


def copied(panel, words):
    click_words(panel, words)
    return QApplication.clipboard().text()


def test_copy_gives_the_answer_as_markdown_with_what_it_takes_to_judge_it(panel, conversation, told):
    chip = picture()
    conversation.add(
        exchange(
            answer("Water (~60%)\nand trees."),
            answer(BOXES, target="water", prompt="Detect the water.", has_boxes=True, trained=False),
            chips=[chip],
            title="Land cover",
            summary="2 boxes on the map.",
        )
    )
    text = copied(panel, "copy")
    assert text.startswith("## Land cover\n")
    for part in (
        "- Model: NuTonic/lspace, 0123abc, cpu, float32",
        "longitude -157.94630, latitude 21.35600",
        f"2023-07-01, as shown, 20.0 m a pixel, 100 % valid, from Sentinel-2 ({chip.chip_id})",
        "- Result: 2 boxes on the map.",
        "- Note: The wording is not the trained one",
        "**Prompt**: Describe this imagery.\n\n> Water (\\~60%)\n> and trees.",
        f"**Prompt (water)**: Detect the water.\n\n> ```json\n> {BOXES}\n> ```",
    ):
        assert part in text
    assert text.endswith("*Answers are a model's proposals, not ground truth.*\n")
    assert told == [("told", "Copied as Markdown.")]


def test_all_can_be_copied_with_one_claim_at_the_end(panel, conversation):
    conversation.add(exchange(answer(), title="one"))
    conversation.add(exchange(answer(), title="two"))
    panel.question_row.copy_action.trigger()
    text = QApplication.clipboard().text()
    assert text.index("## one") < text.index("## two")
    assert text.count("not ground truth") == 1


# looks


def test_the_panel_can_be_used_at_320_pixels(panel, conversation, store):
    chips = [picture(number) for number in range(4)]
    for chip in chips:
        store.keep(chip)
    conversation.add(exchange(answer(), chips=chips, images=4, title="A rather long title of a question"))
    panel.resize(320, 600)
    QApplication.processEvents()
    assert panel.minimumSizeHint().width() <= 320
    assert panel.log.horizontalScrollBar().maximum() == 0


def test_the_log_follows_the_theme(panel, conversation):
    conversation.add(exchange(answer()))
    palette = QPalette(panel.palette())
    palette.setColor(QPalette.ColorRole.Link, QColor("#006400"))
    panel.setPalette(palette)
    assert "#006400" in panel.log.toHtml()


def test_the_tab_key_goes_from_the_line_to_its_buttons_and_then_to_the_log(panel):
    panel.question_edit.setFocus()
    passed = [panel.question_edit]
    for _ in range(3):
        passed.append(passed[-1].nextInFocusChain())
    assert passed == [panel.question_edit, panel.ask_button, panel.more_button, panel.log]
