"""What a model writes is shown and copied as text, whatever it writes; the log loads nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange
from log_reading import EVIL, click_words, hrefs, image_names, open_panel, text_of
from lspace.ui.conversation.conversation_text import markdown_of
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QImage, QTextDocument

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append(tag)


@pytest.fixture
def panel(qtbot, conversation, store):
    return open_panel(qtbot, conversation, store)


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("where", ["text", "boxes", "target", "title", "summary"])
def test_nothing_that_was_written_becomes_a_link_or_a_picture(panel, conversation, evil, where):
    fields = {"title": evil} if where == "title" else {"summary": evil} if where == "summary" else {}
    of_answer = {
        "text": {"text": evil},
        "boxes": {"text": evil, "has_boxes": True},
        "target": {"target": evil},
    }.get(where, {})
    conversation.add(exchange(answer(**of_answer), run={"run_id": "abc"}, **fields))
    if where == "boxes":
        click_words(panel, "show text")
    assert image_names(panel) == []
    assert all(href.startswith("lspace:") and "abc" in href for href in hrefs(panel))
    assert "\u202e" not in text_of(panel)
    assert "\x00" not in text_of(panel)
    if "<script>" in evil:
        assert "<script>alert(1)</script>" in text_of(panel)


@pytest.mark.parametrize("evil", EVIL)
def test_streamed_text_is_text(panel, evil):
    panel.begin(evil)
    panel.add_text(evil, evil)
    assert image_names(panel) == []
    assert hrefs(panel) == {"lspace:stop//"}


def test_evil_labels_stay_labels(panel, conversation):
    told = []
    panel.label_clicked.connect(lambda *values: told.append(values))
    label = '<b>tank/"&%2F'
    panel.set_labels([label, "", "  "])
    shown = exchange(answer(f"A {label} here."), run={"run_id": 'a/b"<'})
    conversation.add(shown)
    click_words(panel, "tank")
    assert told == [('a/b"<', label)]


@pytest.mark.parametrize(
    "address", ["file:///etc/hostname", "https://example.org/x.png", "/etc/hostname", "lspace-chip:x"]
)
@pytest.mark.parametrize(
    "kind", [QTextDocument.ResourceType.ImageResource, QTextDocument.ResourceType.HtmlResource]
)
def test_the_log_loads_nothing(panel, address, kind):
    loaded = panel.log.document().resource(kind, QUrl(address))
    assert loaded == " " or (isinstance(loaded, QImage) and loaded.width() == 1)


def test_a_picture_beside_the_project_is_not_loaded_even_if_html_names_it(panel, tmp_path):
    red = QImage(40, 40, QImage.Format.Format_RGB32)
    red.fill(Qt.GlobalColor.red)
    assert red.save(str(tmp_path / "red.png"))
    panel.log.setHtml(f'<img src="file://{tmp_path}/red.png">')
    assert panel.log.document().size().height() < 40


@pytest.mark.parametrize("evil", EVIL)
def test_markdown_of_a_models_text_has_no_html_and_no_links(evil):
    text = markdown_of([exchange(answer(evil, prompt=evil, target=evil), title=evil, summary=evil)])
    unescaped = text.replace("\\\\", "").replace("\\<", "").replace("\\[", "").replace("\\]", "")
    assert Tags(unescaped).found == []
    assert "](" not in unescaped
    assert "\u202e" not in text


def test_a_fence_is_longer_than_any_in_the_text():
    text = markdown_of([exchange(answer("```\n````\n# out", has_boxes=True))])
    assert "> `````json\n> ```\n> ````\n> # out\n> `````" in text
