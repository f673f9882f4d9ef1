# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about a scan: what it will take, how far it is, what its file holds."""

from __future__ import annotations

from collections.abc import Mapping

from ...gis.scan.cell_outcome import CellState, FailedCell
from ...gis.scan.scan import ScanProgress
from ...gis.scan.scan_file import ScanFile
from ...gis.scan.scan_outlook import ScanOutlook
from ...gis.scan.scan_sight import ScanSight, ScanStage
from ..words import tr

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def plan_words(outlook: ScanOutlook, chips_per_minute: float) -> str:
    """What a new scan takes; ``chips_per_minute`` of the last one, 0 where that is not known."""
    words = (
        tr("{count} pictures of {side:.2f} km.")
        if outlook.is_exact
        else tr("At most {count} pictures of {side:.2f} km.")
    )
    sentence = words.format(count=f"{outlook.pictures:,}", side=outlook.side_m / 1000)
    if not chips_per_minute:
        return f"{sentence} {tr('How long it takes is known once it has begun.')}"
    seconds = 60 * outlook.pictures / chips_per_minute
    time = tr("About {time}, as fast as the last scan ({rate} a minute).")
    return f"{sentence} {time.format(time=duration_words(seconds), rate=rate_words(chips_per_minute))}"


def file_words(file: ScanFile) -> str:
    """What the file holds, and what can be done with it."""
    run = file.settings.run
    what = tr("This file holds a scan for {what} with {model}.").format(
        what=", ".join(run.targets) or run.task, model=run.model
    )
    if file.waits:
        done = tr("It is not complete: it goes on where it was, with its own area and question.")
    else:
        done = tr("It is complete.")
    return f"{what} {done}"


def counts_words(counts: Mapping[CellState, int], proposals: int) -> str:
    """What became of the pictures."""
    told = tr("{done} done, {empty} without data, {failed} failed, {waiting} to go. {boxes} proposals.")
    return told.format(
        done=f"{counts[CellState.DONE]:,}",
        empty=f"{counts[CellState.EMPTY]:,}",
        failed=f"{counts[CellState.FAILED]:,}",
        waiting=f"{counts[CellState.WAITING]:,}",
        boxes=f"{proposals:,}",
    )


def stage_words(sight: ScanSight, *, is_paused: bool, is_stopping: bool) -> str:
    """What is being done, and how long it will take."""
    if is_stopping:
        return tr("Stopping ...")
    if sight.stage is ScanStage.ASKING and is_paused:
        return tr("Paused; the pictures that the model is at are finished first.")
    if sight.stage is ScanStage.ASKING and sight.progress is not None:
        return _speed_words(sight.progress)
    return {
        ScanStage.LOADING: tr("Loading the model"),
        ScanStage.PLANNING: tr("Laying the grid over the area"),
        ScanStage.ASKING: tr("Asking about the first pictures"),
        ScanStage.MERGING: tr("Merging what two pictures show"),
    }[sight.stage]


def end_words(file: ScanFile | None) -> str:
    """What came of a scan that rests; None where there is no file yet."""
    if file is None:
        return tr("Stopped before the first picture.")
    if file.waits:
        return tr("Stopped. What is done is in the file; go on whenever you like.")
    words = tr("The scan is complete: {count} proposals. Review them under Proposals.")
    sentence = words.format(count=f"{file.proposals:,}")
    failed = file.counts[CellState.FAILED]
    return f"{sentence} {tr('{count} pictures failed.').format(count=failed)}" if failed else sentence


def failed_words(cell: FailedCell) -> str:
    """One line of the list."""
    return tr("Picture {number}: {reason}").format(number=cell.index + 1, reason=cell.reason)


def rate_words(chips_per_minute: float) -> str:
    """A rate, with a decimal where it is low."""
    return f"{chips_per_minute:.0f}" if chips_per_minute >= 10 else f"{chips_per_minute:.1f}"


def duration_words(seconds: float) -> str:
    """A time as one would say it."""
    if seconds < _MINUTE_S:
        return tr("less than a minute")
    if seconds < _HOUR_S:
        return tr("{minutes:.0f} min").format(minutes=seconds / _MINUTE_S)
    if seconds < _DAY_S:
        return tr("{hours:.1f} hours").format(hours=seconds / _HOUR_S)
    return tr("{days:.1f} days").format(days=seconds / _DAY_S)


def _speed_words(progress: ScanProgress) -> str:
    left = progress.seconds_left
    if left is None:
        return tr("Asking about the first pictures")
    words = tr("{rate} pictures a minute, {time} left")
    return words.format(rate=rate_words(progress.chips_per_minute), time=duration_words(left))
