"""The scale of a field from the diameter of its red cells."""

import itertools
import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from edge_runtime.density import Background, Floats, green, violet
from edge_runtime.preprocess import PixelArray
from edge_runtime.sizes import Sizes

RED_CELL_UM = 7.5
"""Mean diameter of red cells on a dried smear: 7 to 8 um (Bain, Blood Cells, 5th ed., chapter 3)."""

FEWEST_RED_CELLS = 3
"""Round outlines below which a field, or each part of a wide one, says nothing of its scale."""

_LONGEST_SIDE = 160  # pixels of a reduced tile
# In a wide field cells are too small to be measured, and clumps are taken for cells: below such a diameter in a reduced
# tile smaller tiles are measured.
_LEAST_DIAMETER_PX, _SPLITS, _SMALLEST_TILE_PX = 15.0, (1, 2, 4, 8), 128
_SMOOTH_PX = 1.0
_FAINTEST, _DENSEST = 0.03, 0.09  # between which the rim of red cells lies, in density against the background
_VIOLET = 0.08  # above it a white cell or a platelet, not a red one
_NEAR_VIOLET = np.ones((5, 5), np.uint8)
_FLAT = 0.02  # slope of an outline, of 1 a pixel, below which it is none
_RADII = np.geomspace(5.0, 32.0, 20)  # in pixels
# Red cells are no perfect circles, so their votes meet within this share of the radius; from such a share of a steep
# circle's votes on there is a cell.
_NEARLY, _ROUND = 0.25, 0.15
_FIRST_STEP = 2  # of these
_SOME = 3  # of so many outline pixels one tells about how large the cells are


@dataclass(frozen=True)
class _Outlines:
    """Where outlines are in a reduced tile, which way is inwards, and how steep they are; the tile's size."""

    x: Floats
    y: Floats
    inwards_x: Floats
    inwards_y: Floats
    slope: Floats
    width: int
    height: int

    def coarse(self) -> "_Outlines":
        """Some of its pixels, in a tile of half the size."""
        some = slice(None, None, _SOME)
        return _Outlines(
            self.x[some] * np.float32(0.5),
            self.y[some] * np.float32(0.5),
            self.inwards_x[some],
            self.inwards_y[some],
            self.slope[some],
            self.width // 2 + 1,
            self.height // 2 + 1,
        )


def measure_um_per_pixel(field: Sizes, background: Background) -> float | None:
    """Scale in micrometres per pixel at which the red cells are `RED_CELL_UM` wide.

    Each pixel of an outline votes for the place one radius inwards (Hough transform of circles along the gradient;
    Kimme, Ballard and Sklansky 1975, doi 10.1145/360666.360677). The radius whose votes meet best over the whole
    field is that of its red cells, so arcs of cells that overlap or lie at the border count too.

    Args:
        field: uint8 BGR.
        background: of it.

    Returns:
        None when there are fewer round outlines than `FEWEST_RED_CELLS`.
    """
    coarse = None
    for split in _SPLITS:
        side = max(field.picture.shape[:2]) / split
        if split > 1 and side < _SMALLEST_TILE_PX:
            break
        factor = _LONGEST_SIDE / side
        tiles = _tiles(field, split)
        diameter_px, count = _diameter_px([_outlines(tile.at(factor), background) for tile in tiles])
        if count < FEWEST_RED_CELLS * len(tiles):
            continue
        scale = float(RED_CELL_UM / diameter_px * factor)
        if diameter_px >= _LEAST_DIAMETER_PX:
            return scale
        coarse = coarse or scale
    return coarse  # a narrow field of few red cells


