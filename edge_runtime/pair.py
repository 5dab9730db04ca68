"""Tells two overlapping nuclei from one by the notches of their common outline."""

import itertools
import math

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.bodies import LYMPHOID_UM2
from edge_runtime.preprocess import PixelArray
from edge_runtime.stain import cell_mask

_LEAST_UM2 = 1.5 * LYMPHOID_UM2  # of two lymphoid nuclei of which one hides half of the other
# Two notches so deep, a neck between them so narrow (against a disc of the same area), so much on either side of it. Of
# C-NMC's cells 1.5 in 100 are such; of two laid over each other nine in ten, where the middles are 0.6 to 0.7 of the
# distance at which they would touch, and nearly all where they are further apart.
_DEEP_UM, _NARROW, _SHARE = 0.6, 0.7, 0.25
# Two cells that hardly overlap are long; what is notched as deeply and is not long is one nucleus of several lobes.
_SOLID, _LONG = 0.87, 1.6
_NOTCHES = 4  # the deepest that are looked at
_FIXED_POINT = 256  # OpenCV gives the depth of a notch in such parts of a pixel


def is_pair(cut: PixelArray, um_per_pixel: float) -> bool:
    """Whether a cut-out is two nuclei side by side or in part above each other.

    An outline is bent inwards where that of one nucleus meets that of the other, which happens in two places.

    Args:
        cut: uint8 `[side, side, 3]`, on black.
        um_per_pixel: of it.
    """
    outlines = cv2.findContours(cell_mask(cut), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    outline = np.asarray(max(outlines, key=cv2.contourArea), np.int32).reshape(-1, 2)
    area = cv2.contourArea(outline)
    if area * um_per_pixel**2 < _LEAST_UM2:
        return False
    hull = cv2.convexHull(outline)
    sides = cv2.minAreaRect(hull)[1]
    if area < _SOLID * cv2.contourArea(hull) and max(sides) < _LONG * min(sides):
        return False
    narrow_px = _NARROW * 2 * math.sqrt(area / math.pi)
    for first, last in itertools.combinations(sorted(_notches(outline, _DEEP_UM / um_per_pixel)), 2):
        part = cv2.contourArea(outline[first : last + 1]) / area
        if math.dist(outline[first], outline[last]) < narrow_px and _SHARE < part < 1 - _SHARE:
            return True
    return False


def _notches(outline: npt.NDArray[np.int32], deep_px: float) -> list[int]:
    """Where an outline lies deepest below its hull, as numbers of its points."""
    # A thin tail is passed twice, and of such points the hull takes either: put in order, or OpenCV refuses them.
    hull = -np.sort(-cv2.convexHull(outline, returnPoints=False), axis=0)
    defects = cv2.convexityDefects(outline, hull)
    if defects is None:
        return []
    deepest = sorted(defects.reshape(-1, 4), key=lambda defect: -defect[3])[:_NOTCHES]
    return [int(middle) for _, _, middle, depth in deepest if depth > deep_px * _FIXED_POINT]
