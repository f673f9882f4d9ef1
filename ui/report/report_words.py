# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a report in words, section by section: what was observed comes before what is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qgis.core import QgsApplication

from ...gis.layers import Status
from ...gis.provenance import Run
from ...gis.reporting.caveats import caveats_of, is_mostly_empty, is_off_scale
from ...gis.reporting.map_figure import MapPicture
from ...gis.reporting.report import Observation, Report
from ...gis.reporting.report_document import (
    Block,
    Document,
    Heading,
    Listing,
    Notice,
    Paragraph,
    Picture,
    Pictures,
)
from ..conversation.conversation_text import plain
from ..words import kind_words, tr
from .caveat_words import caveat_words
from .report_answers import asked, quoted
from .report_findings import found, listed, mapped
from .report_numbers import (
    crs_words,
    place_words,
    share_words,
    size_words,
)
from .report_tables import date_words, rest, table, time_words

MOST_PICTURES = 60


@dataclass(frozen=True)
class ReportParts:
    """What the user wants in the report beside the facts that always are in it."""

    map: bool = True
    pending: bool = True
    """The list of proposals that nobody has reviewed; their number is always told."""
    model_text: bool = True


@dataclass(frozen=True)
class ReportPictures:
    """What was drawn for the report."""

    map: MapPicture | None = None
    chips: Mapping[str, bytes] = field(default_factory=dict)
    """PNG by chip id, as far as they are at hand."""


def document_of(report: Report, parts: ReportParts, pictures: ReportPictures | None = None) -> Document:
    """The report as it is shown and saved."""
    pictures = pictures or ReportPictures()
    blocks = [
        *_opening(report),
        *_observed(report.observations),
        *(mapped(pictures.map) if parts.map else ()),
        *found(report),
        *listed(report, Status.ACCEPTED),
        *(listed(report, Status.PENDING) if parts.pending else ()),
        *asked(report),
        *(quoted(report) if parts.model_text else ()),
        *_limited(report),
        *_recorded(report),
        *_pictured(report.observations, pictures.chips),
    ]
    return Document(_title(report), plain(report.author), _language(), tuple(blocks))


def _title(report: Report) -> str:
    first = report.areas[0].lonlat if report.areas else None
    if first is None:
        return tr("LSpace report")
    more = len(report.areas) - 1
    title = tr("LSpace report: {place}") if not more else tr("LSpace report: {place} (and {more} more)")
    return title.format(place=place_words(first), more=more)


def _language() -> str:
    locale = QgsApplication.locale().replace("_", "-")
    return "en" if locale in ("", "C") else locale


def _opening(report: Report) -> list[Block]:
    made = tr("Made {created} UTC by {author}, with LSpace {plugin} in QGIS {qgis}.")
    words = made.format(
        created=time_words(report.created),
        author=plain(report.author),
        plugin=report.plugin_version,
        qgis=report.qgis_version,
    )
    claim = tr(
        "Model proposals from optical imagery, not ground truth: they require corroboration. This is a "
        "summary of evidence, not a legal finding."
    )
    areas = [
        tr("Area: {size} around {place}").format(size=size_words(area.size_m), place=place_words(area.lonlat))
        for area in report.areas
    ]
    return (
        [Notice(claim), Paragraph(words), Listing(tuple(areas))]
        if areas
        else [Notice(claim), Paragraph(words)]
    )


# what was observed


def _observed(observations: Sequence[Observation]) -> Iterable[Block]:
    yield Heading(tr("What the model was shown"))
    if not observations:
        yield Paragraph(tr("No picture is on record: nothing can be said about the observation."))
        return
    yield Paragraph(_observed_words(observations))
    columns = [
        tr("Picture"),
        tr("From"),
        tr("Date"),
        tr("Kind"),
        tr("m a pixel"),
        tr("Trained at"),
        tr("Valid"),
    ]
    numbers = {4, 5, 6}
    rows = [_observation_row(each) for each in observations[:MOST_PICTURES]]
    yield table(tr("Pictures, before anything is claimed about them"), columns, rows, numbers)
    yield from rest(len(observations) - len(rows))


