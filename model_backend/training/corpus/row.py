# SPDX-License-Identifier: GPL-2.0-or-later
"""A row of training data, a short conversation about pictures, and its files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import RequestError, RowInvalid
from ...tool import ToolDefinition

if TYPE_CHECKING:
    import pyarrow as pa

_PATHS = "image_paths"
_ANALYSIS_PATH = "analysis_image_path"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    """``system``, ``user``, ``assistant``, or ``tool`` for what came of the assistant's calls."""
    text: str
    images: tuple[str, ...] = ()
    """Paths relative to the row file's folder, with ``/``; they stand before the text."""


@dataclass(frozen=True)
class Row:
    """A conversation and what is known about its pictures."""

    messages: tuple[Message, ...]
    metadata: Mapping[str, Any]
    folder: Path
    """Of the row file; the images are relative to it."""
    tools: tuple[ToolDefinition, ...] = ()
    """That the assistant may call."""

    @property
    def system(self) -> str | None:
        """Text of the system message, if there is one."""
        return next((message.text for message in self.messages if message.role == "system"), None)

    @property
    def prompt(self) -> str:
        """Text of the last user message; RowInvalid without one."""
        return self._last("user")

    @property
    def answer(self) -> str:
        """Text of the last assistant message; RowInvalid without one."""
        return self._last("assistant")

    @property
    def images(self) -> tuple[Path, ...]:
        """Absolute paths of all pictures, in their order."""
        folder = self.folder.absolute()
        return tuple(folder / name for message in self.messages for name in message.images)

    def in_folder(self, folder: Path) -> Row:
        """The same row for a row file in another folder: its paths lead to the same pictures."""
        if _real(folder) == _real(self.folder):
            return replace(self, folder=folder)
        metadata = dict(self.metadata)
        if metadata.get(_PATHS):
            metadata[_PATHS] = [self._moved(name, folder) for name in metadata[_PATHS]]
        if metadata.get(_ANALYSIS_PATH):
            metadata[_ANALYSIS_PATH] = self._moved(metadata[_ANALYSIS_PATH], folder)
        messages = tuple(
            replace(message, images=tuple(self._moved(name, folder) for name in message.images))
            for message in self.messages
        )
        return replace(self, messages=messages, metadata=metadata, folder=folder)

    def _last(self, role: str) -> str:
        texts = [message.text for message in self.messages if message.role == role]
        if not texts:
            raise RowInvalid(f"no {role} message")
        return texts[-1]

    def _moved(self, name: str, folder: Path) -> str:
        try:
            return Path(os.path.relpath(_real(self.folder / name), _real(folder))).as_posix()
        except ValueError as error:  # two drives
            raise RowInvalid(f"no relative path from {folder} to {self.folder / name}") from error


def read_rows(path: Path) -> list[Row]:
    """The rows of a ``.jsonl`` or ``.parquet`` file.

    Raises:
        RowInvalid: the file cannot be read, or a row is not a conversation; names file, line and reason.
    """
    return [row for _, row in numbered_rows(path)]


def numbered_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """As ``read_rows``, each row with its line, from 1."""
    entries = _entries_of_parquet(path) if _is_parquet(path) else _entries_of_lines(path)
    for line, entry in entries:
        try:
            yield line, _row_of(entry, path.parent)
        except RowInvalid as error:
            raise error.at(str(path), line) from error


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Writes a ``.jsonl`` or ``.parquet`` file; an older one stays until the new one is whole.

    Rows of another folder are written with paths that lead to the same pictures.
    """
    entries = [_entry_of(row.in_folder(path.parent)) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    if _is_parquet(path):
        _write_parquet(entries, unfinished)
    else:
        lines = [json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n" for entry in entries]
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    unfinished.replace(path)


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _is_parquet(path: Path) -> bool:
    if path.suffix not in (".jsonl", ".parquet"):
        raise RequestError(f"rows are .jsonl or .parquet: {path}", path=str(path))
    return path.suffix == ".parquet"


def _entries_of_lines(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RowInvalid(f"cannot be read: {error.strerror}", str(path)) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RowInvalid(f"not JSON: {error}", str(path), number) from error
        yield number, entry


def _entries_of_parquet(path: Path) -> Iterator[tuple[int, Any]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            table = file.read()
    except (OSError, pa.ArrowException) as error:
        raise RowInvalid(f"cannot be read: {error}", str(path)) from error
    for number, entry in enumerate(table.to_pylist(), start=1):
        known = entry.get("metadata") or {}
        yield number, {**entry, "metadata": {key: known[key] for key in known if known[key] is not None}}


def _row_of(entry: object, folder: Path) -> Row:
    fields = entry if isinstance(entry, dict) else {}
    turns, metadata = fields.get("messages"), fields.get("metadata", {})
    if not isinstance(turns, list) or not turns:
        raise RowInvalid("no list of messages")
    if not isinstance(metadata, dict):
        raise RowInvalid("metadata is no object")
    messages = tuple(_message_of(turn) for turn in turns)
    return Row(messages, metadata, folder, _tools_of(fields.get("tools")))


def _tools_of(written: Any) -> tuple[ToolDefinition, ...]:
    """Of a list or, as in parquet, of its JSON."""
    try:
        tools = json.loads(written) if isinstance(written, str) else written or []
        return tuple(ToolDefinition.from_payload(tool) for tool in tools)
    except (TypeError, ValueError, RecursionError, RequestError) as error:
        raise RowInvalid(f"tools are a list of name, description and parameters: {error}") from error


def _message_of(turn: object) -> Message:
    if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
        raise RowInvalid("a message without a role")
    role, content = turn["role"], turn.get("content")
    if isinstance(content, str):
        return Message(role, content)
    if not isinstance(content, list) or not content:
        raise RowInvalid(f"a {role} message without content")
    *images, text = content
    return Message(role, _part(text, "text", role), tuple(_part(image, "image", role) for image in images))


def _part(part: object, kind: str, role: str) -> str:
    value = part.get(kind) if isinstance(part, dict) and part.get("type") == kind else None
    if not isinstance(value, str):
        raise RowInvalid(f"a {role} message is images, then one text; not so at {str(part)[:80]}")
    return value


def _entry_of(row: Row) -> dict[str, Any]:
    tools = {"tools": [tool.to_payload() for tool in row.tools]} if row.tools else {}
    return {
        **tools,
        "messages": [
            {
                "role": message.role,
                "content": [
                    *({"type": "image", "image": name} for name in message.images),
                    {"type": "text", "text": message.text},
                ],
            }
            for message in row.messages
        ],
        "metadata": dict(row.metadata),
    }


def _write_parquet(entries: list[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    part = pa.struct([("type", pa.string()), ("image", pa.string()), ("text", pa.string())])
    message = pa.struct([("role", pa.string()), ("content", pa.list_(part))])
    messages = pa.array([entry["messages"] for entry in entries], pa.list_(message))
    columns = {"messages": messages}
    if any("tools" in entry for entry in entries):  # JSON: the columns of two tools' parameters differ
        columns["tools"] = pa.array([json.dumps(entry.get("tools", [])) for entry in entries])
    if any(entry["metadata"] for entry in entries):
        columns["metadata"] = _metadata_column(entries)
    parquet.write_table(pa.table(columns), path)


def _metadata_column(entries: list[dict[str, Any]]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array([entry["metadata"] for entry in entries])
    except pa.ArrowException as error:
        raise RowInvalid(f"metadata of more than one kind: {error}") from error
