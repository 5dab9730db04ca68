"""What a prepared picture looks like, in ten numbers: size, outline and place of the cell, its stain and its detail."""

import math
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray
from edge_runtime.stain import DENSITY, cell_mask, inner_part

Traits = npt.NDArray[np.float64]

TRAITS = (
    "area",
    "elongation",
    "raggedness",
    "distance from the middle",
    "stain density",
    "red to green",
    "red to blue",
    "agreement of red and green",
    "agreement of green and blue",
    "fine detail",
)
"""Names of what `measure` gives, in its order; shown to the user."""

_FEWEST_PIXELS = 20  # for a correlation to mean something
_DETAIL_PX = (3, 3)  # the mean that detail is measured against
# Of a square pixel about its middle, so that a line has a width.
_PIXEL_VARIANCE = 1 / 12
# Below these, differences mean nothing; a logarithm must not see them.
_ROUGH_FLOOR, _OFFSET_FLOOR, _DENSITY_FLOOR, _DETAIL_FLOOR, _VARIANCE_FLOOR = 0.01, 0.003, 1e-3, 1e-4, 1e-8
_MOST_ALIKE = 0.98  # of a correlation: what is left beyond it is the noise of the camera, not the stain
# Of red, green and blue: red + green, green + blue, and their mean, in whose place comes the detail.
_SUMS = np.array([[1, 1, 0], [0, 1, 1], [1 / 3, 1 / 3, 1 / 3]], np.float32)
_GREY = 2


def measure(pixels: PixelArray, colour_order: Literal["rgb", "bgr"]) -> list[float]:
    """Measures the traits of a prepared picture.

    Each is on a scale on which real cells spread about evenly: logarithms of shares and ratios, Fisher's z of
    correlations. Stain is measured as optical density, -log10(value / 255), which is proportional to its amount
    (Beer-Lambert; Ruifrok and Johnston 2001).

    - area: ln of the share of pixels that are not black.
    - elongation: root of ln of the axis ratio of the ellipse with the same second moments.
    - raggedness: ln of how much that ellipse's area exceeds the cell's: indents, holes, pieces.
    - distance from the middle: ln of that of the centre of the cell, in parts of the side.
    - stain density: mean of the three channels.
    - red to green, red to blue: ln of the ratio of the mean densities: the hue.
    - agreement: Fisher's z of the correlation of two channels' densities; one stain darkens all channels alike.
    - fine detail: ln of the standard deviation of the density about the mean of 3 x 3 pixels.

    Args:
        pixels: uint8 `[size, size, 3]` from `prepare`.
        colour_order: of the channels.

    Returns:
        One number for each of `TRAITS`; where next to nothing is not black, all but the area are NaN.
    """
    height, width = pixels.shape[:2]
    mask = cell_mask(pixels)
    left, top, box_width, box_height = cv2.boundingRect(mask)
    box = np.s_[top : top + box_height, left : left + box_width]
    cell = mask[box]
    count = cv2.countNonZero(cell) if cell.size else 0
    area = math.log(max(count, 1) / (height * width))
    if count < _FEWEST_PIXELS:
        return [area] + [math.nan] * (len(TRAITS) - 1)
    middle = (width - 1) / 2 - left, (height - 1) / 2 - top
    red_first = np.ascontiguousarray(pixels[box] if colour_order == "rgb" else pixels[box][..., ::-1])
    return [area, *_outline(cell, middle, width), *_stain(red_first, cell)]


def _outline(cell: PixelArray, middle: tuple[float, float], side: int) -> tuple[float, float, float]:
    """Elongation, raggedness and distance from the middle of the pixels that are 1."""
    moments = cv2.moments(cell, True)
    count = moments["m00"]
    across, down = moments["mu20"] / count + _PIXEL_VARIANCE, moments["mu02"] / count + _PIXEL_VARIANCE
    root = math.hypot((across - down) / 2, moments["mu11"] / count)
    longer, shorter = (across + down) / 2 + root, max((across + down) / 2 - root, _PIXEL_VARIANCE)
    swelling = math.log(4 * math.pi * math.sqrt(longer * shorter) / count)
    distance = math.dist((moments["m10"] / count, moments["m01"] / count), middle) / side
    return (
        math.sqrt(math.log(longer / shorter) / 2),
        math.log(max(swelling, 0.0) + _ROUGH_FLOOR),
        math.log(distance + _OFFSET_FLOOR),
    )


def _stain(pixels: PixelArray, cell: PixelArray) -> tuple[float, ...]:
    """Density, hue, agreement and detail of RGB pixels where `cell` is 1."""
    inner = inner_part(cell, _FEWEST_PIXELS)
    density = cv2.LUT(pixels, DENSITY)
    means, deviations = _means_and_deviations(density, inner)
    sums = cv2.transform(density, _SUMS)
    grey = cv2.extractChannel(sums, _GREY)
    cv2.insertChannel(cv2.subtract(grey, cv2.blur(grey, _DETAIL_PX)), sums, _GREY)
    _, (*of_sums, detail) = _means_and_deviations(sums, inner)
    red, green, blue = (max(mean, _DENSITY_FLOOR) for mean in means)
    return (
        (means[0] + means[1] + means[2]) / len(means),  # not by sum(), which adds otherwise from Python 3.12 on
        math.log(red / green),
        math.log(red / blue),
        *(math.atanh(_correlation(deviations[i], deviations[i + 1], of_sums[i])) for i in range(2)),
        math.log(max(detail, _DETAIL_FLOOR)),
    )


def _means_and_deviations(values: npt.NDArray[Any], inner: PixelArray) -> tuple[list[float], list[float]]:
    """Of each channel where `inner` is 1; as plain numbers, with which a few sums are done faster than with arrays."""
    means, deviations = cv2.meanStdDev(values, mask=inner)
    return means.ravel().tolist(), deviations.ravel().tolist()


def _correlation(one: float, other: float, of_sum: float) -> float:
    """Of two channels, from their deviations and that of their sum.

    var(a + b) = var(a) + var(b) + 2 cov(a, b): OpenCV has no covariance under a mask, and numpy's is slow.
    """
    covariance = (of_sum * of_sum - one * one - other * other) / 2
    scale = math.sqrt((one * one + _VARIANCE_FLOOR) * (other * other + _VARIANCE_FLOOR))
    return min(max(covariance / scale, -_MOST_ALIKE), _MOST_ALIKE)