def _observed_words(observations: Sequence[Observation]) -> str:
    valid = [each.chip.valid_share for each in observations]
    words = tr("{count} pictures; valid data on {least} to {most} of their ground.")
    if len(observations) == 1:
        words = tr("One picture; valid data on {least} of its ground.")
    sentences = [words.format(count=len(valid), least=share_words(min(valid)), most=share_words(max(valid)))]
    if any(map(is_mostly_empty, observations)):
        sentences.append(tr("Observation-limited: some show little."))
    return " ".join(sentences)


def _observation_row(observation: Observation) -> tuple[str, ...]:
    chip, trained = observation.chip, observation.trained_gsd_m
    known = tr("not known") if trained is None else f"{trained:.1f} m"
    off = tr("{scale} (off scale)").format(scale=known) if is_off_scale(observation) else known
    sources = ", ".join(chip.sources) or tr("not known")
    gsd = f"{chip.gsd_m:.1f}"
    return (
        chip.chip_id,
        sources,
        date_words(chip.date),
        kind_words(chip.kind),
        gsd,
        off,
        share_words(chip.valid_share),
    )


# what limits it, and where it comes from


def _limited(report: Report) -> Iterable[Block]:
    sentences = [plain(caveat_words(caveat)) for caveat in caveats_of(report)]
    yield Heading(tr("Limitations"))
    if sentences:
        yield Listing(tuple(sentences))
    else:
        yield Paragraph(tr("Nothing is on record from which limitations could be told."))


def _recorded(report: Report) -> Iterable[Block]:
    yield Heading(tr("Provenance"))
    if report.runs:
        columns = [
            tr("Run"),
            tr("Time (UTC)"),
            tr("Task"),
            tr("Model"),
            tr("Revision"),
            tr("Computed on"),
            tr("CRS"),
        ]
        yield table(tr("Runs"), columns, [_run_row(run) for run in report.runs], set())
        prompts = dict.fromkeys(prompt for run in report.runs for prompt in _prompts_of(run, report))
        yield Paragraph(tr("Prompts, as asked:"))
        yield Listing(tuple(map(plain, prompts)))
    if report.layers:
        columns = [tr("Layer"), tr("Proposals"), tr("CRS"), tr("Run")]
        rows = [
            (layer.name, str(layer.count), crs_words(layer.crs), layer.run_id or tr("not recorded"))
            for layer in report.layers
        ]
        yield table(tr("Layers of proposals"), columns, rows, {1})
    chips = ", ".join(observation.chip.chip_id for observation in report.observations)
    if chips:
        yield Paragraph(
            tr("Pictures by the first digits of their SHA-256, place included: {ids}.").format(ids=chips)
        )


def _run_row(run: Run) -> tuple[str, ...]:
    task = (
        tr("{task}: {targets}").format(task=run.task, targets=", ".join(run.targets))
        if run.targets
        else run.task
    )
    hardware = f"{run.device}, {run.precision}"
    return (
        run.run_id,
        time_words(run.created),
        task,
        run.model,
        run.revision,
        hardware,
        crs_words(run.output_crs_wkt),
    )


def _prompts_of(run: Run, report: Report) -> list[str]:
    told = [
        answer.prompt for each in report.exchanges if each.run.run_id == run.run_id for answer in each.answers
    ]
    return [*run.prompts, *told]


def _pictured(observations: Sequence[Observation], chips: Mapping[str, bytes]) -> Iterable[Block]:
    """What the model saw, as far as it is at hand; at the end, so that words and map stand together."""
    shown = [each.chip for each in observations if each.chip.chip_id in chips][:MOST_PICTURES]
    if not shown:
        return
    yield Heading(tr("The pictures themselves"))
    captions = [tr("{id}, {date}").format(id=chip.chip_id, date=date_words(chip.date)) for chip in shown]
    yield Pictures(tuple(Picture(chips[chip.chip_id], plain(words)) for chip, words in zip(shown, captions)))
