"""Brings a field to other sizes: halved as long as that can be, which costs little, and then by less than a half."""

import cv2
import numpy as np

from edge_runtime.preprocess import PixelArray


class Sizes:
    """A picture at several sizes; what was halved for one serves the next.

    OpenCV's mean over areas is fast where they are of 2 x 2 pixels, and four times as slow as all this where they are
    not of whole ones. Bilinear interpolation loses no pixel down to a half, and the exact kind is the same on every
    processor.

    Attributes:
        picture: uint8 `[height, width, 3]`, as it was given.
    """

    def __init__(self, picture: PixelArray) -> None:
        """Nothing is computed until a size is asked for."""
        self.picture = picture
        self._halved = [picture]

    def at(self, factor: float) -> PixelArray:
        """The picture enlarged or reduced.

        Args:
            factor: of lengths.

        Returns:
            uint8 of the rounded size, at least a pixel.
        """
        width, height = (max(1, round(side * factor)) for side in self.picture.shape[1::-1])
        times = 0
        while _at_least_twice(self._half(times), width, height):
            times += 1
        linear = cv2.resize(self._half(times), (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
        return np.asarray(linear, np.uint8)

    def _half(self, times: int) -> PixelArray:
        while len(self._halved) <= times:
            last = self._halved[-1]
            half = (last.shape[1] // 2, last.shape[0] // 2)
            self._halved.append(np.asarray(cv2.resize(last, half, interpolation=cv2.INTER_AREA), np.uint8))
        return self._halved[times]


def _at_least_twice(picture: PixelArray, width: int, height: int) -> bool:
    return bool(picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width)
