"""How far the microscope's stage has moved between two frames."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray

# Frames are compared at about this width: quick, and noise averages out.
_WIDTH = 256
# Peak of the phase correlation below which two frames show different places. Drawn fields (tests/test_cell_tracker.py)
# give 0.7 and more for the same place, noise and a shift of an eighth of the frame included, others 0.5 at most.
_SAME_PLACE = 0.6
# Two places with one cell each look like one place that moved far; no stage is that quick between two frames.
_FARTHEST_SHARE = 0.25


@dataclass(frozen=True)
class Shift:
    """What moved.

    Attributes:
        x: pixels to the right that the picture's content moved.
        y: pixels downwards.
    """

    x: float
    y: float


class StageMotion:
    """Follows the stage by phase correlation (Kuglin and Hines, 1975) of each frame with the one before."""

    def __init__(self) -> None:
        """Starts before the first frame."""
        self._previous: npt.NDArray[np.float32] | None = None
        self._shape: tuple[int, ...] = ()
        self._window: Any = None

    def step(self, picture: PixelArray) -> Shift | None:
        """Takes the next frame.

        Args:
            picture: uint8 `[height, width, 3]`, BGR.

        Returns:
            How its content moved since the frame before; None when that shows another place, has another size, or
            there is none.
        """
        scale = max(picture.shape[1] / _WIDTH, 1.0)
        size = round(picture.shape[1] / scale), round(picture.shape[0] / scale)
        grey = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        current = grey.astype(np.float32)
        previous, self._previous = self._previous, current
        if previous is None or self._shape != picture.shape:
            self._shape = picture.shape
            self._window = cv2.createHanningWindow(size, cv2.CV_32F)
            return None
        if np.array_equal(previous, current):
            return Shift(0.0, 0.0)  # also of an even picture, which has no phase
        (x, y), peak = cv2.phaseCorrelate(previous, current, self._window)
        width, height = size
        if peak < _SAME_PLACE or abs(x) > _FARTHEST_SHARE * width or abs(y) > _FARTHEST_SHARE * height:
            return None
        return Shift(x * scale, y * scale)
