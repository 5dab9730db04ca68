"""Stained regions of a field at one working scale: told apart where cells touch, joined where lobes are of one cell."""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray

WORKING_UM = 0.2
"""The scale at which cells are looked for, um per pixel; a nucleus is then some 40 pixels wide."""

NUCLEUS = 0.2
"""Violet density from which a pixel is of a nucleus."""

LYMPHOID_UM2 = 45.0
"""Area of nucleus below which there is a lobe or a piece, and not a lymphoid cell."""

# Lengths in pixels of the working scale, areas in um2. Chosen on one half of BCCD (`python -m benchmarks fields`).
_BRIDGE_PX = 3
_CELL = 0.08  # violet density from which a pixel is of a cell
_SMALLEST_NUCLEUS_UM2 = 12.0
# Two bodies are two cells where the neck is narrower than this share of the thicker one and each has so much nucleus
# (um2): at a wide neck that of a lymphoid cell, or the lobes of one nucleus would be told apart.
_NECKS = ((0.35, 30.0), (0.6, LYMPHOID_UM2))
# Between the lobes of one nucleus the cytoplasm of an eosinophil hardly stains. Two bodies so near are one cell where
# all between is at least so dense and their nuclei together are too small for two lymphoid cells.
_PALE, _LOBES_APART_UM = 0.04, 5.5

Value = TypeVar("Value", np.float32, np.uint8)


@dataclass(frozen=True)
class Body:
    """A stained region at the working scale.

    Attributes:
        mask: uint8 `[height, width]`, 1 inside.
        left: where the mask lies.
        top: where the mask lies.
    """

    mask: PixelArray
    left: int
    top: int

    def window(self, values: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """The part of a whole map that the mask lies on."""
        height, width = self.mask.shape
        return values[self.top : self.top + height, self.left : self.left + width]

    def nucleus(self, stain: npt.NDArray[np.float32]) -> PixelArray:
        """Its deeply stained pixels."""
        return ((self.window(stain) > NUCLEUS) & (self.mask > 0)).astype(np.uint8)

    def nucleus_um2(self, stain: npt.NDArray[np.float32]) -> float:
        """Area of these."""
        return um2(cv2.countNonZero(self.nucleus(stain)))


def find_bodies(stain: npt.NDArray[np.float32]) -> list[Body]:
    """Finds the stained regions of a map of violet density at the working scale, one for each cell."""
    bodies = _bodies(stain)
    cells = _of_lobes(bodies, stain)
    single = [body for body in bodies if not any(_holds(cell, body) for cell in cells)]
    return cells + [part for body in single for part in _apart(body, stain)]


def _bodies(stain: npt.NDArray[np.float32]) -> list[Body]:
    """Stained regions with nucleus enough, thin bridges to platelets and specks cut."""
    stained = (stain > _CELL).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(stained, cv2.MORPH_OPEN, disc(_BRIDGE_PX)), np.uint8)
    return [body for body in _components(mask) if body.nucleus_um2(stain) >= _SMALLEST_NUCLEUS_UM2]


def _of_lobes(bodies: list[Body], stain: npt.NDArray[np.float32]) -> list[Body]:
    """The cells of several bodies, each a lobe of one nucleus."""
    lobes = [body for body in bodies if body.nucleus_um2(stain) < 2 * LYMPHOID_UM2 - _SMALLEST_NUCLEUS_UM2]
    if len(lobes) < 2:
        return []
    mask = np.zeros(stain.shape, np.uint8)
    for lobe in lobes:
        lobe.window(mask)[lobe.mask > 0] = 1
    reach = _LOBES_APART_UM / 2 / WORKING_UM
    near = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_5) < reach
    between = cv2.distanceTransform(near.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) > reach
    mask[between & (stain > _PALE)] = 1
    joined = []
    for cell in _components(mask):
        parts = [lobe for lobe in lobes if _holds(cell, lobe)]
        if len(parts) > 1 and sum(part.nucleus_um2(stain) for part in parts) < 2 * LYMPHOID_UM2:
            joined.append(cell)
    return joined


def _holds(cell: Body, part: Body) -> bool:
    """Whether a body of `_components` covers another: it does where it covers one pixel of it."""
    y, x = np.unravel_index(int(part.mask.argmax()), part.mask.shape)
    row, column = int(y) + part.top - cell.top, int(x) + part.left - cell.left
    height, width = cell.mask.shape
    return 0 <= row < height and 0 <= column < width and bool(cell.mask[row, column])


def _components(mask: PixelArray) -> list[Body]:
    """The connected parts of a mask, their holes filled."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask)
    bodies = []
    for label in range(1, count):
        left, top, width, height, _ = (int(value) for value in boxes[label])
        part = (labels[top : top + height, left : left + width] == label).astype(np.uint8)
        # Pale granules and the space between lobes are of the cell too.
        outlines = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        bodies.append(Body(np.asarray(cv2.drawContours(part, outlines, -1, (1,), cv2.FILLED), np.uint8), left, top))
    return bodies


def _apart(body: Body, stain: npt.NDArray[np.float32]) -> list[Body]:
    """The cells of a body that touch, told apart at their necks; the body itself where they are not."""
    padded = cv2.copyMakeBorder(body.mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    for neck, smallest_um2 in _NECKS:
        parts = _parts(body, depth > neck * depth.max())
        if len(parts) > 1 and all(part.nucleus_um2(stain) >= smallest_um2 for part in parts):
            return parts
    return [body]


def _parts(body: Body, cores: npt.NDArray[np.bool_]) -> list[Body]:
    """Shares a body out among its cores, each pixel to the nearest."""
    near = cv2.distanceTransformWithLabels((~cores).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)[1]
    parts = []
    for label in np.unique(near[body.mask > 0]):
        mask = ((near == label) & (body.mask > 0)).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        parts.append(Body(mask[y : y + height, x : x + width], body.left + x, body.top + y))
    return parts


def um2(pixels: int) -> float:
    """Area of so many pixels of the working scale."""
    return pixels * WORKING_UM**2


def disc(radius: int) -> PixelArray:
    """A round kernel, uint8, for morphology."""
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
