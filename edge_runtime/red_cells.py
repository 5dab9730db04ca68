"""The scale of a field from the diameter of its red cells."""

import itertools

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.density import Background, green, violet
from edge_runtime.preprocess import PixelArray

RED_CELL_UM = 7.5
"""Mean diameter of red cells on a dried smear: 7 to 8 um (Bain, Blood Cells, 5th ed., chapter 3)."""

FEWEST_RED_CELLS = 3
"""Round outlines below which a field, or each part of a wide one, says nothing of its scale."""

_LONGEST_SIDE = 256  # pixels of a reduced tile
# A wide field holds cells too small for the transform, which takes clumps for cells: below such a mean diameter
# in a reduced tile smaller tiles are measured.
_LEAST_DIAMETER_PX, _SPLITS, _SMALLEST_TILE_PX = 24.0, (1, 2, 4, 8), 128
_SMOOTH_PX = 1.0
_FAINTEST, _DENSEST = 0.03, 0.09  # between which the rim of red cells lies, in density against the background
_RIM_VALUE = 127  # of 255: what is denser than twice the rim says no more about outlines
_VIOLET = 0.08  # above it a white cell or a platelet, not a red one
_NEAR_VIOLET = np.ones((7, 7), np.uint8)
# Of cv2.HOUGH_GRADIENT_ALT: gradient of an edge, and how much of a circle must be there, up to 1.
_EDGE, _ROUNDNESS = 200, 0.75
_RESOLUTION, _APART_PX, _SMALLEST_PX, _LARGEST_PX = 1.5, 8, 6, 60  # radii and distances in pixels
_ALIKE = 1.25  # largest ratio to the middle diameter of what still counts as the same kind of cell


def measure_um_per_pixel(picture: PixelArray, background: Background) -> float | None:
    """Scale in micrometres per pixel at which the red cells are `RED_CELL_UM` wide.

    Circles are found by their edges (Hough transform; Yuen et al. 1990, doi 10.1016/0262-8856(90)90059-E), so cells
    that overlap or lie at the border count too.

    Args:
        picture: a field, uint8 `[height, width, 3]`, BGR.
        background: of it.

    Returns:
        None when there are fewer round outlines than `FEWEST_RED_CELLS`.
    """
    coarse = None
    for split in _SPLITS:
        side = max(picture.shape[:2]) / split
        if split > 1 and side < _SMALLEST_TILE_PX:
            break
        factor = _LONGEST_SIDE / side
        tiles = _tiles(picture, split)
        diameters_px = np.concatenate([_diameters_px(_reduced(tile, factor), background) for tile in tiles])
        if len(diameters_px) < FEWEST_RED_CELLS * len(tiles):
            continue
        middle = _middle(diameters_px)
        alike = diameters_px[(diameters_px > middle / _ALIKE) & (diameters_px < middle * _ALIKE)]
        scale = float(RED_CELL_UM / alike.mean() * factor)
        if alike.mean() >= _LEAST_DIAMETER_PX:
            return scale
        coarse = coarse or scale
    return coarse  # a narrow field of few red cells


def _tiles(picture: PixelArray, split: int) -> list[PixelArray]:
    """The picture, or four of the tiles that it is split into so often in each direction."""
    if split == 1:
        return [picture]
    height, width = (side // split for side in picture.shape[:2])
    places = itertools.product((split // 4, 3 * split // 4), repeat=2)
    return [picture[i * height : (i + 1) * height, j * width : (j + 1) * width] for i, j in places]


def _reduced(picture: PixelArray, factor: float) -> PixelArray:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR_EXACT
    size = [max(1, round(side * factor)) for side in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def _diameters_px(picture: PixelArray, background: Background) -> npt.NDArray[np.float64]:
    density = np.asarray(cv2.GaussianBlur(green(picture, background), (0, 0), _SMOOTH_PX))
    grey = np.clip(density * (2 * 255), 0, 255).astype(np.uint8)
    rim = min(max(cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)[0] / (2 * 255), _FAINTEST), _DENSEST)
    edges = np.clip(density * (_RIM_VALUE / rim), 0, 255).astype(np.uint8)
    circles = cv2.HoughCircles(
        edges,
        cv2.HOUGH_GRADIENT_ALT,
        _RESOLUTION,
        _APART_PX,
        param1=_EDGE,
        param2=_ROUNDNESS,
        minRadius=_SMALLEST_PX,
        maxRadius=_LARGEST_PX,
    )
    if circles is None:
        return np.empty(0)
    white = cv2.dilate((violet(picture, background) > _VIOLET).astype(np.uint8), _NEAR_VIOLET)
    height, width = white.shape
    x, y, radius = circles.reshape(-1, circles.shape[-1]).T[:3]
    red = white[np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)] == 0
    return np.asarray(2.0 * radius[red], np.float64)


def _middle(diameters: npt.NDArray[np.float64]) -> float:
    """The median weighted by area: specks are many, red cells cover most of what is covered."""
    ordered = np.sort(diameters)
    reached = np.cumsum(ordered**2)
    return float(ordered[int(np.searchsorted(reached, reached[-1] / 2))])
