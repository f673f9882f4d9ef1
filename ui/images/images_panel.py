# SPDX-License-Identifier: GPL-2.0-or-later
"""The images of a question: where they come from, how the model will see them, and what is off about them."""

from __future__ import annotations

from qgis.core import QgsProject, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QTimer, pyqtSignal
from qgis.PyQt.QtGui import QHideEvent, QShowEvent
from qgis.PyQt.QtWidgets import QGridLayout, QToolButton, QWidget

from ...gis.aoi import Aoi
from ...gis.errors import ChipError, MixedImages, SameImages
from ...gis.imaging.advice import Remedy, RemedyKind, advise_order
from ...gis.imaging.image_catalogue import ChoiceKind, ImageCatalogue, ImageChoice
from ...gis.imaging.image_source import ImageSource
from ...model_backend.contract import ChipGeometry, Contract
from ..ability_words import one_image_words
from ..parts import fill_column, quiet_label, row
from ..words import sentence_for
from .image_slot import ImageSlot
from .preview_part import PreviewPart, Shown

REST_MS = 400
"""The map, the area and the choices have to rest this long before a preview is made."""
MOST_IMAGES = 4


class ImagesPanel(QWidget):
    """A row an image, their preview, and advice."""

    aoi_advised = pyqtSignal(object, float)
    """The ``Aoi`` of the trained size around the present one's middle; and, for an AOI that is the map's
    view, how many times more of the ground is to be in view (``QgsMapCanvas.zoomByFactor``)."""
    told = pyqtSignal(str)
    preview_changed = pyqtSignal()
    """What is said of the images is another text: the panel may want another height."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._project = QgsProject.instance()
        self._catalogue = ImageCatalogue(self._project)
        self._contract: Contract | None = None
        self._aoi: Aoi | None = None
        self._least = self._most = self._count = 0
        self._is_paused = self._is_shut_down = False
        self._is_stale = True
        self._extent, self._scale = QgsRectangle(), 0.0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._build()
        self._connect()
        self.set_image_count(1, 1)

    # what the panel says

    def sources(self) -> tuple[ImageSource, ...]:
        """The images in the prompt's order, the earlier first.

        Raises:
            ImageGone, SourceUnreadable, CrsUnknown: one of them cannot be had.
            SameImages, MixedImages: they cannot be compared.
        """
        slots = self._used_slots()
        sources = tuple(self._source(slot) for slot in slots)
        self._check(slots, sources)
        return sources

    # what it is told

    def set_contract(self, contract: Contract) -> None:
        """Says what the model was trained on."""
        if contract is not self._contract:
            self._contract = contract
            self._show_slots(self._count)

    def set_image_count(self, least: int, most: int) -> None:
        """Says how many images the task goes with; two of two are before and after."""
        counts = (least, min(most, MOST_IMAGES))
        if counts != (self._least, self._most):
            self._least, self._most = counts
            self._show_slots(min(max(self._count, self._least), self._most))

    def set_aoi(self, aoi: Aoi | None) -> None:
        """Says which area the chips are of; None where there is none."""
        self._aoi = aoi
        self._refresh_soon()

    def set_paused(self, paused: bool) -> None:
        """While it is paused no preview is made: a run needs the computer."""
        self._is_paused = paused
        if paused:
            self._stop()
        elif self._is_stale:
            self._refresh_soon()

    def shut_down(self) -> None:
        """Stops what is under way and listens no more; once is enough, twice does no harm."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        self._stop()
        for signal, slot in self._signals():
            signal.disconnect(slot)

    # how it is built

    def _build(self) -> None:
        self.slots = [ImageSlot() for _ in range(MOST_IMAGES)]
        self.add_button = _small_button("+", self.tr("One more image"))
        self.remove_button = _small_button("−", self.tr("One image less"))
        self.count_row = row(quiet_label(self.tr("More images of the same area")), self.add_button)
        self.count_row.layout().addWidget(self.remove_button)
        self.preview = PreviewPart()
        rows_part = QWidget()
        rows = QGridLayout(rows_part)  # a form keeps the gaps of hidden rows
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setColumnStretch(1, 1)
        rows.setHorizontalSpacing(4)
        for number, slot in enumerate(self.slots):
            rows.addWidget(slot.label, number, 0)
            rows.addWidget(slot, number, 1)
        fill_column(self, rows_part, self.count_row, self.preview)
        self.setWhatsThis(
            self.tr(
                "What the model is shown: the map as you see it, one layer, a map theme, a moment in time, a "
                "captured map, or training-grade squares cut out of a raster file. The preview is the exact "
                "picture; the lines below say what is off what the model was trained on."
            )
        )

    def _connect(self) -> None:
        for slot in self.slots:
            slot.changed.connect(self._on_slot_changed)
            slot.opening.connect(self._offer)
            slot.capture_requested.connect(self._capture)
            slot.told.connect(self.told)
        self.add_button.clicked.connect(lambda: self._show_slots(self._count + 1))
        self.remove_button.clicked.connect(lambda: self._show_slots(self._count - 1))
        self.preview.followed.connect(self._follow)
        self.preview.words_changed.connect(self.preview_changed)
        self._rest.timeout.connect(self._refresh)
        for signal, slot in self._signals():
            signal.connect(slot)

    def _signals(self) -> list[tuple]:
        """Those that come without the user's doing, each with its slot."""
        project = [(self._project.layersRemoved, self._refresh_soon), (self._project.cleared, self._forget)]
        if sip.isdeleted(self._canvas):
            return project
        return [*project, (self._canvas.mapCanvasRefreshed, self._on_map_drawn)]

    def _show_slots(self, count: int) -> None:
        self._count = count
        titles, names = self._titles(count)
        for position, slot in enumerate(self.slots):
            slot.show_row(position < count)
            if position < count:
                slot.set_title(titles[position], names[position])
        self._explain_one_image()
        self.add_button.setEnabled(count < self._most)
        self.remove_button.setEnabled(count > self._least)
        self.preview.set_names(names)
        self._on_slot_changed()

    def _explain_one_image(self) -> None:
        """Where the model takes one image alone, says so in place of the buttons' tooltips."""
        reason = one_image_words(self._contract) if self._contract is not None else ""
        self.count_row.setVisible(self._least < self._most or bool(reason))
        self.add_button.setToolTip(reason or self.tr("One more image"))

    def _titles(self, count: int) -> tuple[list[str], list[str]]:
        """With a mark for the key that leads there, and without."""
        if self._is_pair:
            titles = [self.tr("&Before"), self.tr("A&fter")]
        elif count == 1:
            titles = [self.tr("&Image")]
        else:
            titles = [self.tr("Image &{number}").format(number=number) for number in range(1, count + 1)]
        return titles, [title.replace("&", "") for title in titles]

    # what is chosen

    @property
    def _is_pair(self) -> bool:
        """Before and after."""
        return self._least == self._most == 2

    def _used_slots(self) -> list[ImageSlot]:
        return self.slots[: self._count]

    def _offer(self) -> None:
        view, controller = self._canvas.mapSettings(), self._canvas.temporalController()
        choices = self._catalogue.choices(view, controller)
        for slot in self._used_slots():
            slot.offer(choices)

    def _source(self, slot: ImageSlot) -> ImageSource:
        """The chosen image with the date that stands beside it, the known one brought up to date."""
        source = self._catalogue.source(slot.choice(), self._canvas.mapSettings())
        slot.show_known_date(source.date)
        return source.dated(slot.date())

    def _check(self, slots: list[ImageSlot], sources: tuple[ImageSource, ...]) -> None:
        if len({slot.choice() for slot in slots}) < len(slots):
            raise SameImages("two images are one and the same")
        if len({source.kind for source in sources}) > 1:
            raise MixedImages("one image as shown, another training grade")

    def _capture(self) -> None:
        choice = self._catalogue.capture(self._canvas.mapSettings())
        self._offer()
        self.sender().choose(choice)

    def _forget(self) -> None:
        """Another project: nothing that was chosen is in it."""
        self._catalogue.forget_captures()
        for slot in self.slots:
            slot.offer([ImageChoice()])
            slot.choose(ImageChoice())

    def _follow(self, remedy: Remedy) -> None:
        if remedy.kind is RemedyKind.TRAINED_SCALE:
            self.aoi_advised.emit(remedy.aoi, remedy.zoom)
        elif remedy.kind is RemedyKind.TRAINING_GRADE:
            self._offer()
            self.slots[0].choose(ImageChoice(ChoiceKind.RASTER, remedy.layer_id))
        elif remedy.kind is RemedyKind.SWAP:
            self._swap()
        else:
            self._refresh()

    def _swap(self) -> None:
        first, second = self.slots[:2]
        choices = (first.choice(), second.choice())
        dates = (first.typed_date(), second.typed_date())
        for slot, choice, typed in zip((second, first), choices, dates):
            slot.choose(choice)
            slot.write_date(typed)
        self._on_slot_changed()

    # the preview

    def _on_slot_changed(self) -> None:
        for slot in self._used_slots():
            self._show_known_date(slot)
        self._refresh_soon()

    def _show_known_date(self, slot: ImageSlot) -> None:
        try:
            self._source(slot)
        except ChipError:
            slot.show_known_date(None)

    def _on_map_drawn(self) -> None:
        """The map is drawn anew after any change of a layer or style; moving it alone changes no image."""
        view = self._canvas.mapSettings()
        extent, scale = view.visibleExtent(), view.scale()
        has_moved = extent != self._extent and abs(scale - self._scale) < 1e-6 * scale
        self._extent, self._scale = extent, scale
        if not has_moved:
            self._refresh_soon()

    def _refresh_soon(self) -> None:
        self._is_stale = True
        if self.isVisible() and not self._is_paused and not self._is_shut_down:
            self._rest.start()

    def _stop(self) -> None:
        self._is_stale = self._is_stale or self.preview.is_busy
        self._rest.stop()
        self.preview.stop()

    def _refresh(self) -> None:
        self._rest.stop()
        self._is_stale = False
        shown = None
        if self._aoi is not None and self._contract is not None:
            shown = self._shown(self._aoi, self._contract.chip)
        self.preview.show_images(shown)

    def _shown(self, aoi: Aoi, geometry: ChipGeometry) -> Shown:
        sources, faults = {}, {}
        slots = self._used_slots()
        for position, slot in enumerate(slots):
            try:
                sources[position] = self._source(slot)
            except ChipError as error:
                faults[position] = error
        advice = advise_order([slot.date() for slot in slots]) if self._is_pair else ()
        return Shown(aoi, geometry, sources, faults, self._complaint(slots, sources), advice)

    def _complaint(self, slots: list[ImageSlot], sources: dict[int, ImageSource]) -> str:
        """Why the images cannot be asked about together, if each of them is there."""
        if len(sources) == len(slots):
            try:
                self._check(slots, tuple(sources.values()))
            except ChipError as error:
                return sentence_for(error)
        return ""

    def showEvent(self, event: QShowEvent) -> None:
        """Makes the preview that was not needed before."""
        super().showEvent(event)
        if self._is_stale:
            self._refresh_soon()

    def hideEvent(self, event: QHideEvent) -> None:
        """Makes none while nobody sees it."""
        self._stop()
        super().hideEvent(event)


def _small_button(text: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setAccessibleName(tooltip)
    button.setToolTip(tooltip)
    return button
