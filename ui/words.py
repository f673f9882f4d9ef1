# SPDX-License-Identifier: GPL-2.0-or-later
"""The one place where errors, stages and outcomes become sentences for a person."""

from __future__ import annotations

from collections.abc import Callable

from ..gis import errors
from ..gis.errors import PluginError, WorkerCrashed, WorkerFailed
from ..gis.imaging.chip_note import ChipNote, ChipNoteKind
from ..gis.runs.run_progress import RunEnd, RunOutcome, RunProgress, RunStage
from ..gis.runtime.runtime_folder import is_outdated
from ..gis.settings import Settings
from .model_faults import download_failed_words, model_unusable_words
from .remote_words import remote_failed_words, remote_ready_words, remote_unusable_words, remote_words
from .runtime_faults import no_torch_words, runtime_failed_words
from .translation import tr

LOG_LINES_SHOWN = 4


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
    if progress.places > 1:
        words = tr("Place {place} of {places}. {words}").format(
            place=progress.place, places=progress.places, words=words
        )
    return words


def lasting_words(stage: str, share: float | None, seconds: float) -> str:
    """What is being done, with the time left where the share, 0..1, done in ``seconds`` is known."""
    if not share:
        return tr("{stage} {gone} so far").format(stage=stage, gone=_clock_words(seconds))
    return tr("{stage} {left} left").format(stage=stage, left=_clock_words(seconds / share - seconds))


def end_words(end: RunEnd) -> str:
    """What came of a run."""
    sentences = [_outcome_words(end)]
    if end.error is not None:
        sentences.append(sentence_for(end.error))
    if end.dropped:
        parts = ", ".join(f"{count} {_dropped_words(reason)}" for reason, count in end.dropped.items())
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
        ChipNoteKind.MOSTLY_CLOUD: tr(
            "{subject} % of the image is evenly bright and grey: cloud or snow, or a drawn map?"
        ),
        ChipNoteKind.GREY: tr("{subject} % of the image is grey; the model was trained on colour."),
        ChipNoteKind.FALSE_COLOUR: tr("{subject} is not in true colour, the only one that the model knows."),
        ChipNoteKind.BLURRED: tr("The pixels of {subject} are {detail} m wide: too coarse for this model."),
        ChipNoteKind.TOO_FINE: tr("The image shows {subject} of ground; the model was trained on {detail}."),
        ChipNoteKind.TOO_COARSE: tr(
            "The image shows {subject} of ground; the model was trained on {detail}. Small things get lost."
        ),
        ChipNoteKind.LATER_FIRST: tr("The first image ({subject}) is later than the second ({detail})."),
    }
    return templates[note.kind].format(subject=note.subject, detail=note.detail)


def kind_words(kind: str) -> str:
    """How the pixels of a picture were made; ``kind`` is the value of a ``ChipKind``."""
    return {"as shown": tr("as shown"), "training grade": tr("training grade")}.get(kind, kind)


def outcome_words(outcome: RunOutcome) -> str:
    """How a run ended, in a word or two."""
    return {
        RunOutcome.FINISHED: tr("finished"),
        RunOutcome.NOTHING_FOUND: tr("nothing found"),
        RunOutcome.CANCELLED: tr("cancelled"),
        RunOutcome.FAILED: tr("failed"),
        RunOutcome.CRASHED: tr("crashed"),
    }[outcome]


def setup_advice(settings: Settings) -> tuple[str, str]:
    """Whether a run is possible, in a sentence, and the words of the button where it is not."""
    if not settings.interpreter:
        return tr("The model needs a Python of its own; none is chosen yet. LSpace can prepare one."), tr(
            "Set it up ..."
        )
    if settings.remote:
        return remote_words(settings), ""
    model = settings.model_choice().model.replace("\\", "/").rstrip("/").split("/")[-1]
    words = tr("{model}: loads on the first run. Nothing leaves this computer.").format(model=model)
    words = f"{words} {_demonstration_words()}" if settings.is_embedded_model else words
    if is_outdated(settings.interpreter):
        return f"{words} {tr('Its Python was prepared for another version of LSpace.')}", tr("Update it ...")
    return words, ""


def model_words(info: dict, *, is_embedded: bool) -> str:
    """Which model is loaded, and what its answers are worth."""
    if info["device"].startswith("remote"):
        return remote_ready_words(info)
    sentences = [tr("{name}, {device}, {precision}: ready. Nothing leaves this computer.").format(**info)]
    if info["random_weights"]:
        sentences.append(tr("This model was never trained: its answers are noise."))
    if is_embedded:
        sentences.append(_demonstration_words())
    return " ".join(sentences)


