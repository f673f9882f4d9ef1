# SPDX-License-Identifier: GPL-2.0-or-later
"""The model, asked place by place in the thread of an algorithm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingFeedback

from ...model_backend.proposal import Detection
from ...model_backend.protocol import MessageType
from ...model_backend.request import BatchRequest, RunRequest
from ..errors import BlankChip, OtherContract, RunCancelled, WorkerCrashed, WorkerFailed
from ..imaging.chip import ChipSet, wkt2_of
from ..interpreter import usable_interpreter
from ..provenance import Run
from ..remote_endpoint import load_body
from ..runs.active_run import answer_of
from ..runs.answer import Answer
from ..runs.waiting_worker import WaitingWorker
from ..settings import Settings
from .picture_plan import Images, Spot
from .translation import tr
from .wording import Wording


@dataclass(frozen=True)
class PlaceAnswer:
    """What the model said of one place."""

    detections: tuple[tuple[Detection, str], ...]
    """Each with the prompt that it answers."""
    told: tuple[dict[str, Any], ...]
    """Its answers as the worker tells them when the place is done."""
    denied: bool
    """Whether a report said that there is nothing, so that no boxes were asked for."""

    @property
    def caption(self) -> str:
        """All its prose."""
        return "\n".join(each["text"] for each in self.told if each["answer"] == "text")

    def answers(self, chip_id: str) -> tuple[Answer, ...]:
        """The answers about the place of that chip."""
        return tuple(answer_of(chip_id, each) for each in self.told)


Place = tuple[ChipSet, "PlaceAnswer | None"]
"""Pictures, and what was said of them; None where the worker failed."""


class ModelSession:
    """Pictures, and a worker that is asked about them; a context manager, for one thread.

    All methods raise ``RunCancelled``, ``WorkerFailed`` and ``WorkerCrashed`` as ``WaitingWorker.ask``.
    """

    def __init__(
        self, settings: Settings, images: Images, wording: Wording, feedback: QgsProcessingFeedback
    ) -> None:
        """Raises ``RuntimeNotFound`` where there is no Python for the worker."""
        self.contract = settings.expected_contract
        self._settings = settings
        self._images = images
        self._wording = wording
        self._feedback = feedback
        self.worker = WaitingWorker(usable_interpreter(settings.interpreter), feedback.isCanceled)
        self._info: dict[str, Any] = {}

    def __enter__(self) -> ModelSession:
        self._images.enter_thread()
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()
        self._images.leave_thread()

    def load(self) -> None:
        """Starts the worker and has the model loaded.

        Raises:
            OtherContract: the model is of another kind than was expected.
            RemoteUnusable: a server is to answer, and cannot be asked as it is set.
        """
        self._feedback.setProgressText(tr("Loading the model"))
        loaded = self.worker.answer(MessageType.LOAD, load_body(self._settings))
        if loaded["contract"] != self.contract.name:
            raise OtherContract(expected=self.contract.name, found=loaded["contract"])
        self._info = loaded["info"]
        words = tr("{name} {revision}, {device}, {precision}: {reason}")
        self._feedback.pushInfo(words.format(**self._info))
        if self._info["random_weights"]:
            self._feedback.pushWarning(tr("This model was never trained: its answers are noise."))

    def run_record(self, request: RunRequest, crs: QgsCoordinateReferenceSystem) -> Run:
        """The provenance of what is about to be asked, once the model is loaded."""
        return Run.of_model(
            self._info,
            task=request.task,
            targets=request.targets,
            output_crs_wkt=wkt2_of(crs),
            images=len(self._images.sources),
            options={"clip_wkt": request.clip_wkt},
        )

    def ask_at(self, spot: Spot, request: RunRequest) -> tuple[ChipSet, PlaceAnswer]:
        """Makes the pictures of a place and asks about them; ``request`` has no chips yet.

        Raises:
            ChipError: there is no picture.
        """
        place = self._images.chips_at(spot, self._feedback.isCanceled)
        return place, self._ask(place, request)

    def answered(self, spots: Sequence[Spot], request: RunRequest) -> Iterator[Place]:
        """The same for many places; ends without an error where the user gives up.

        Places without data are told of and left out.

        Raises:
            PluginError: the first place could not be asked about, or there is nothing to see at any.
        """
        is_any = False
        for index, spot in enumerate(spots):
            self._tell_progress(index, len(spots))
            try:
                place = self._images.chips_at(spot, self._feedback.isCanceled)
            except RunCancelled:
                return
            except BlankChip as error:
                if not is_any and index == len(spots) - 1:
                    raise
                self._feedback.reportError(self._wording.sentence_for(error), False)
                continue
            try:
                yield place, self._ask(place, request)
            except RunCancelled:
                return
            except (WorkerFailed, WorkerCrashed) as error:
                if not is_any:
                    raise
                self._feedback.reportError(self._wording.sentence_for(error), False)
                yield place, None
            is_any = True
        self._feedback.setProgress(100)

    def _ask(self, place: ChipSet, request: RunRequest) -> PlaceAnswer:
        self._tell_notes(place)
        if not self.worker.is_running:
            self.load()
        asked = replace(request, chips=tuple(made.chip for made in place.chips))
        detections, done = [], {}
        for message in self.worker.ask(MessageType.RUN, asked.to_payload()):
            if message.type is MessageType.DETECTION:
                found = Detection.from_payload(message.body["detection"])
                detections.append((found, message.body["prompt"]["prompt"]))
            elif message.type is MessageType.CHIP_DONE:
                done = message.body
        answer = PlaceAnswer(tuple(detections), tuple(done["answers"]), done["gated"])
        self._tell_answer(answer)
        return answer

    def ask_together(self, places: Sequence[ChipSet], request: RunRequest) -> list[dict[str, Any]]:
        """Asks about places side by side; the body of each one's ``chip_done`` message, in their order."""
        if not self.worker.is_running:
            self.load()
        runs = [replace(request, chips=tuple(made.chip for made in place.chips)) for place in places]
        messages = self.worker.ask(MessageType.BATCH, BatchRequest(tuple(runs)).to_payload())
        return [message.body for message in messages if message.type is MessageType.CHIP_DONE]

    def _tell_progress(self, index: int, total: int) -> None:
        self._feedback.setProgress(100 * index / total)
        words = tr("Place {number} of {total}")
        self._feedback.setProgressText(words.format(number=index + 1, total=total))

    def _tell_notes(self, place: ChipSet) -> None:
        """What is to be known of a picture before its answer is believed."""
        for made in place.chips:
            for note in made.notes:
                self._feedback.pushWarning(f"{made.chip.chip_id}: {self._wording.note_words(note)}")

    def _tell_answer(self, answer: PlaceAnswer) -> None:
        """The model's prose, and how many boxes it proposed."""
        if answer.caption:
            self._feedback.pushInfo(answer.caption)
        if answer.denied:
            self._feedback.pushInfo(tr("The report found nothing clear, so no boxes were asked for."))
        elif any(each["answer"] == "boxes" for each in answer.told):
            self._feedback.pushInfo(tr("Boxes: {count}").format(count=len(answer.detections)))
