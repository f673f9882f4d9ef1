"""Every text that the plugin has translated, with its context: for the tests, and as a file for translators.

``python tests/translatable.py lspace.ts`` writes what Qt's Linguist and ``lrelease`` read.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
COMMON = "LSpace"
"""The context of ``tr`` in ui/translation.py; ``self.tr`` has that of its class."""
FROM_CONTRACT = {"task.title", "task.hint"}
"""Texts that are translated without being spelt out in the code: resources/contracts.json has them."""


class Texts(ast.NodeVisitor):
    """What one file has translated, and where it does so in a way that nobody can collect."""

    def __init__(self, path: Path, root: Path = ROOT):
        self.path, self.root, self.found, self.faults = path, root, [], []
        self._class = ""
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_ClassDef(self, node):
        outer, self._class = self._class, node.name
        self.generic_visit(node)
        self._class = outer

    def visit_Call(self, node):
        called = ast.unparse(node.func)
        if called == "tr":
            self._take(COMMON, node.args[0])
        elif called == "self.tr":
            self._take(self._class, node.args[0])
        elif called == "QCoreApplication.translate" and self.path.name != "translation.py":
            self._take(node.args[0].value, node.args[1])  # there it is ``tr`` itself
        self.generic_visit(node)

    def _take(self, context, text):
        if isinstance(text, ast.Constant):
            self.found.append((context, text.value))
        elif ast.unparse(text) not in FROM_CONTRACT:
            self.faults.append(f"{self.path.relative_to(self.root)}:{text.lineno}: {ast.unparse(text)}")


def texts_of_code():
    paths = [ROOT / "plugin.py", *ROOT.glob("ui/**/*.py"), *ROOT.glob("gis/**/*.py")]
    return [Texts(path) for path in sorted(paths)]


def collected():
    """All (context, text), each once."""
    contracts = json.loads((ROOT / "resources" / "contracts.json").read_text(encoding="utf-8"))
    tasks = [task for contract in contracts.values() for task in contract["tasks"].values()]
    told = [(COMMON, task[name]) for task in tasks for name in ("title", "hint") if name in task]
    return dict.fromkeys([*(pair for texts in texts_of_code() for pair in texts.found), *told])


def as_ts(pairs):
    """The file that Qt's Linguist reads, nothing translated yet."""
    contexts = {}
    for context, text in pairs:
        contexts.setdefault(context, []).append(text)
    parts = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>", '<TS version="2.1">']
    for context, texts in sorted(contexts.items()):
        parts += ["<context>", f"<name>{escape(context)}</name>"]
        parts += [
            f'<message><source>{escape(text)}</source><translation type="unfinished"></translation></message>'
            for text in texts
        ]
        parts.append("</context>")
    return "\n".join([*parts, "</TS>", ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_ts(collected()), encoding="utf-8")
