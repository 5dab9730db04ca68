"""Pictures taken again from elsewhere and in another focus, for batches in `tf.data`; OpenCV is faster at it."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_runtime.preprocess import PixelArray

Floats = npt.NDArray[np.float32]
SHARPEN_SIGMA_PX = 1.2
_RADIUS_PX = 3
# OpenCV takes so many floats or fewer at once, and what is left of a row one by one, which rounds differently.
_COLUMNS = 16


def retake(pixels: Any, transforms: Any, amounts: Any, *, is_whole: bool) -> Any:
    """Turns, mirrors, scales and shifts each picture, then sharpens it as often as there are amounts.

    Args:
        pixels: uint8 `[n, size, size, 3]`, as prepared.
        transforms: float32 `[n, 2, 3]`; output pixel (x, y) takes the input at the product of the matrix and (x, y, 1).
        amounts: float32 `[n, times]` of unsharp masking with a Gaussian of 1.2 pixels: how much is added of the
            difference from the blurred picture; below 0 the picture becomes blurred instead.
        is_whole: whole pixels go to whole pixels, so that none are mixed; else the four about a point are.

    Returns:
        Light of the same shape, float32 in 0..1; black stays black, and is what comes in from outside.
    """
    way = cv2.WARP_INVERSE_MAP | (cv2.INTER_NEAREST if is_whole else cv2.INTER_LINEAR)

    def take(pixels: PixelArray, transforms: Floats, amounts: Floats) -> Floats:
        taken = np.empty(pixels.shape, np.float32)
        # One picture after the other: all of its steps find it in the processor's cache.
        for picture, transform, own, out in zip(pixels, transforms, amounts, taken, strict=True):
            light = np.divide(picture, 255.0, dtype=np.float32)
            cv2.warpAffine(light, transform, picture.shape[:2], dst=out, flags=way)
            cell = _cell(out)
            for amount in own.tolist():
                _sharpen(cell, amount)
        return taken

    taken = tf.numpy_function(take, [pixels, transforms, amounts], tf.float32, stateful=False)
    return tf.ensure_shape(taken, pixels.shape)


def _cell(picture: Floats) -> Floats:
    """The part that is not black, as a view: two thirds of a picture are, and need no sharpening."""
    side, pixel_bytes = len(picture), picture.itemsize * picture.shape[2]
    # A float is 0 where its bytes are: OpenCV bounds bytes only.
    x, y, width, height = cv2.boundingRect(picture.view(np.uint8).reshape(side, -1))
    left, right = x // pixel_bytes, -(-(x + width) // pixel_bytes)
    columns = min(-(-(right - left) // _COLUMNS) * _COLUMNS, side)
    left = min(left, side - columns)
    return picture[y : y + height, left : left + columns]


def _sharpen(cell: Floats, amount: float) -> None:
    """In place."""
    if not cell.size:
        return
    _, inside = cv2.threshold(cell, 0.0, 1.0, cv2.THRESH_BINARY)
    side = 2 * _RADIUS_PX + 1
    blurred = cv2.GaussianBlur(cell, (side, side), SHARPEN_SIGMA_PX, borderType=cv2.BORDER_CONSTANT)
    sharp = cv2.addWeighted(cell, 1.0 + amount, blurred, -amount, 0.0)
    cv2.threshold(cv2.min(sharp, inside, dst=sharp), 0.0, 0.0, cv2.THRESH_TOZERO, dst=sharp)
    cell[...] = sharp
