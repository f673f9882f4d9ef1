"""LFM2-VL's processor as transformers has it, but for torchvision: our reading of pictures is held to it.

transformers has this processor for torchvision only, which a plain install of torch does not bring.
Without resizing the numbers are the same; with it they differ by at most 2 of 255 grey levels,
because Pillow rounds otherwise.
"""

# no deferred annotations here: transformers reads the keyword types at run time

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer, Lfm2VlProcessor
from transformers.image_processing_backends import PilBackend
from transformers.image_processing_base import BatchFeature
from transformers.image_utils import PILImageResampling, SizeDict
from transformers.processing_utils import ImagesKwargs

Pixels = NDArray[np.uint8]
"""Channel, row, column."""


def load_processor(folder: Path) -> Lfm2VlProcessor:
    """The processor of a folder; it pads on the left, splits pictures unless told."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, padding_side="left")
    return Lfm2VlProcessor(
        image_processor=Lfm2VlImageProcessorPil.from_pretrained(folder, local_files_only=True),
        tokenizer=tokenizer,
        chat_template=tokenizer.chat_template,
    )


@dataclass(frozen=True)
class Tiling:
    """The rule by which a picture becomes one view, or tiles and a thumbnail.

    The fields carry the names and the values of the checkpoint's processor files; sizes are in pixels,
    width before height.
    """

    downsample_factor: int
    do_image_splitting: bool
    min_tiles: int
    max_tiles: int
    use_thumbnail: bool
    min_image_tokens: int
    max_image_tokens: int
    encoder_patch_size: int
    tile_size: int
    max_pixels_tolerance: float

    @property
    def token_px(self) -> int:
        """Side of the square that becomes one image token."""
        return self.encoder_patch_size * self.downsample_factor

    def whole_size(self, width: int, height: int) -> tuple[int, int]:
        """Size of the whole picture as a single view: within the token limits, whole tokens a side."""
        step = self.token_px
        rounded = max(step, round(width / step) * step), max(step, round(height / step) * step)
        least, most = self.min_image_tokens * step**2, self.max_image_tokens * step**2
        area = rounded[0] * rounded[1]
        if area > most:
            shrink = math.sqrt(width * height / most)
            return max(step, _floor_to(width / shrink, step)), max(step, _floor_to(height / shrink, step))
        if area < least:
            grow = math.sqrt(least / (width * height))
            return _ceil_to(width * grow, step), _ceil_to(height * grow, step)
        return rounded

    def grid(self, width: int, height: int) -> tuple[int, int] | None:
        """Columns and rows of tiles, or None where the picture stays whole."""
        if not self.do_image_splitting or self.max_tiles == 1 or not self._is_large(width, height):
            return None
        return self._closest_grid(width, height)

    def _is_large(self, width: int, height: int) -> bool:
        step = self.token_px
        sides = [max(self.encoder_patch_size, round(side / step) * step) for side in (width, height)]
        return sides[0] * sides[1] > self.max_image_tokens * step**2 * self.max_pixels_tolerance

    def _closest_grid(self, width: int, height: int) -> tuple[int, int]:
        best, best_gap = (1, 1), math.inf
        for columns, rows in self._grids():
            gap = abs(width / height - columns / rows)
            fills_half = width * height > 0.5 * self.tile_size**2 * columns * rows
            if gap < best_gap or (gap == best_gap and fills_half):
                best, best_gap = (columns, rows), gap
        return best

    def _grids(self) -> list[tuple[int, int]]:
        sides = range(1, self.max_tiles + 1)
        grids = {(c, r) for c in sides for r in sides if self.min_tiles <= c * r <= self.max_tiles}
        return sorted(grids, key=lambda grid: grid[0] * grid[1])


def _floor_to(value: float, step: int) -> int:
    return math.floor(value / step) * step


def _ceil_to(value: float, step: int) -> int:
    return math.ceil(value / step) * step


class Lfm2VlImageKwargs(ImagesKwargs, total=False):
    """What the processor files may set, besides what every image processor knows."""

    downsample_factor: int
    do_image_splitting: bool
    min_tiles: int
    max_tiles: int
    use_thumbnail: bool
    min_image_tokens: int
    max_image_tokens: int
    encoder_patch_size: int
    tile_size: int
    max_pixels_tolerance: float
    return_row_col_info: bool


class Lfm2VlImageProcessorPil(PilBackend):
    """Cuts pictures into views and views into patches, row by row, channels last within a patch.

    Returns ``pixel_values`` (views, patches, patch side x patch side x 3), ``pixel_attention_mask``
    (views, patches) and ``spatial_shapes`` (views, rows and columns of patches). Views are padded to the
    longest of the call only, not to the 1024 patches of the reference: padding changes no result and
    makes a small chip cost as much as a large one.
    """

    downsample_factor = 2
    do_image_splitting = True
    min_tiles = 2
    max_tiles = 10
    use_thumbnail = True
    min_image_tokens = 64
    max_image_tokens = 256
    encoder_patch_size = 16
    tile_size = 512
    max_pixels_tolerance = 2.0
    do_resize = True
    size = {"height": 512, "width": 512}
    resample = PILImageResampling.BILINEAR
    do_convert_rgb = True
    do_rescale = True
    rescale_factor = 1 / 255
    do_normalize = True
    image_mean = [0.5, 0.5, 0.5]
    image_std = [0.5, 0.5, 0.5]
    do_pad = True
    return_row_col_info = False
    valid_kwargs = Lfm2VlImageKwargs
    model_input_names = ["pixel_values", "pixel_attention_mask", "spatial_shapes"]

    def _preprocess(self, images: list[Pixels], **options: Any) -> BatchFeature:  # type: ignore[override]
        tiling = Tiling(**{field.name: options[field.name] for field in fields(Tiling)})
        views = [view for image in images for view in self._views(image, tiling, options["resample"])]
        data = _padded([_patches(_normalised(view, options), tiling) for view in views])
        data["spatial_shapes"] = np.array([view.shape[1:] for view in views]) // tiling.encoder_patch_size
        if options.get("return_row_col_info"):
            data.update(_layout(images, tiling))
        return BatchFeature(data, tensor_type=options.get("return_tensors"))

    def _views(self, image: Pixels, tiling: Tiling, resample: PILImageResampling) -> list[Pixels]:
        height, width = image.shape[1:]
        whole = tiling.whole_size(width, height)
        grid = tiling.grid(width, height)
        if grid is None:
            return [self._resized(image, whole, resample)]
        columns, rows = grid
        side = tiling.tile_size
        large = self._resized(image, (columns * side, rows * side), resample)
        corners = [(row * side, column * side) for row in range(rows) for column in range(columns)]
        tiles = [large[:, top : top + side, left : left + side] for top, left in corners]
        if tiling.use_thumbnail and len(tiles) > 1:
            tiles.append(self._resized(image, whole, resample))
        return tiles

    def _resized(self, image: Pixels, size: tuple[int, int], resample: PILImageResampling) -> Pixels:
        width, height = size
        if image.shape[1:] == (height, width):
            return image
        resized: Pixels = self.resize(image, SizeDict(height=height, width=width), resample=resample)
        return resized


def _normalised(view: Pixels, options: dict[str, Any]) -> NDArray[np.float32]:
    # both steps in one, in float32 and in the reference's order, so that no bit differs
    scale = 1.0 / options["rescale_factor"] if options["do_rescale"] else 1.0
    mean, std = (options["image_mean"], options["image_std"]) if options["do_normalize"] else (0.0, 1.0)
    offset, divisor = (_per_channel(value) * np.float32(scale) for value in (mean, std))
    normalised: NDArray[np.float32] = (view.astype(np.float32) - offset) / divisor
    return normalised


def _per_channel(value: Any) -> NDArray[np.float32]:
    return np.broadcast_to(np.asarray(value, dtype=np.float32), (3,)).reshape(3, 1, 1)


def _patches(view: NDArray[np.float32], tiling: Tiling) -> NDArray[np.float32]:
    side = tiling.encoder_patch_size
    channels, height, width = view.shape
    blocks = view.reshape(channels, height // side, side, width // side, side)
    patches: NDArray[np.float32] = blocks.transpose(1, 3, 2, 4, 0).reshape(-1, side * side * channels)
    return patches


def _padded(patches: list[NDArray[np.float32]]) -> dict[str, Any]:
    longest = max(len(view) for view in patches)
    values = np.zeros((len(patches), longest, patches[0].shape[1]), dtype=np.float32)
    mask = np.zeros((len(patches), longest), dtype=np.int32)
    for index, view in enumerate(patches):
        values[index, : len(view)] = view
        mask[index, : len(view)] = 1
    return {"pixel_values": values, "pixel_attention_mask": mask}


def _layout(images: list[Pixels], tiling: Tiling) -> dict[str, Any]:
    sizes = [(image.shape[2], image.shape[1]) for image in images]
    grids = [tiling.grid(*size) or (1, 1) for size in sizes]
    wholes = [tiling.whole_size(*size) for size in sizes]
    return {
        "image_rows": [rows for _columns, rows in grids],
        "image_cols": [columns for columns, _rows in grids],
        "image_sizes": [[height, width] for width, height in wholes],
    }
