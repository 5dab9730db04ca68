"""What a lens out of focus and a compressed file do to cells on black, for batches in `tf.data`."""

from typing import Any

import tensorflow as tf

# Below it the Gaussian is one pixel wide, and its exponent would overflow.
_NO_BLUR_PX = 0.05


def blur(pixels: Any, sigma_px: Any) -> Any:
    """Blurs each cell with a Gaussian of its own, as a picture out of focus before the cell was cut out.

    Each pixel becomes the weighted mean of the cell's own pixels, so that no black flows in at the rim. The Gaussian is
    a matrix over rows and over columns: on a CPU that is faster than convolutions of many widths.

    Args:
        pixels: float32 `[n, size, size, 3]` in 0..1.
        sigma_px: float32 `[n]`, standard deviations in pixels, 0 or more.

    Returns:
        The same shape and range; black stays black.
    """
    inside = tf.cast(tf.reduce_any(pixels > 0, axis=3, keepdims=True), tf.float32)
    place = tf.range(tf.shape(pixels)[1], dtype=tf.float32)
    distance = (place[:, None] - place[None, :]) / tf.maximum(sigma_px, _NO_BLUR_PX)[:, None, None, None]
    weights = tf.exp(-0.5 * tf.square(distance))  # [n, 1, size, size]
    planes = tf.transpose(tf.concat([pixels, inside], axis=3), [0, 3, 1, 2])
    total = tf.transpose(weights @ planes @ weights, [0, 2, 3, 1])
    return inside * total[..., :3] / tf.maximum(total[..., 3:], 1e-6)


def recompress(pixels: Any, quality: Any) -> Any:
    """Stores and reads each picture as JPEG and blackens the background again.

    Args:
        pixels: float32 `[n, size, size, 3]` in 0..1, RGB.
        quality: int32 `[n]`, 1 to 100.

    Returns:
        The same shape and range, in steps of 1 / 255; black stays black.
    """
    stored = tf.map_fn(
        lambda one: tf.image.adjust_jpeg_quality(one[0], one[1]),
        (pixels, quality),
        fn_output_signature=tf.TensorSpec(pixels.shape[1:], tf.float32),
    )
    return tf.where(tf.reduce_any(pixels > 0, axis=3, keepdims=True), stored, 0.0)


def erase(pixels: Any, middle: Any, side: Any) -> Any:
    """Blackens a square of each picture (random erasing: Zhong et al. 2020, arXiv 1708.04896).

    Args:
        pixels: float32 `[n, size, size, 3]`.
        middle: float32 `[n, 2]`, of the square, down and right, in parts of the picture's side.
        side: float32 `[n]`, of the square, in parts of the picture's side.

    Returns:
        The same shape and range.
    """
    size = tf.shape(pixels)[1]
    place = (tf.range(size, dtype=tf.float32) + 0.5) / tf.cast(size, tf.float32)
    within = tf.abs(place - middle[:, :, None]) < side[:, None, None] / 2  # [n, 2, size]
    square = within[:, 0, :, None] & within[:, 1, None, :]
    return tf.where(square[..., None], 0.0, pixels)