def device_words(info: dict) -> str:
    """Why the model runs as it does."""
    reason = info["reason"][:1].upper() + info["reason"][1:]
    return tr("{reason} Tried in {probe_s:.1f} s.").format(**{**info, "reason": reason})


def _demonstration_words() -> str:
    return tr("A small model for demonstration, not for analysis.")


def _outcome_words(end: RunEnd) -> str:
    counted = tr("{boxes} boxes on the map.").format(boxes=end.boxes) if end.boxes else ""
    if end.outcome is RunOutcome.FINISHED:
        return f"{counted} {_denied_words(end)}".strip()
    kept = tr("What had arrived is kept: {counted}").format(counted=counted) if counted else ""
    opening = {
        RunOutcome.NOTHING_FOUND: tr("Nothing found: the model proposed no box that can be placed."),
        RunOutcome.CANCELLED: tr("Cancelled."),
        RunOutcome.FAILED: "",
        RunOutcome.CRASHED: tr("The worker stopped by itself; QGIS is not affected."),
    }[end.outcome]
    return f"{opening} {kept}".strip()


def _clock_words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _dropped_words(reason: str) -> str:
    """Why a box of an answer is not on the map; the worker's words where it has a new one."""
    return {
        "cut": tr("cut off"),
        "no box": tr("without a box"),
        "no label": tr("without a label"),
        "wrong length": tr("without four numbers"),
        "not a number": tr("with something else than numbers"),
        "placeholder": tr("copied from the prompt"),
        "outside": tr("outside of the image"),
        "outside the AOI": tr("outside of the area"),
        "duplicate": tr("told twice"),
    }.get(reason, reason)


def _denied_words(end: RunEnd) -> str:
    if not end.denied:
        return ""
    if len(end.places) == 1:
        return tr("The report found nothing clear, so no boxes were asked for.")
    words = tr(
        "In {denied} of {places} places the report found nothing clear; no boxes were asked for there."
    )
    return words.format(denied=end.denied, places=len(end.places))


def _stages() -> dict[RunStage, str]:
    return {
        RunStage.DRAWING: tr("Drawing the picture"),
        RunStage.STARTING: tr("Starting the model's Python"),
        RunStage.LOADING: tr("Preparing the model"),
        RunStage.READING: tr("Reading the image"),
        RunStage.AGREEING: tr("Looking at it mirrored and moved"),
        RunStage.CANCELLING: tr("Cancelling"),
    }


def _steps() -> dict[str, str]:
    return {
        "download": tr("Downloading the model"),
        "server": tr("Asking the server"),
        "device": tr("Preparing the model: trying the device"),
        "weights": tr("Preparing the model: reading its weights"),
        "graphs": tr("Preparing the model for this processor, once"),
        "digest": tr("Preparing the model: checking its weights"),
    }


