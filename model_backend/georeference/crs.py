# SPDX-License-Identifier: GPL-2.0-or-later
"""Coordinate reference systems read from WKT, and the ways between them; x is always east or longitude."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError

from ..errors import GeoreferenceError


@lru_cache(maxsize=32)
def read_crs(wkt: str) -> CRS:
    """The CRS of a WKT text; GeoreferenceError if it is none."""
    try:
        return CRS.from_wkt(wkt)
    except CRSError as error:
        raise GeoreferenceError(f"not a CRS: {error}", wkt=wkt) from error


def is_same_crs(one: CRS, other: CRS) -> bool:
    """Whether coordinates mean the same in both, with x east in either."""
    return bool(one.equals(other, ignore_axis_order=True))


class Ground(NamedTuple):
    """What lies below a CRS: longitude and latitude of its own datum, and the ellipsoid."""

    lon_lat: CRS
    geod: Geod


def ground_of(crs: CRS) -> Ground:
    """The ground of a CRS; GeoreferenceError for one without, such as an engineering CRS."""
    geodetic, geod = crs.geodetic_crs, crs.get_geod()
    if geodetic is None or not geodetic.is_geographic or geod is None:
        raise GeoreferenceError(f"a CRS without longitude and latitude: {crs.name}", crs=crs.name)
    return Ground(geodetic, geod)


@lru_cache(maxsize=32)
def way_between(source: CRS, target: CRS) -> Transformer:
    """The transformation between two CRSs, x first; GeoreferenceError where there is none."""
    try:
        return Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        raise GeoreferenceError(
            f"no transformation from {source.name} to {target.name}: {error}",
            source=source.name,
            target=target.name,
        ) from error
