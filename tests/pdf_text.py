"""Reads the words out of a PDF that Qt wrote: letters are numbers of glyphs, each font has its own table."""

from __future__ import annotations

import re
import zlib


def words_in(path):
    """All text of the file, blanks left out, in the order in which it was drawn."""
    content = path.read_bytes()
    tables = _tables(content)
    drawn = "".join(
        tables.get(font, {}).get(glyph, "")
        for stream in _streams(content)
        for font, glyph in _glyphs(stream.decode("latin1"))
    )
    return re.sub(r"\s", "", drawn)


def _streams(content):
    for start in re.finditer(rb"stream\r?\n", content):
        try:
            yield zlib.decompressobj().decompress(content[start.end() :])
        except zlib.error:
            continue


def _glyphs(page):
    font = None
    for name, hexes in re.findall(r"/(F\d+) [\d.]+ Tf|<([0-9a-fA-F]+)>\s*(?:Tj|')", page):
        font = name or font
        for at in range(0, len(hexes), 4):
            yield font, hexes[at : at + 4].lower()


def _tables(content):
    """Glyph to letter, by the font's name, which Qt makes of the number of its object."""
    objects = dict(re.findall(rb"(\d+) 0 obj\s*(.*?)endobj", content, re.DOTALL))
    fonts = {number: re.search(rb"/ToUnicode (\d+) 0 R", body) for number, body in objects.items()}
    return {
        f"F{number.decode()}": _table(objects[found[1]].decode("latin1"))
        for number, found in fonts.items()
        if found
    }


def _table(text):
    table = {}
    for first, last, values in re.findall(r"<(\w+)>\s*<(\w+)>\s*(\[[^]]*\]|<\w+>)", text):
        letters = [chr(int(value, 16)) for value in re.findall(r"<(\w+)>", values)]
        for offset in range(int(last, 16) - int(first, 16) + 1):
            letter = letters[offset] if len(letters) > 1 else chr(ord(letters[0]) + offset)
            table[f"{int(first, 16) + offset:04x}"] = letter
    return table