def _worker_failed(error: WorkerFailed) -> str:
    code, detail = error.values["code"], error.values["detail"]
    if code == "download_failed":
        return download_failed_words(error.values)
    if code == "remote_failed":
        return remote_failed_words(error.values)
    if code == "device" and error.values.get("reason") == "no torch":
        return no_torch_words()
    templates = {
        "package_missing": tr(
            "The chosen Python lacks a package the model needs ({detail}). Install the requirements into it."
        ),
        "model_not_found": tr("The model is not there; another can be chosen in the options: {detail}"),
        "model_invalid": tr("The chosen model cannot be used: {detail}"),
        "checksum": tr("The downloaded weights are not the published ones and were thrown away: {detail}"),
        "device": tr("The chosen device cannot be used: {detail}"),
        "out_of_memory": tr(
            "There is too little memory for this model: {detail}. Close other programs, or choose bfloat16 "
            "or a higher limit in the options (tab Device), or a smaller model (tab Models)."
        ),
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
    errors.EmptyExtent: lambda values: {
        "not drawn": tr("No shape is drawn yet. Draw a rectangle or a polygon on the map."),
        "no layer": tr("There is no layer to take the area from. Add one, or draw the area on the map."),
        "nothing selected": tr("No feature of this layer is selected. Select polygons on the map."),
        "empty layer": tr("This layer is empty or cannot be read. Choose another one."),
    }.get(values.get("reason"), tr("The area has no size. Zoom to a layer or draw a rectangle.")),
    errors.SelectionTooLarge: lambda values: tr(
        "More than {most} features are selected. Select fewer, or take the layer's extent."
    ).format(**values),
    errors.BlankChip: lambda values: {
        "uniform": tr("The picture has one colour only. Is the imagery loaded and visible here?"),
        "failed": tr("The imagery could not be loaded: its server did not answer as it should."),
    }.get(values.get("reason"), tr("No layer shows anything here. Switch the imagery on, or move there.")),
    errors.RenderFailed: lambda values: (
        tr("The server of {layer} did not answer {count} requests: {why}.").format(**values)
        if "why" in values
        else tr("QGIS could not draw the map. Try again, or with fewer layers.")
    ),
    errors.SourceUnreadable: lambda _: tr(
        "Training-grade pictures need a raster layer that GDAL can read. Choose another layer, or take "
        "the picture as the map shows it."
    ),
    errors.CrsUnknown: lambda values: (
        tr("The layer {layer} has no coordinate reference system. Set one in its properties.").format(
            **values
        )
        if "layer" in values
        else tr("The map's coordinate reference system is not known or cannot be used here.")
    ),
    errors.NoUtmZone: lambda _: tr(
        "Training-grade pictures are cut in UTM, which ends here. Take the picture as the map shows it."
    ),
    errors.AoiTooLarge: lambda values: tr(
        "The area needs {chips} pictures, more than the {most} of one run. Choose a smaller area, or start a "
        "scan of it under Scan."
    ).format(**values),
    errors.ImageGone: lambda values: tr(
        "The image needs {name}, which is no longer in the project. Choose another image."
    ).format(name=values.get("name", "")),
    errors.SameImages: lambda _: tr(
        "The images to compare are the same. Choose another one, or capture the map before you change it."
    ),
    errors.MixedImages: lambda _: tr(
        "All images of a question have to be of one kind: as the map shows them, or training grade."
    ),
    errors.TargetUnknown: lambda values: tr("The model that draws boxes can look for: {names}.").format(
        names=", ".join(values.get("known", ()))
    ),
    errors.ModelUnusable: model_unusable_words,
    errors.ModelNotRemoved: lambda _: tr(
        "The model could not be removed: a program has its files open, or the folder does not allow it. "
        "Restart QGIS and try again."
    ),
    errors.RemoteUnusable: remote_unusable_words,
    errors.MapToolError: lambda _: tr("The map could not do what the model asked for."),
    errors.ProjectClosed: lambda _: tr("The project was closed before the answer was complete."),
    errors.LayerRemoved: lambda _: tr(
        "A layer of this question was removed while it was being filled, so the question was given up."
    ),
    errors.RuntimeNotFound: lambda values: (
        tr("There is no Python program at {path}.").format(**values)
        if values.get("path")
        else tr("The model needs a Python of its own. Choose one in the options.")
    ),
    errors.RuntimeFailed: runtime_failed_words,
    errors.OtherContract: lambda values: tr(
        "The loaded model is of the kind {found}, and the pictures were made for {expected}. Run again; if "
        "this comes back, choose the folder with the model's files in the options."
    ).format(**values),
    errors.NothingToSave: lambda values: (
        tr("No proposal is accepted yet. Accept some first, or save all.")
        if values.get("status") == "accepted"
        else tr("There is no such proposal in the layer.")
    ),
    errors.RasterUnusable: lambda values: {
        "provider": tr("The layer {layer} is no raster file, so it cannot be measured. Choose another."),
        "crs": tr("The layer {layer} has no coordinate reference system. Set it in its properties."),
        "place": tr("The layer {layer} does not say where its pixels lie. Georeference it first."),
    }.get(
        values.get("reason"), tr("The layer {layer} cannot be read. See whether its file is still there.")
    ).format(layer=values.get("layer", "")),
    errors.ScanDiffers: lambda _: tr(
        "This file holds a scan of another area, image, model or question. Choose a new file."
    ),
    errors.JournalUnusable: lambda values: {
        "no scan": tr("This file holds no scan. Choose another, or a new one."),
        "locked": tr("Another program is writing into the scan's file. Close it there, then go on."),
        "full": tr("The disk is full. What is done is kept; make room, then go on."),
    }.get(values.get("reason"), tr("The scan's file cannot be read or written. Go on in a new file.")),
    errors.TargetExists: lambda _: tr("The file is there already."),
    errors.TargetNotWritable: lambda _: tr(
        "This folder or file does not allow writing. Choose another place."
    ),
    errors.TargetInUse: lambda _: tr("The file is in use by a layer of the project or by another program."),
    errors.DiskFull: lambda _: tr("There is no room left on the disk. Nothing was changed."),
    errors.SaveCancelled: lambda _: tr("It was cancelled."),
    errors.PluginError: lambda _: tr("Something failed inside LSpace; the log panel of QGIS says more."),
    errors.LayerError: lambda _: tr("QGIS would not take the result layer; its log panel says more."),
    errors.ValuesRejected: lambda _: tr(
        "The layer takes no new values: it is read-only, or was not made by LSpace. Save it as another file "
        "first."
    ),
    errors.ExportError: lambda _: tr("The file could not be written. Nothing was changed."),
    errors.FormatUnavailable: lambda _: tr("This QGIS cannot write that format."),
}
