"""Pictures taken again from elsewhere and in another focus, for batches in `tf.data`; OpenCV is faster at it."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Floats = npt.NDArray[np.float32]
SHARPEN_SIGMA_PX = 1.2
_RADIUS_PX = 3


def retake(pixels: Any, transforms: Any, amounts: Any, *, is_whole: bool) -> Any:
    """Turns, mirrors, scales and shifts each picture, then sharpens it as often as there are amounts.

    Args:
        pixels: float32 `[n, size, size, 3]` in 0..1.
        transforms: float32 `[n, 2, 3]`; output pixel (x, y) takes the input at the product of the matrix and (x, y, 1).
        amounts: float32 `[n, times]` of unsharp masking with a Gaussian of 1.2 pixels: how much is added of the
            difference from the blurred picture; below 0 the picture becomes blurred instead.
        is_whole: whole pixels go to whole pixels, so that none are mixed; else the four about a point are.

    Returns:
        The same shape and range; black stays black, and is what comes in from outside.
    """
    way = cv2.WARP_INVERSE_MAP | (cv2.INTER_NEAREST if is_whole else cv2.INTER_LINEAR)

    def take(pixels: Floats, transforms: Floats, amounts: Floats) -> Floats:
        taken = np.empty_like(pixels)
        # One picture after the other: all of its steps find it in the processor's cache.
        for picture, transform, own, out in zip(pixels, transforms, amounts, taken, strict=True):
            cv2.warpAffine(picture, transform, picture.shape[:2], dst=out, flags=way)
            for amount in own.tolist():
                _sharpen(out, amount)
        return taken

    taken = tf.numpy_function(take, [pixels, transforms, amounts], tf.float32, stateful=False)
    return tf.ensure_shape(taken, pixels.shape)


def _sharpen(picture: Floats, amount: float) -> None:
    """In place."""
    _, inside = cv2.threshold(picture, 0.0, 1.0, cv2.THRESH_BINARY)
    side = 2 * _RADIUS_PX + 1
    blurred = cv2.GaussianBlur(picture, (side, side), SHARPEN_SIGMA_PX, borderType=cv2.BORDER_CONSTANT)
    cv2.addWeighted(picture, 1.0 + amount, blurred, -amount, 0.0, dst=picture)
    cv2.threshold(cv2.min(picture, inside, dst=picture), 0.0, 0.0, cv2.THRESH_TOZERO, dst=picture)