def _tiles(field: Sizes, split: int) -> list[Sizes]:
    """The picture, or four of the tiles that it is split into so often in each direction."""
    if split == 1:
        return [field]
    picture = field.picture
    height, width = (side // split for side in picture.shape[:2])
    places = itertools.product((split // 4, 3 * split // 4), repeat=2)
    return [Sizes(picture[i * height : (i + 1) * height, j * width : (j + 1) * width]) for i, j in places]


def _outlines(picture: PixelArray, background: Background) -> _Outlines:
    density = np.asarray(cv2.GaussianBlur(green(picture, background), (0, 0), _SMOOTH_PX), np.float32)
    grey = np.clip(density * (2 * 255), 0, 255).astype(np.uint8)
    rim = min(max(cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)[0] / (2 * 255), _FAINTEST), _DENSEST)
    # What is denser than twice the rim says no more about outlines.
    inside = np.clip(density * np.float32(0.5 / rim), 0, 1)
    across = cv2.Sobel(inside, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(inside, cv2.CV_32F, 0, 1, scale=1 / 8)
    slope = cv2.magnitude(across, down)
    white = cv2.dilate((violet(picture, background) > _VIOLET).astype(np.uint8), _NEAR_VIOLET)
    y, x = np.nonzero((slope > _FLAT) & (white == 0))
    steep = np.asarray(slope[y, x], np.float32)
    height, width = slope.shape
    place = x.astype(np.float32), y.astype(np.float32)
    return _Outlines(*place, across[y, x] / steep, down[y, x] / steep, steep, width, height)


def _diameter_px(tiles: list[_Outlines]) -> tuple[float, int]:
    """The diameter at which votes meet best in all tiles, and how many round outlines there are of it."""
    coarse = [tile.coarse() for tile in tiles]

    @cache
    def about(step: int) -> float:
        return _meeting(_votes_of(coarse, float(_RADII[step]) / 2))

    # Votes meet better and better towards the best radius, so some of them at every fourth one, and then halfway to the
    # next ones, tell about where it is.
    best = max(range(_FIRST_STEP, len(_RADII), 2 * _FIRST_STEP), key=about)
    best = max(range(best - _FIRST_STEP, min(best + _FIRST_STEP + 1, len(_RADII)), _FIRST_STEP), key=about)
    best = min(max(best, 1), len(_RADII) - 2)
    votes: dict[int, list[Floats]] = {}
    meeting: dict[int, float] = {}
    while True:
        for step in range(best - 1, best + 2):
            if step not in votes:
                votes[step] = _votes_of(tiles, float(_RADII[step]))
                meeting[step] = _meeting(votes[step])
        better = max(meeting, key=lambda step: meeting[step])
        if better == best:
            break
        if not 0 < better < len(_RADII) - 1:
            return 0.0, 0
        best = better
    before, at, after = (meeting[step] for step in (best - 1, best, best + 1))
    # The top of a parabola through three values, which lie a step apart in the logarithm of the radius.
    steps = (before - after) / (2 * (before - 2 * at + after))
    radius = float(_RADII[best] * (_RADII[1] / _RADII[0]) ** steps)
    return 2 * radius, sum(_count(one, float(_RADII[best])) for one in votes[best])


def _votes_of(tiles: list[_Outlines], radius: float) -> list[Floats]:
    return [_votes(tile, radius) for tile in tiles]


def _meeting(votes: list[Floats]) -> float:
    """How well votes meet: the sum of their squares."""
    return sum(cv2.norm(one, cv2.NORM_L2SQR) for one in votes)


def _count(votes: Floats, radius: float) -> int:
    """How many places have so many votes about them that there is a round outline."""
    blur_px = _NEARLY * radius
    about = cv2.GaussianBlur(votes, (0, 0), blur_px) * (2 * math.pi * (blur_px**2 + _SMOOTH_PX**2))
    near = np.ones((2 * int(radius / 2) + 1,) * 2, np.uint8)
    return int(((about >= cv2.dilate(about, near)) & (about > _ROUND * 2 * math.pi * radius)).sum())


def _votes(outlines: _Outlines, radius: float) -> Floats:
    """How much outline lies around each place at this radius, blurred a little."""
    # A margin takes the votes for places outside.
    margin = math.ceil(radius) + 1
    width, height = outlines.width + 2 * margin, outlines.height + 2 * margin
    x = (outlines.x + radius * outlines.inwards_x + (margin + 0.5)).astype(np.int32)
    y = (outlines.y + radius * outlines.inwards_y + (margin + 0.5)).astype(np.int32)
    counts = np.bincount(y * width + x, outlines.slope, width * height).reshape(height, width)
    votes = counts[margin:-margin, margin:-margin].astype(np.float32)
    return np.asarray(cv2.GaussianBlur(votes, (0, 0), _SMOOTH_PX), np.float32)
