"""Small georeferenced files in UTM zone 31, on its central meridian."""

from __future__ import annotations

import json

ZONE = "EPSG:32631"
LEFT, TOP = 500_000.0, 5_000_000.0


def write_raster(path, bands, pixel_m=10.0, left=LEFT, top=TOP, crs=ZONE, **profile):
    """Writes (bands, rows, columns), or one band, and returns the path."""
    import rasterio
    from rasterio.transform import from_origin

    bands = bands[None] if bands.ndim == 2 else bands
    count, height, width = bands.shape
    georeference = {"crs": crs, "transform": from_origin(left, top, pixel_m, pixel_m)}
    shape = {"count": count, "height": height, "width": width, "dtype": bands.dtype}
    with rasterio.open(path, "w", driver="GTiff", **shape, **georeference, **profile) as file:
        file.write(bands)
    return path


def write_rectangles(path, rectangles, pixel_m=10.0, crs=ZONE, **fields):
    """Writes (left, top, right, bottom) in pixels of a raster from the corner, as GeoJSON; returns the path.

    ``fields`` are lists, one value a rectangle.
    """
    from pyproj import Transformer

    to_crs = Transformer.from_crs(ZONE, crs, always_xy=True).transform
    features = []
    for index, (left, top, right, bottom) in enumerate(rectangles):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        ring = [to_crs(LEFT + x * pixel_m, TOP - y * pixel_m) for x, y in corners]
        properties = {name: values[index] for name, values in fields.items()}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    name = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{crs.replace(':', '::')}"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": name, "features": features}))
    return path
