# SPDX-License-Identifier: GPL-2.0-or-later
"""The one place where errors, stages and outcomes become sentences for a person."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QCoreApplication

from ..gis import errors
from ..gis.chip import ChipNote, ChipNoteKind
from ..gis.errors import PluginError, WorkerCrashed, WorkerFailed
from ..gis.run_progress import RunEnd, RunOutcome, RunProgress, RunStage
from ..gis.settings import Settings

LOG_LINES_SHOWN = 4


def tr(text: str) -> str:
    """The text in the user's language."""
    return QCoreApplication.translate("LSpace", text)


def sentence_for(error: PluginError) -> str:
    """What happened and what to do, in one or two sentences."""
    if isinstance(error, WorkerFailed):
        return _worker_failed(error)
    if isinstance(error, WorkerCrashed):
        return _worker_crashed(error)
    make = next(_SENTENCES[kind] for kind in type(error).__mro__ if kind in _SENTENCES)
    return make(error.values)


def stage_words(progress: RunProgress) -> str:
    """What a run is doing, for the line under the progress bar."""
    if progress.stage is RunStage.WRITING:
        words = tr("Writing: {tokens} tokens, {boxes} boxes").format(
            tokens=progress.tokens, boxes=progress.boxes
        )
    else:
        words = _stages()[progress.stage]
        if progress.stage is RunStage.LOADING:
            words = _steps().get(progress.step, words)
    if progress.chips > 1:
        words = tr("Picture {chip} of {chips}. {words}").format(
            chip=progress.chip, chips=progress.chips, words=words
        )
    return words


def end_words(end: RunEnd) -> str:
    """What came of a run."""
    sentences = [_outcome_words(end)]
    if end.error is not None:
        sentences.append(sentence_for(end.error))
    if end.dropped:
        parts = ", ".join(f"{count} {tr(reason)}" for reason, count in end.dropped.items())
        sentences.append(tr("Left out: {parts}.").format(parts=parts))
    if end.cut_short:
        sentences.append(tr("The answer used up its tokens and was cut: there may be more."))
    return " ".join(sentence for sentence in sentences if sentence)


def note_words(note: ChipNote) -> str:
    """What is to be said about a picture before its answer is believed."""
    templates = {
        ChipNoteKind.LAYER_FAILED: tr("The layer {subject} could not be drawn completely: {detail}"),
        ChipNoteKind.LAYER_INVALID: tr("The layer {subject} is broken and not in the picture."),
        ChipNoteKind.MOSTLY_EMPTY: tr("Only {subject} % of the picture shows data."),
    }
    return templates[note.kind].format(subject=note.subject, detail=note.detail)


def setup_advice(settings: Settings) -> tuple[str, str]:
    """Whether a run is possible, in a sentence, and the words of the button where it is not."""
    if not settings.interpreter:
        return tr("The model needs a Python of its own; none is chosen yet."), tr("Options ...")
    model = settings.model_choice().model.replace("\\", "/").rstrip("/").split("/")[-1]
    words = tr("{model}: loads on the first run. Nothing leaves this computer.").format(model=model)
    return (f"{words} {_demonstration_words()}" if settings.is_embedded_model else words), ""


def model_words(info: dict, *, is_embedded: bool) -> str:
    """Which model is loaded, why it runs as it does, and what its answers are worth."""
    reason = info["reason"][:1].upper() + info["reason"][1:]
    sentences = [tr("{name}, {device}, {precision}: ready.").format(**info)]
    if info["random_weights"]:
        sentences.append(tr("This model was never trained: its answers are noise."))
    if is_embedded:
        sentences.append(_demonstration_words())
    sentences.append(tr("{reason} Tried in {probe_s:.1f} s.").format(**{**info, "reason": reason}))
    return " ".join(sentences)


def _demonstration_words() -> str:
    return tr("This is a small model for demonstration and tests, not for analysis.")


def _outcome_words(end: RunEnd) -> str:
    counted = tr("{boxes} boxes on the map.").format(boxes=end.boxes) if end.boxes else ""
    if end.outcome is RunOutcome.FINISHED:
        return counted
    kept = tr("What had arrived is kept: {counted}").format(counted=counted) if counted else ""
    opening = {
        RunOutcome.NOTHING_FOUND: tr("Nothing found: the model proposed no box that can be placed."),
        RunOutcome.CANCELLED: tr("Cancelled."),
        RunOutcome.FAILED: "",
        RunOutcome.CRASHED: tr("The worker stopped by itself; QGIS is not affected."),
    }[end.outcome]
    return f"{opening} {kept}".strip()


