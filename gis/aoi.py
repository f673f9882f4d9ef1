# SPDX-License-Identifier: GPL-2.0-or-later
"""The area of interest: a polygon in a CRS, and how the map was turned when it was chosen."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsFeatureRequest,
    QgsGeometry,
    QgsMapLayer,
    QgsMapSettings,
    QgsMapToPixel,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)

from .errors import CrsUnknown, EmptyExtent, RecordInvalid, SelectionTooLarge
from .reprojection import reprojected

MOST_FEATURES = 2000
"""Of a selection: they are read and united while the user waits."""
WKT_DECIMALS = 17
"""As many as it takes to get the same number back."""
WGS84 = "EPSG:7030"
MEASURED_SHARE = 1 / 256
"""Only the middle of a frame is measured: its ends may lie beyond the Earth's edge."""


@dataclass(frozen=True)
class Frame:
    """A rectangle on the map that is upright on the screen."""

    centre: QgsPointXY
    width: float
    """Along the screen's horizontal, map units."""
    height: float
    rotation_deg: float
    """Clockwise turn of the map on the screen, as in ``QgsMapSettings.rotation()``."""


@dataclass(frozen=True)
class Aoi:
    """An area of interest."""

    polygon: QgsGeometry
    crs: QgsCoordinateReferenceSystem
    rotation_deg: float = 0.0

    @classmethod
    def from_view(cls, settings: QgsMapSettings) -> Aoi:
        """What the map shows; a turned map gives a turned rectangle.

        Raises:
            EmptyExtent: the map has no extent, or one too large for QGIS to draw.
            CrsUnknown: the map has no CRS.
        """
        if not settings.hasValidSettings():
            raise EmptyExtent("the map's extent cannot be drawn", reason="no map")
        size = settings.outputSize()
        to_map = settings.mapToPixel().toMapCoordinatesF
        corners = [(0.0, 0.0), (size.width(), 0.0), (size.width(), size.height()), (0.0, size.height())]
        return cls.from_corners([to_map(x, y) for x, y in corners], settings)

    @classmethod
    def from_corners(cls, corners: list[QgsPointXY], settings: QgsMapSettings) -> Aoi:
        """A polygon with these corners in the map's CRS.

        Raises:
            EmptyExtent: the corners enclose no area.
            CrsUnknown: the map has no CRS.
        """
        outline = QgsGeometry.fromPolygonXY([corners])
        return cls.from_polygon(outline, settings.destinationCrs(), settings.rotation())

    @classmethod
    def from_polygon(
        cls, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, rotation_deg: float = 0.0
    ) -> Aoi:
        """The polygons of a geometry: arcs become edges, crossings are resolved, heights dropped.

        Raises:
            EmptyExtent: they enclose no area.
            CrsUnknown: there is no CRS.
        """
        if not crs.isValid():
            raise CrsUnknown("no CRS")
        polygon = _plain_polygons(geometry)
        if not polygon.area() > 0:
            raise EmptyExtent("the area has no width or no height", reason="no area")
        return cls(polygon, crs, rotation_deg)

    @classmethod
    def from_features(cls, layer: QgsVectorLayer, rotation_deg: float = 0.0) -> Aoi:
        """The selected polygons of a layer as one area in the layer's CRS.

        Raises:
            EmptyExtent: nothing is selected, or nothing that has an area.
            SelectionTooLarge: too many are.
            CrsUnknown: the layer has no CRS.
        """
        _check_crs(layer)
        count = layer.selectedFeatureCount()
        if not count:
            raise EmptyExtent("nothing is selected", reason="nothing selected", layer=layer.name())
        if count > MOST_FEATURES:
            raise SelectionTooLarge("too many features", count=count, most=MOST_FEATURES)
        selected = layer.getSelectedFeatures(QgsFeatureRequest().setNoAttributes())
        shapes = [_plain_polygons(feature.geometry()) for feature in selected]
        return cls.from_polygon(QgsGeometry.unaryUnion(shapes), layer.crs(), rotation_deg)

    @classmethod
    def from_layer_extent(cls, layer: QgsMapLayer, rotation_deg: float = 0.0) -> Aoi:
        """The rectangle around all that a layer holds, in the layer's CRS.

        Raises:
            EmptyExtent: the layer is empty or broken, or all of it lies on one point or line.
            CrsUnknown: it has no CRS.
        """
        _check_crs(layer)
        extent = layer.extent()
        if not layer.isValid() or extent.isNull() or not extent.isFinite():
            raise EmptyExtent("the layer has no extent", reason="empty layer", layer=layer.name())
        return cls.from_polygon(QgsGeometry.fromRect(extent), layer.crs(), rotation_deg)

    @classmethod
    def from_json(cls, text: str) -> Aoi:
        """Reads what ``to_json`` wrote.

        Raises:
            RecordInvalid: it is something else.
        """
        try:
            values = json.loads(text)
            crs = _crs_from(values["authid"], values["crs_wkt"])
            geometry, rotation_deg = QgsGeometry.fromWkt(values["wkt"]), float(values["rotation_deg"])
            if not math.isfinite(rotation_deg):
                raise RecordInvalid("the rotation is not a number", record=text[:80])
            return cls.from_polygon(geometry, crs, rotation_deg)
        except (ValueError, KeyError, TypeError, AttributeError, EmptyExtent, CrsUnknown) as error:
            raise RecordInvalid(str(error), record=text[:80]) from error

    def to_json(self) -> str:
        """The area as one line of JSON, to the last digit; two areas are the same where it is."""
        return json.dumps(
            {
                "wkt": self.polygon.asWkt(WKT_DECIMALS),
                "authid": self.crs.authid(),
                "crs_wkt": self.crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED),
                "rotation_deg": self.rotation_deg,
            }
        )

    def on_map(self, settings: QgsMapSettings) -> Aoi:
        """The same area in the map's CRS and turned as the map is.

        Raises:
            CrsUnknown: it has no place there.
        """
        crs = settings.destinationCrs()
        return Aoi(reprojected(self.polygon, self.crs, crs), crs, settings.rotation())

    def for_chips(self, settings: QgsMapSettings) -> Aoi:
        """The area as chips of it are drawn: in the map's CRS, so that they look as the map does.

        Raises:
            CrsUnknown: it has no place there.
        """
        return self if self.crs == settings.destinationCrs() else self.on_map(settings)

    def frame(self) -> Frame:
        """The smallest rectangle around the polygon that is upright on the screen."""
        around = self.polygon.boundingBox().center()
        screen = QgsMapToPixel(1.0, around.x(), around.y(), 2, 2, self.rotation_deg)
        pixels = [screen.transform(QgsPointXY(vertex)) for vertex in self.polygon.vertices()]
        columns, rows = [p.x() for p in pixels], [p.y() for p in pixels]
        middle = screen.toMapCoordinatesF((min(columns) + max(columns)) / 2, (min(rows) + max(rows)) / 2)
        return Frame(middle, max(columns) - min(columns), max(rows) - min(rows), self.rotation_deg)

    def size_m(self) -> tuple[float, float]:
        """Width and height on the ground, metres, at the scale of the frame's middle.

        Raises:
            CrsUnknown: the middle is no place on the ground.
        """
        frame = self.frame()
        right, down = frame.width * MEASURED_SHARE / 2, frame.height * MEASURED_SHARE / 2
        screen = QgsMapToPixel(1.0, frame.centre.x(), frame.centre.y(), 2, 2, frame.rotation_deg)
        along = [(1 - right, 1.0), (1 + right, 1.0)]
        across = [(1.0, 1 - down), (1.0, 1 + down)]
        ruler = ruler_for(self.crs)
        width, height = (
            ruler.measureLine([screen.toMapCoordinatesF(x, y) for x, y in line]) / MEASURED_SHARE
            for line in (along, across)
        )
        if not (math.isfinite(width) and math.isfinite(height) and min(width, height) > 0):
            raise CrsUnknown("nothing can be measured here", crs=self.crs.userFriendlyIdentifier())
        return width, height

    def area_m2(self) -> float:
        """Geodesic area in square metres, holes left out; of no use where a side spans a continent.

        Raises:
            CrsUnknown: it cannot be measured.
        """
        try:
            area = float(ruler_for(self.crs).measureArea(self.polygon))
        except QgsCsException as error:
            raise CrsUnknown(str(error), crs=self.crs.userFriendlyIdentifier()) from error
        if not (math.isfinite(area) and area > 0):
            raise CrsUnknown("nothing can be measured here", crs=self.crs.userFriendlyIdentifier())
        return area


