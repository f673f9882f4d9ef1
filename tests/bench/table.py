"""All medians side by side, an engine a column."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from .figures import TITLES, Results
from .job import AGAIN, BOXES, CAPTIONED, EIGHT, LISTED, TEN

Cell = Callable[[Results, str], "float | str | None"]


def of(name: str) -> Cell:
    """Seconds; ``~`` where they are extrapolated."""

    def cell(results: Results, way: str) -> float | str | None:
        seconds = results.median(way, name)
        if seconds is not None and name in results[way].extrapolated:
            return f"~{seconds:.1f}"
        return seconds

    return cell


def per(name: str, scale: float) -> Cell:
    """So many in a time of one."""

    def cell(results: Results, way: str) -> float | None:
        seconds = results.median(way, name)
        if seconds is None or name in results[way].extrapolated:
            return None
        return scale / seconds

    return cell


def written(results: Results, way: str) -> str | None:
    figures = results[way]
    if not figures.tokens or not any(figures.forced):
        return None
    return f"{median(figures.tokens):.0f}, {median(figures.forced):.0f}"


def passes(results: Results, way: str) -> float | None:
    return median(results[way].passes) if results[way].passes else None


def one_by_one(results: Results, way: str) -> float | None:
    """Of engines that were not timed at the same chips, by their one chip."""
    timed = per("one_by_one", 60 * EIGHT.chips)(results, way)
    return timed or per("caption_last", 60)(results, way)


ROWS: tuple[tuple[str, str, Cell, int], ...] = (
    ("import", "s", of("import"), 1),
    ("load, files in the page cache", "s", of("load"), 1),
    ("worker process, start to ready", "s", of("ready"), 2),
    ("its load request to model loaded", "s", of("loaded"), 2),
    (f"its first request, {CAPTIONED.words}, first text", "s", of("worker_begun"), 2),
    ("its second request, another chip, first text", "s", of("worker_first"), 2),
    ("the same to its result", "s", of("worker_last"), 2),
    ("PNG of 224 px to patches", "s", of("cut"), 4),
    (f"{BOXES.words}, first token", "s", of("boxes_first"), 2),
    ("the same, last token", "s", of("boxes_last"), 2),
    ("tokens written, of these forced", "", written, 0),
    (f"{LISTED.words}, last token", "s", of("listed_last"), 2),
    ("passes of the network for it", "", passes, 0),
    (f"{AGAIN.words}, first token", "s", of("again_first"), 3),
    ("the same with the picture read anew", "s", of("anew_first"), 3),
    (f"{CAPTIONED.words}, first token", "s", of("caption_first"), 2),
    ("the same, last token", "s", of("caption_last"), 2),
    ("writing it", "tokens/s", per("step", 1), 1),
    (f"{TEN.words}, first token", "s", of("ten_first"), 2),
    ("the same, last token", "s", of("ten_last"), 1),
    (EIGHT.words, "chips/min", per("batch", 60 * EIGHT.chips), 1),
    ("the same one by one", "chips/min", one_by_one, 1),
    ("peak memory, questions one by one", "MiB", lambda results, way: results.peak(way, "alone"), 0),
    ("peak memory, many at once", "MiB", lambda results, way: results.peak(way, "together"), 0),
    ("making the graphs, once", "s", of("making"), 0),
    ("disk for the graphs", "MiB", lambda results, way: results[way].disk_mib, 0),
)


def figure_table(results: Results) -> list[str]:
    """Markdown lines, of all ways on a CPU that were measured."""
    ways = [way for way in TITLES if way in results and not way.endswith("-cuda")]
    titles = " | ".join(TITLES[way] for way in ways)
    lines = [f"| | unit | {titles} |", "|---|---|" + "--:|" * len(ways)]
    for words, unit, cell, digits in ROWS:
        cells = " | ".join(shown(cell(results, way), digits) for way in ways)
        lines.append(f"| {words} | {unit} | {cells} |")
    return lines


def shown(value: float | str | None, digits: int) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.{digits}f}"