def _stages() -> dict[RunStage, str]:
    return {
        RunStage.DRAWING: tr("Drawing the picture"),
        RunStage.STARTING: tr("Starting the model's Python"),
        RunStage.LOADING: tr("Preparing the model"),
        RunStage.READING: tr("Reading the image"),
        RunStage.CANCELLING: tr("Cancelling"),
    }


def _steps() -> dict[str, str]:
    return {
        "download": tr("Downloading the model"),
        "device": tr("Preparing the model: trying the device"),
        "weights": tr("Preparing the model: reading its weights"),
        "digest": tr("Preparing the model: checking its weights"),
    }


def _worker_failed(error: WorkerFailed) -> str:
    code, detail = error.values["code"], error.values["detail"]
    templates = {
        "package_missing": tr(
            "The chosen Python lacks a package the model needs ({detail}). Install the requirements into it."
        ),
        "model_not_found": tr("The model is not there; another can be chosen in the options: {detail}"),
        "model_invalid": tr("The chosen model cannot be used: {detail}"),
        "download_failed": tr("The download broke off; what had arrived is kept for the next try: {detail}"),
        "checksum": tr("The downloaded weights are not the published ones and were thrown away: {detail}"),
        "device": tr("The chosen device cannot be used: {detail}"),
        "out_of_memory": tr("There is too little memory for this model: {detail}"),
        "request": tr("The worker refused the request: {detail}"),
    }
    return templates.get(code, tr("The worker reported an error: {detail}")).format(detail=detail).strip()


def _worker_crashed(error: WorkerCrashed) -> str:
    reason = error.values.get("reason")
    if reason == "not started":
        words = tr("The chosen Python could not be started: {detail}").format(**error.values)
    elif reason == "garbage":
        words = tr("It wrote something that is not an answer, so it was ended.")
    elif reason == "signal" and error.values.get("exit_code") == 9:
        words = tr("It was killed from outside, most often because memory ran out.")
    else:
        words = tr("Its exit code was {exit_code}.").format(exit_code=error.values.get("exit_code"))
    lines = error.values.get("log", "").strip().splitlines()[-LOG_LINES_SHOWN:]
    again = tr("The next run starts a new one.")
    tail = tr("Its last words: {log}").format(log=" / ".join(lines)) if lines else ""
    return " ".join(part for part in (words, again, tail) if part)


_SENTENCES: dict[type, Callable[[dict], str]] = {
    errors.EmptyExtent: lambda _: tr("The area has no size. Zoom to a layer or draw a rectangle."),
    errors.BlankChip: lambda values: {
        "uniform": tr("The picture has one colour only. Is the imagery loaded and visible here?"),
        "failed": tr("The imagery could not be loaded: its server did not answer as it should."),
    }.get(values.get("reason"), tr("No layer shows anything here. Switch the imagery on, or move there.")),
    errors.RenderFailed: lambda _: tr("QGIS could not draw the map. Try again, or with fewer layers."),
    errors.SourceUnreadable: lambda _: tr(
        "Training-grade pictures need a raster layer that GDAL can read. Choose another layer, or take "
        "the picture as the map shows it."
    ),
    errors.CrsUnknown: lambda _: tr(
        "The map's coordinate reference system is not known or cannot be used here."
    ),
    errors.NoUtmZone: lambda _: tr(
        "Training-grade pictures are cut in UTM, which ends here. Take the picture as the map shows it."
    ),
    errors.AoiTooLarge: lambda values: tr(
        "The area needs {chips} pictures, more than the {most} of one run. Choose a smaller area."
    ).format(**values),
    errors.RuntimeNotFound: lambda values: (
        tr("There is no Python program at {path}.").format(**values)
        if values.get("path")
        else tr("The model needs a Python of its own. Choose one in the options.")
    ),
    errors.OtherContract: lambda values: tr(
        "The loaded model is of the kind {found}, and the pictures were made for {expected}. Run again; if "
        "this comes back, choose the folder with the model's files in the options."
    ).format(**values),
    errors.TargetExists: lambda _: tr("The file is there already."),
    errors.TargetNotWritable: lambda _: tr(
        "This folder or file does not allow writing. Choose another place."
    ),
    errors.TargetInUse: lambda _: tr("The file is in use by a layer of the project or by another program."),
    errors.DiskFull: lambda _: tr("There is no room left on the disk. Nothing was changed."),
    errors.SaveCancelled: lambda _: tr("It was cancelled."),
    errors.PluginError: lambda _: tr("Something failed inside LSpace; the log panel of QGIS says more."),
    errors.LayerError: lambda _: tr("QGIS would not take the result layer; its log panel says more."),
    errors.ExportError: lambda _: tr("The file could not be written. Nothing was changed."),
    errors.FormatUnavailable: lambda _: tr("This QGIS cannot write that format."),
}