def _plain_polygons(geometry: QgsGeometry) -> QgsGeometry:
    """Valid polygons with straight edges and no heights; a geometry without area if there are none."""
    if geometry.isEmpty():
        return QgsGeometry()
    flat = geometry.constGet().segmentize()
    flat.dropZValue()
    flat.dropMValue()
    plain, polygons = QgsGeometry(flat), QgsWkbTypes.GeometryType.PolygonGeometry
    if plain.type() == polygons and plain.isGeosValid():
        return plain
    parts = plain.makeValid().asGeometryCollection()
    return QgsGeometry.unaryUnion([part for part in parts if part.type() == polygons])


def _check_crs(layer: QgsMapLayer) -> None:
    if not layer.crs().isValid():
        raise CrsUnknown("the layer has no CRS", layer=layer.name())


def _crs_from(authid: str, wkt: str) -> QgsCoordinateReferenceSystem:
    """By its WKT where it is in no register: a number of the user's own means another CRS elsewhere."""
    registered = QgsCoordinateReferenceSystem.fromOgcWmsCrs("" if authid.startswith("USER:") else authid)
    return registered if registered.isValid() else QgsCoordinateReferenceSystem.fromWkt(wkt)


def ruler_for(
    crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext | None = None
) -> QgsDistanceArea:
    """Measures in metres, on the CRS's own ellipsoid where it is a registered one, else on WGS 84.

    With an ellipsoid given by its axes, QGIS 3.22 measures nothing (NaN). Without a context it is the
    project's, which only the GUI thread may ask.
    """
    acronym = crs.ellipsoidAcronym()
    ruler = QgsDistanceArea()
    ruler.setSourceCrs(crs, context or QgsProject.instance().transformContext())
    ellipsoid = WGS84 if not acronym or acronym.startswith("PARAMETER") else acronym
    if not ruler.setEllipsoid(ellipsoid):
        raise CrsUnknown("QGIS does not know the ellipsoid", ellipsoid=ellipsoid)
    return ruler
