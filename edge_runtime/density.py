"""A field as densities against its own background: what stains white cells, and what red cells, pixel by pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.contract import PIXEL_VALUES
from edge_runtime.preprocess import PixelArray
from edge_runtime.stain import DENSITY

Floats = npt.NDArray[np.float32]

ROWS = 4
"""One row of so many tells the light and the colours of a field."""

# Share of the pixels brighter than which a channel is background: between the cells, and not the glare of a few.
_BACKGROUND_SHARE = 0.9
# Of blue, green and red, with which densities become one number. Red cells hold eosin, which takes up blue and green
# and hardly any red light; the thiazines of Romanowsky stains take up red and green (Horobin and Walter 1987).
_VIOLET = np.array([[-1, 0, 2]], np.float32)
_NUCLEAR = np.array([[-1, 1, 1]], np.float32)
_GREEN = 1


@dataclass(frozen=True)
class Background:
    """Density of the empty slide: light, its colour and the glass; blue, green and red."""

    density: tuple[float, float, float]


def measure_background(picture: PixelArray) -> Background:
    """Takes the bright tenth of each channel of a picture, uint8 BGR, for the empty slide."""
    densities = []
    for channel in range(3):
        counts = cv2.calcHist([picture[::ROWS]], [channel], None, [PIXEL_VALUES], [0, PIXEL_VALUES]).ravel()
        reached = np.cumsum(counts)
        densities.append(float(DENSITY[int(np.searchsorted(reached, _BACKGROUND_SHARE * reached[-1]))]))
    return Background((densities[0], densities[1], densities[2]))


def violet(picture: PixelArray, background: Background) -> Floats:
    """How much of a stain of white cells is in each pixel, float32; 0 on the slide and about 0 in red cells."""
    return _mixed(picture, background, _VIOLET)


def nuclear(picture: PixelArray, background: Background) -> Floats:
    """How deeply violet each pixel is, float32; most of all nuclei."""
    return _mixed(picture, background, _NUCLEAR)


def green(picture: PixelArray, background: Background) -> Floats:
    """Density in green, float32, in which all cells show."""
    channel = cv2.extractChannel(picture, _GREEN)
    return np.asarray(cv2.LUT(channel, DENSITY - np.float32(background.density[_GREEN])), np.float32)


def _mixed(picture: PixelArray, background: Background, weights: Floats) -> Floats:
    empty = float(weights[0] @ np.array(background.density, np.float32))
    # One affine map: weights, then minus what the empty slide gives.
    affine = np.concatenate([weights, np.array([[-empty]], np.float32)], axis=1)
    return np.asarray(cv2.transform(cv2.LUT(picture, DENSITY), affine), np.float32)
