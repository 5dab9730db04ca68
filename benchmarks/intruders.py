"""Pictures of what is no training cell: drawn ones, and real cells changed until they are none."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray

SIDE = 450  # pixels, as the cells of C-NMC
_MIDDLE = (SIDE - 1) / 2
# In pixels: from smaller than a cell to larger.
_DISC_RADII, _SPECK_RADII = (50, 130), (20, 90)
_SPECKS, _CORNERS = (1, 5), (5, 12)
_FIBRE_POINTS, _FIBRE_WIDTHS = 6, (4, 24)
_DARKEST, _LIGHTEST = 20, 220  # colours of dirt
_GRAIN, _GRAIN_PX = 12.0, 2.0  # of dirt: its deviation, and how far it reaches
_NEIGHBOUR_PX = 170  # between the middles of two cells that touch
_AWAY_PX = 110

Generator = np.random.Generator


def noise(rng: Generator) -> PixelArray:
    """Every value as likely, from pixel to pixel."""
    return rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def blank(rng: Generator) -> PixelArray:
    """One colour all over."""
    return np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), np.uint8)


def disc(rng: Generator) -> PixelArray:
    """An even disc on black, of the size of a cell."""
    y, x = np.mgrid[:SIDE, :SIDE] - _MIDDLE
    inside = np.hypot(x, y) < rng.uniform(*_DISC_RADII)
    return np.asarray(inside[:, :, None] * rng.integers(1, 256, 3), np.uint8)


def specks(rng: Generator) -> PixelArray:
    """A few grainy, angular specks of dirt on black."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(rng.integers(*_SPECKS)):
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(*_CORNERS)))
        radii = rng.uniform(*_SPECK_RADII) * rng.uniform(0.5, 1, len(angles))
        middle = _MIDDLE + rng.uniform(-_SPECK_RADII[1], _SPECK_RADII[1], 2)
        corners = middle + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], (1,))
    return _grainy(rng, mask)


def fibre(rng: Generator) -> PixelArray:
    """A grainy fibre on black, from side to side."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    across = np.linspace(0, SIDE - 1, SIDE)
    knots = rng.uniform(0.2 * SIDE, 0.8 * SIDE, _FIBRE_POINTS)
    bent = np.interp(across, np.linspace(0, SIDE - 1, _FIBRE_POINTS), knots)
    line = np.rint(np.stack([across, bent], axis=1)).astype(np.int32)
    cv2.polylines(mask, [line], False, (1,), int(rng.integers(*_FIBRE_WIDTHS)))
    return _grainy(rng, mask)


def scene(rng: Generator) -> PixelArray:
    """A picture whose detail falls off with its frequency, as that of photographs does (Field 1987, JOSA A 4, 2379)."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :])
    frequency[0, 0] = 1 / SIDE
    spectra = np.fft.rfft2(rng.normal(size=(3, SIDE, SIDE))) / frequency
    planes = np.fft.irfft2(spectra, (SIDE, SIDE))
    planes += planes.mean(axis=0)  # things are light or dark before they are coloured
    low, high = np.quantile(planes, [0.01, 0.99])
    return np.asarray(np.clip(255 * (planes - low) / (high - low), 0, 255).transpose(1, 2, 0), np.uint8)


def _grainy(rng: Generator, mask: PixelArray) -> PixelArray:
    grain = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), _GRAIN_PX)
    colour = rng.uniform(_DARKEST, _LIGHTEST, 3) + _GRAIN * (grain / grain.std())[:, :, None]
    return np.asarray(np.clip(colour, 1, 255) * mask[:, :, None], np.uint8)


DRAWN: dict[str, Callable[[Generator], PixelArray]] = {
    "noise": noise,
    "blank pictures": blank,
    "even discs": disc,
    "specks of dirt": specks,
    "fibres": fibre,
    "scenes, as photographs are": scene,
}
"""What is drawn, by name."""


def halved(cell: PixelArray) -> PixelArray:
    """The cell at half its size."""
    return np.ascontiguousarray(cell[::2, ::2])


def doubled(cell: PixelArray) -> PixelArray:
    """The cell at twice its size."""
    return np.asarray(cv2.resize(cell, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), np.uint8)


def inverted(cell: PixelArray) -> PixelArray:
    """The cell as a negative, on black."""
    return np.where(cell.any(axis=2, keepdims=True), 255 - cell, 0).astype(np.uint8)


def swapped(cell: PixelArray) -> PixelArray:
    """Red and blue exchanged, as by a program that takes BGR for RGB."""
    return np.ascontiguousarray(cell[:, :, ::-1])


def grey(cell: PixelArray) -> PixelArray:
    """Without colour."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(cell, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def cut(cell: PixelArray) -> PixelArray:
    """The left half of the cell."""
    half: npt.NDArray[np.uint8] = cell.copy()
    half[:, cell.shape[1] // 2 :] = 0
    return half


def clumped(cell: PixelArray) -> PixelArray:
    """Two cells that touch."""
    half = _NEIGHBOUR_PX // 2
    return np.maximum(_moved(cell, -half), _moved(cell, half))


def away(cell: PixelArray) -> PixelArray:
    """The cell far from the middle."""
    return _moved(cell, _AWAY_PX)


def _moved(cell: PixelArray, right: int) -> PixelArray:
    """Moved to the right, or to the left by less than 0; what comes in is black."""
    height, width = cell.shape[:2]
    matrix = np.array([[1, 0, right], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(cell, matrix, (width, height), flags=cv2.INTER_NEAREST), np.uint8)


CHANGED: dict[str, Callable[[PixelArray], PixelArray]] = {
    "at half their size": halved,
    "at twice their size": doubled,
    "inverted": inverted,
    "red and blue swapped": swapped,
    "without colour": grey,
    "cut in half": cut,
    "two that touch": clumped,
    "far from the middle": away,
}
"""What a real cell is changed into, by name."""
