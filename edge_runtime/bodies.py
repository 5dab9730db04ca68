"""Stained regions of a field at one working scale, told apart where cells touch."""

from dataclasses import dataclass

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

    def window(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The part of a whole map that the mask lies on."""
        height, width = self.mask.shape
        return values[self.top : self.top + height, self.left : self.left + width]

    def nucleus(self, stain: npt.NDArray[np.float32]) -> PixelArray:
        """Its deeply stained pixels."""
        return ((self.window(stain) > NUCLEUS) & (self.mask > 0)).astype(np.uint8)


def find_bodies(stain: npt.NDArray[np.float32]) -> list[Body]:
    """Finds the stained regions of a map of violet density at the working scale, one for each cell."""
    return [part for body in _bodies(stain) for part in _apart(body, stain)]


def _bodies(stain: npt.NDArray[np.float32]) -> list[Body]:
    """Stained regions with nucleus enough, thin bridges to platelets and specks cut."""
    kernel = disc(_BRIDGE_PX)
    mask = cv2.morphologyEx((stain > _CELL).astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask)
    bodies = []
    for label in range(1, count):
        left, top, width, height, _ = (int(value) for value in boxes[label])
        part = (labels[top : top + height, left : left + width] == label).astype(np.uint8)
        # Pale granules and the space between lobes are of the cell too.
        outlines = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        body = Body(np.asarray(cv2.drawContours(part, outlines, -1, (1,), cv2.FILLED), np.uint8), left, top)
        if um2(cv2.countNonZero(body.nucleus(stain))) >= _SMALLEST_NUCLEUS_UM2:
            bodies.append(body)
    return bodies


def _apart(body: Body, stain: npt.NDArray[np.float32]) -> list[Body]:
    """The cells of a body that touch, told apart at their necks; the body itself where they are not."""
    padded = cv2.copyMakeBorder(body.mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    for neck, smallest_um2 in _NECKS:
        parts = _parts(body, depth > neck * depth.max())
        if len(parts) > 1 and all(um2(cv2.countNonZero(part.nucleus(stain))) >= smallest_um2 for part in parts):
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
