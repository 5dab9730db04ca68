"""How densely a prepared cell is stained, and the table that brings one stain to another (Reinhard et al. 2001)."""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.contract import PIXEL_VALUES, StainReference
from edge_runtime.preprocess import PixelArray

# Up to here black as a lossy file leaves it; the darkest pixels of stained nuclei are brighter in some channel.
_DARKEST, _BLACK = np.zeros(3), np.full(3, 16.0)
_RIM = np.ones((3, 3), np.uint8)  # eroded with it, a cell loses the pixels that are mixed with black
_FEWEST_PIXELS = 20  # for a deviation to mean something
_FLOOR = 1e-3  # of density and deviation, to divide by
_BRIGHTEST = PIXEL_VALUES - 1

DENSITY = -np.log10(np.maximum(np.arange(PIXEL_VALUES), 1) / _BRIGHTEST).astype(np.float32)
"""Optical density of each pixel value, which is proportional to the amount of stain (Beer-Lambert)."""


def cell_mask(pixels: PixelArray) -> PixelArray:
    """uint8 `[height, width]`, 1 where pixels `[height, width, 3]` are not black."""
    black = cv2.inRange(pixels, _DARKEST, _BLACK)
    return cv2.threshold(black, 0, 1, cv2.THRESH_BINARY_INV)[1].astype(np.uint8, copy=False)


def inner_part(cell: PixelArray, fewest: int) -> PixelArray:
    """The mask of a cell without its rim, or with it where less than `fewest` pixels would be left."""
    inner = cv2.erode(cell, _RIM, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)).astype(np.uint8, copy=False)
    return inner if cv2.countNonZero(inner) >= fewest else cell


def measure_stain(pixels: PixelArray, colour_order: Literal["rgb", "bgr"]) -> StainReference | None:
    """Measures the stain of one prepared cell.

    Args:
        pixels: uint8 `[size, size, 3]` from `edge_runtime.preprocess.prepare`, light.
        colour_order: of the channels.

    Returns:
        Mean and deviation of the density inside the cell; None where next to nothing is not black.
    """
    cell = cell_mask(pixels)
    if cv2.countNonZero(cell) < _FEWEST_PIXELS:
        return None
    moments = cv2.meanStdDev(cv2.LUT(pixels, DENSITY), mask=inner_part(cell, _FEWEST_PIXELS))
    red_first = slice(None) if colour_order == "rgb" else slice(None, None, -1)
    mean, deviation = (np.maximum(values[:, 0], _FLOOR)[red_first] for values in moments)
    return StainReference(tuple(map(float, mean)), tuple(map(float, deviation)))


def stain_table(seen: StainReference, wanted: StainReference) -> npt.NDArray[np.uint8]:
    """What each pixel value becomes so that a stain is brought to another.

    Means and deviations are matched channel by channel, as Reinhard, Ashikhmin, Gooch and Shirley (2001,
    doi 10.1109/38.946629) do, but of optical density: light and white balance multiply light, so they add to density
    and are evened out with the stain. A value of 0 stays 0, and no other becomes it: black says that nothing is there.

    Args:
        seen: the stain of the picture.
        wanted: the stain it is to have.

    Returns:
        uint8 `[1, 256, 3]`, BGR, for `cv2.LUT` on a BGR picture.
    """
    gain = np.array(wanted.deviation) / np.array(seen.deviation)
    density = (DENSITY[:, np.newaxis] - np.array(seen.density)) * gain + np.array(wanted.density)
    light = np.clip(np.rint(_BRIGHTEST * 10**-density), 1, _BRIGHTEST).astype(np.uint8)
    light[0] = 0
    return np.ascontiguousarray(light[np.newaxis, :, ::-1])
