# SPDX-License-Identifier: GPL-2.0-or-later
"""What the model says of the places of polygons, one after the other."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsProcessingFeedback,
)

from ...model_backend.request import RunRequest
from ..aoi import Aoi
from ..errors import ChipError, WorkerCrashed, WorkerFailed
from ..imaging.chip import wkt2_of
from ..reprojection import EDGE_POINTS, point_by_point
from .model_session import ModelSession
from .picture_plan import Images
from .translation import tr
from .wording import Wording


class FeatureCaptions:
    """Captions of polygons in one CRS."""

    def __init__(
        self,
        session: ModelSession,
        images: Images,
        crs: QgsCoordinateReferenceSystem,
        transforms: QgsCoordinateTransformContext,
        wording: Wording,
        feedback: QgsProcessingFeedback,
    ) -> None:
        self._session = session
        self._images = images
        self._crs = crs
        self._transforms = transforms
        self._wording = wording
        self._feedback = feedback

    def caption(self, feature: QgsFeature) -> str | None:
        """Of the polygon's place; None where nothing can be said, which is reported.

        Raises:
            RunCancelled: the user gave up.
        """
        try:
            spot = self._images.spot_around(self._area(feature), self._transforms)
            request = RunRequest("caption", (), wkt2_of(self._images.crs))
            _, answer = self._session.ask_at(spot, request)
        except (ChipError, WorkerFailed, WorkerCrashed) as error:
            words = tr("Feature {id} has no caption. {reason}")
            reason = self._wording.sentence_for(error)
            self._feedback.reportError(words.format(id=feature.id(), reason=reason), False)
            return None
        return answer.caption

    def _area(self, feature: QgsFeature) -> Aoi:
        """The polygon in the raster's CRS."""
        aoi = Aoi.from_polygon(feature.geometry(), self._crs)
        if self._crs == self._images.crs:
            return aoi
        fine = aoi.polygon.densifyByCount(EDGE_POINTS)
        moved = point_by_point(fine, self._crs, self._images.crs, self._transforms)
        return Aoi.from_polygon(moved, self._images.crs)
