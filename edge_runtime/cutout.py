"""Cuts a nucleus out of a field as the training cells were: on black, in the middle, at their scale."""

import cv2
import numpy as np

from edge_runtime.contract import InputSpec
from edge_runtime.density import Background, nuclear
from edge_runtime.preprocess import PixelArray

_SMOOTH_PX = 2.0  # of the training scale; the optics blur more
_MIXED_PX = 10  # as far as smoothing reaches
_DEEP, _LEVEL = 0.75, 0.43  # the rim lies at this level of the density that a quarter of the middle exceeds
_MIDDLE = 0.2  # of the side: what is surely nucleus
_FAINTEST = 0.1
_HALF = 127  # of 255


def cut_out(
    picture: PixelArray,
    spec: InputSpec,
    background: Background,
    middle: tuple[float, float],
    scale: float,
    near: PixelArray,
) -> PixelArray | None:
    """Cuts out the nucleus at a place.

    Args:
        picture: the field, uint8 `[height, width, 3]`, BGR.
        spec: of a model with a scale.
        background: of the field.
        middle: x and y of the nucleus, in pixels of the field.
        scale: of the field, um per pixel.
        near: uint8 square about the middle, of any number of pixels, as wide as the crop: 1 where the cell can be.

    Returns:
        uint8 `[crop, crop, 3]`, BGR, black around the nucleus; None when it is larger than that.
    """
    assert spec.um_per_pixel is not None
    side = max(2, round(spec.crop * spec.um_per_pixel / scale))
    left, top = (round(at - side / 2) for at in middle)
    window = _window(picture, left, top, side)
    method = cv2.INTER_AREA if side > spec.crop else cv2.INTER_LINEAR_EXACT
    enlarged = np.asarray(cv2.resize(window, (spec.crop, spec.crop), interpolation=method), np.uint8)
    mask = _nucleus(enlarged, background, near)
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0 or x == 0 or y == 0 or x + width == spec.crop or y + height == spec.crop:
        return None
    cut = np.zeros_like(enlarged)
    to_x, to_y = (spec.crop - width) // 2, (spec.crop - height) // 2
    inside = np.s_[y : y + height, x : x + width]
    cv2.copyTo(enlarged[inside], mask[inside], cut[to_y : to_y + height, to_x : to_x + width])
    return cut


def _nucleus(picture: PixelArray, background: Background, cell: PixelArray) -> PixelArray:
    """Mask of the nucleus in the middle, its holes filled."""
    crop = len(picture)
    grown = cv2.resize(cell * np.uint8(255), (crop, crop), interpolation=cv2.INTER_LINEAR_EXACT)
    allowed = (grown > _HALF).astype(np.uint8)
    first, last = int(crop * (0.5 - _MIDDLE)), int(crop * (0.5 + _MIDDLE))
    part = _part(allowed, first, last)
    top, left = (side.start for side in part)
    depth = np.asarray(cv2.GaussianBlur(nuclear(picture[part], background), (0, 0), _SMOOTH_PX))
    middle = depth[first - top : last - top, first - left : last - left].ravel()
    deepest = int(_DEEP * (middle.size - 1))
    level = max(_LEVEL * float(np.partition(middle, deepest)[deepest]), _FAINTEST)
    deep = ((depth > level) & (allowed[part] > 0)).astype(np.uint8)
    outlines = cv2.findContours(deep, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(left, top))[0]
    mask = np.zeros((crop, crop), np.uint8)
    if not outlines:
        return mask
    # Lobes of one nucleus lie together in the middle; what else is in the window lies farther out.
    centre = ((crop - 1) / 2, (crop - 1) / 2)
    largest = max(outlines, key=lambda outline: cv2.contourArea(outline) - crop * _distance(outline, centre))
    cv2.drawContours(mask, [largest], -1, (1,), cv2.FILLED)
    return mask


def _part(allowed: PixelArray, first: int, last: int) -> tuple[slice, slice]:
    """Where density is looked at: where the nucleus can be, and the middle, with what smoothing mixes into them."""
    x, y, width, height = cv2.boundingRect(allowed)
    rows, columns = (
        slice(max(0, min(start, first) - _MIXED_PX), min(len(allowed), max(start + length, last) + _MIXED_PX))
        for start, length in ((y, height), (x, width))
    )
    return rows, columns


def _distance(outline: "np.ndarray[tuple[int, ...], np.dtype[np.int32]]", point: tuple[float, float]) -> float:
    """From a point to an outline in pixels; 0 inside."""
    return max(0.0, -float(cv2.pointPolygonTest(outline, point, True)))


def _window(picture: PixelArray, left: int, top: int, side: int) -> PixelArray:
    """A square of the picture; beyond its border the border's pixels."""
    height, width = picture.shape[:2]
    above, below = max(0, -top), max(0, top + side - height)
    before, after = max(0, -left), max(0, left + side - width)
    part = picture[max(0, top) : top + side, max(0, left) : left + side]
    if not any((above, below, before, after)):
        return part
    return np.asarray(cv2.copyMakeBorder(part, above, below, before, after, cv2.BORDER_REPLICATE), np.uint8)
