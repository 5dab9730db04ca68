"""White cells in a field: found by their stain, told apart where they touch, and cut out as the training cells were."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.bodies import LYMPHOID_UM2, NUCLEUS, WORKING_UM, Body, disc, find_bodies, um2
from edge_runtime.contract import InputSpec
from edge_runtime.cutout import cut_out
from edge_runtime.density import ROWS, Background, measure_background, violet
from edge_runtime.field_options import LARGEST_UM_PER_PIXEL, SMALLEST_UM_PER_PIXEL
from edge_runtime.pair import is_pair
from edge_runtime.preprocess import PixelArray
from edge_runtime.red_cells import measure_um_per_pixel
from edge_runtime.sizes import Sizes
from edge_runtime.stain import cell_mask

Contour = npt.NDArray[np.int32]

AT_THE_BORDER, A_CLUMP = "at the border", "a clump"
NO_CELL, NO_COLOUR = "no white cell found", "a grey picture: white cells are found by colour"
NO_SCALE = "the scale is unknown: too few round red cells to measure; give --um-per-pixel"
SEGMENTED, MUCH_CYTOPLASM = (
    "another kind of white cell: segmented nucleus",
    "another kind of white cell: much cytoplasm",
)
BLURRED = "out of focus"

# Lengths in pixels of the working scale, areas in um2. Chosen on one half of BCCD (`python -m benchmarks fields`).
_SMOOTH_PX = 1.5
_LARGEST_CELL_UM2 = 500.0
_GROWN_PX = 2
_GREYEST = 2.0  # mean difference of the channels, of 255
_SOLID, _LEAST_NUCLEUS = 0.87, 0.5  # of a lymphoid cell: nucleus to its hull, nucleus to cell
_WIDEST_EDGE_UM = 2.5  # from the middle of the nucleus to the slide, in focus about half of it


@dataclass(frozen=True)
class Cell:
    """One white cell of a field.

    Attributes:
        box: x, y, width, height in pixels of the field, of the whole cell.
        contour: int32 `[n, 2]`, its outline: x and y in pixels of the field.
        picture: uint8 `[crop, crop, 3]`, BGR, the nucleus on black at the scale of the training cells; None when
            `skipped`.
        skipped: why it cannot be classified; empty otherwise.
        doubt: why no answer can be trusted; empty otherwise.
    """

    box: tuple[int, int, int, int]
    contour: Contour
    picture: PixelArray | None
    skipped: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class Field:
    """What was found in a field.

    Attributes:
        cells: from the top down.
        um_per_pixel: its scale, given or measured; None when unknown.
        problem: why there are no cells; empty otherwise.
    """

    cells: tuple[Cell, ...]
    um_per_pixel: float | None
    problem: str = ""


def find_cells(picture: PixelArray, spec: InputSpec, *, um_per_pixel: float | None = None) -> Field:
    """Finds the white cells of a field.

    Args:
        picture: uint8 `[height, width, 3]`, BGR.
        spec: of a model with a scale; how large a cut-out is, and at what scale.
        um_per_pixel: of the field; None measures it on the red cells.

    Raises:
        ValueError: a model without a scale.
    """
    if spec.um_per_pixel is None:
        raise ValueError("the model knows no scale, so it takes no fields")
    if _is_grey(picture):
        return Field((), um_per_pixel, NO_COLOUR)
    background, sizes = measure_background(picture), Sizes(picture)
    scale = um_per_pixel or measure_um_per_pixel(sizes, background)
    if scale is None or not SMALLEST_UM_PER_PIXEL <= scale <= LARGEST_UM_PER_PIXEL:
        anything = (violet(picture, background) > NUCLEUS).any()
        return Field((), None, NO_SCALE if anything else NO_CELL)
    small = sizes.at(scale / WORKING_UM)
    stain = np.asarray(cv2.GaussianBlur(violet(small, background), (0, 0), _SMOOTH_PX), np.float32)
    bodies = find_bodies(stain)
    taken = _taken(bodies, stain)
    found = [_cell(picture, spec, background, stain, taken, body, scale) for body in bodies]
    cells = tuple(sorted(found, key=lambda cell: (cell.box[1], cell.box[0])))
    return Field(cells, scale, "" if cells else NO_CELL)


def _is_grey(picture: PixelArray) -> bool:
    blue, green, red = cv2.split(np.ascontiguousarray(picture[::ROWS, ::ROWS]))
    return max(cv2.norm(a, b, cv2.NORM_L1) for a, b in ((blue, green), (green, red))) < _GREYEST * blue.size


def _cell(
    picture: PixelArray,
    spec: InputSpec,
    background: Background,
    stain: npt.NDArray[np.float32],
    taken: PixelArray,
    body: Body,
    scale: float,
) -> Cell:
    height, width = picture.shape[:2]
    zoom = np.array([width / stain.shape[1], height / stain.shape[0]])
    outline = max(cv2.findContours(body.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], key=cv2.contourArea)
    at = outline[:, 0] + np.array([body.left + 0.5, body.top + 0.5])
    contour = np.minimum((at * zoom).astype(np.int32), [width - 1, height - 1]).astype(np.int32)
    x, y, w, h = (int(value) for value in _box(body, zoom, width, height))
    at_border = body.left == 0 or body.top == 0
    at_border |= body.left + body.mask.shape[1] == stain.shape[1] or body.top + body.mask.shape[0] == stain.shape[0]
    nucleus = body.nucleus(stain)
    if at_border or um2(cv2.countNonZero(body.mask)) > _LARGEST_CELL_UM2:
        return Cell((x, y, w, h), contour, None, AT_THE_BORDER if at_border else A_CLUMP)
    left, top, nucleus_width, nucleus_height = cv2.boundingRect(nucleus)
    centre = left + nucleus_width / 2, top + nucleus_height / 2
    at_stain = centre[0] + body.left, centre[1] + body.top
    side = round(spec.crop * (spec.um_per_pixel or 1) / WORKING_UM)
    own, every = _square(body.mask, centre, side), _square(taken, at_stain, side)
    # Grown by what smoothing and rounding may have cost.
    near = np.asarray(cv2.dilate(own, disc(_GROWN_PX)), np.uint8)
    near[every > own] = 0
    middle = at_stain[0] * zoom[0], at_stain[1] * zoom[1]
    cut = cut_out(picture, spec, background, middle, scale, near)
    if cut is None:
        return Cell((x, y, w, h), contour, None, A_CLUMP)
    doubt = _doubt(body, nucleus, stain, cut)
    # The lobes of one nucleus look like two cells, but are too small for them.
    is_small = body.nucleus_um2(stain) < 2 * LYMPHOID_UM2
    if is_pair(cut, spec.um_per_pixel or 1) and not (is_small and doubt == SEGMENTED):
        return Cell((x, y, w, h), contour, None, A_CLUMP)
    return Cell((x, y, w, h), contour, cut, "", doubt)


def _hull(mask: PixelArray) -> Contour:
    outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    return np.asarray(cv2.convexHull(np.concatenate(outlines)), np.int32)


def _taken(bodies: Sequence[Body], stain: npt.NDArray[np.float32]) -> PixelArray:
    """1 where any of the bodies is: what touches a cell is not of it."""
    taken = np.zeros(stain.shape, np.uint8)
    for body in bodies:
        body.window(taken)[body.mask > 0] = 1
    return taken


def _square(mask: PixelArray, centre: tuple[float, float], side: int) -> PixelArray:
    """A square of a mask about a centre, 0 beyond it."""
    square = np.zeros((side, side), np.uint8)
    left, top = (round(at - side / 2) for at in centre)
    part = mask[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    square[max(0, -top) : max(0, -top) + part.shape[0], max(0, -left) : max(0, -left) + part.shape[1]] = part
    return square


def _box(body: Body, zoom: npt.NDArray[np.float64], width: int, height: int) -> tuple[int, int, int, int]:
    rows, columns = body.mask.shape
    left, top = int(body.left * zoom[0]), int(body.top * zoom[1])
    right = min(width, round((body.left + columns) * zoom[0]))
    bottom = min(height, round((body.top + rows) * zoom[1]))
    return left, top, max(1, right - left), max(1, bottom - top)


def _doubt(body: Body, nucleus: PixelArray, stain: npt.NDArray[np.float32], cut: PixelArray) -> str:
    """What about a cell says that it is no lymphoid cell, or that nobody can tell."""
    values = body.window(stain)
    level = float(values[nucleus > 0].mean()) / 2
    deep = cv2.morphologyEx(((values > level) & (body.mask > 0)).astype(np.uint8), cv2.MORPH_OPEN, disc(1))
    slope = np.hypot(cv2.Sobel(values, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(values, cv2.CV_32F, 0, 1, scale=1 / 8))
    rim = cv2.morphologyEx(deep, cv2.MORPH_GRADIENT, disc(1)) > 0
    if rim.any() and 2 * level * WORKING_UM > _WIDEST_EDGE_UM * float(np.median(slope[rim])):
        return BLURRED
    mask = cell_mask(cut)
    if cv2.countNonZero(mask) < _SOLID * cv2.contourArea(_hull(mask)):
        return SEGMENTED
    if cv2.countNonZero(deep) < _LEAST_NUCLEUS * cv2.countNonZero(body.mask):
        return MUCH_CYTOPLASM
    return ""
