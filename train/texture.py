"""A cell's texture as a vector, so that the same cell cut out twice is found again."""

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray

# Two cells above this correlation are one. On C-NMC 0.85 and 0.93 find the same groups of subjects.
SAME_CELL = 0.90

_WINDOW = 320  # pixels about the middle of the cell; the widest common cell of C-NMC
_SIDE = 40
_SIGMA = 3.0  # of `_SIDE` pixels: what varies more slowly is light, not texture
_BLOCK = 1000


def texture(picture: PixelArray) -> npt.NDArray[np.float32]:
    """The fine structure inside a cell on black, whatever its place, light and outline.

    Args:
        picture: uint8 `[height, width, 3]`, BGR.

    Returns:
        float32 `[1600]` of length 1, or 0 for a picture without structure.
    """
    mask = np.asarray(cv2.bitwise_not(cv2.inRange(picture, (0, 0, 0), (0, 0, 0))), np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return np.zeros(_SIDE * _SIDE, np.float32)
    top, left = (2 * y + height - 1 - _WINDOW) // 2, (2 * x + width - 1 - _WINDOW) // 2
    grey = _window(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8), top, left)
    whole = np.asarray(_window(mask, top, left) > 0.99 * 255, np.float32)
    inside = np.asarray(cv2.erode(whole, np.ones((3, 3))))  # the outline is where two cut-outs of a cell differ
    light = cv2.GaussianBlur(grey * inside, (0, 0), _SIGMA)
    share = cv2.GaussianBlur(inside, (0, 0), _SIGMA)
    fine = ((grey - light / np.maximum(share, 1e-3)) * inside).ravel()
    length = float(np.linalg.norm(fine))
    return (fine / length if length else fine).astype(np.float32)


def _window(plane: npt.NDArray[np.uint8], top: int, left: int) -> npt.NDArray[np.float32]:
    """What lies in the window, and black where that reaches over the edge, as float32 `[_SIDE, _SIDE]`."""
    part = np.zeros((_WINDOW, _WINDOW), np.float32)
    rows, columns = slice(max(top, 0), top + _WINDOW), slice(max(left, 0), left + _WINDOW)
    inside = plane[rows, columns]
    down, right = max(-top, 0), max(-left, 0)
    part[down : down + inside.shape[0], right : right + inside.shape[1]] = inside
    return np.asarray(cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)


def same_cells(textures: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """All pairs of positions whose textures correlate above `SAME_CELL`, the smaller position first."""
    pairs = []
    for start in range(0, len(textures), _BLOCK):
        alike = textures[start : start + _BLOCK] @ textures[start:].T > SAME_CELL
        for i, j in zip(*np.nonzero(alike), strict=True):
            if i < j:
                pairs.append((start + int(i), start + int(j)))
    return pairs
