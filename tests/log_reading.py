"""Opens the conversation's panel; reads and clicks what its log shows."""

from __future__ import annotations

from lspace.ui.conversation.conversation_panel import ConversationPanel
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QTextDocument
from qgis.PyQt.QtTest import QTest

EVIL = [
    '<img src="file:///etc/hostname"><script>alert(1)</script>',
    '<a href="https://example.org">water</a> <a href="lspace:remove/x/">gone</a>',
    "</p></td></table><h1>big</h1> & &amp; &lt;b&gt;",
    '" onclick="x" title=\'',
    "![alt](https://example.org/x.png) [text](javascript:1) `code` **bold** | cell |\n# heading\n> quote",
    "```\n````json\n<b>",
    "\x00\x1b[31m\u202egnp.exe\u202c\ud800 \u2028 end",
]
"""What a model, or who named a layer, may write."""


def open_panel(qtbot, conversation, store):
    """A panel on the screen that shows the conversation."""
    panel = ConversationPanel()
    qtbot.addWidget(panel)
    panel.set_conversation(conversation, store)
    panel.resize(420, 700)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def what_is_told(panel):
    """A list that grows by what the panel's signals say, each with its name."""
    heard = []
    for name in ("question_asked", "retry_requested", "zoom_requested", "label_clicked", "told"):
        getattr(panel, name).connect(lambda *values, name=name: heard.append((name, *values)))
    panel.stop_requested.connect(lambda: heard.append(("stop_requested",)))
    return heard


def text_of(panel):
    return panel.log.toPlainText()


def click_words(panel, words):
    """Clicks into the middle of words in the log, where they stand first."""
    log = panel.log
    cursor = log.document().find(words, 0, QTextDocument.FindFlag.FindCaseSensitively)
    assert not cursor.isNull(), f"{words!r} is not in {text_of(panel)!r}"
    end = cursor.selectionEnd()
    cursor.setPosition((cursor.selectionStart() + end) // 2)
    log.setTextCursor(cursor)
    log.ensureCursorVisible()
    QTest.mouseClick(
        log.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        log.cursorRect(cursor).center(),
    )


def hrefs(panel):
    """Every address in the log that a click can follow."""
    found, block = [], panel.log.document().begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            found.append(pieces.fragment().charFormat().anchorHref())
            pieces += 1
        block = block.next()
    return {href for href in found if href}


def image_names(panel):
    """Addresses of the pictures in the log."""
    found, block = [], panel.log.document().begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            letters = pieces.fragment().charFormat()
            found += [letters.toImageFormat().name()] if letters.isImageFormat() else []
            pieces += 1
        block = block.next()
    return found
