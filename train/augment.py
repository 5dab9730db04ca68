"""Random changes that leave a cell's label alone: turn, mirror, scale, shift, brightness, stain, sharpness."""

from typing import Any

import numpy as np
import tensorflow as tf

from train.config import AugmentConfig


def augment(pixels: Any, config: AugmentConfig, seed: Any) -> Any:
    """Changes a batch at random; the same seed gives the same pictures.

    Args:
        pixels: float32 `[n, size, size, 3]` in 0..1.
        config: how far each change goes; 0 switches it off.
        seed: int tensor `[2]`.

    Returns:
        The same shape and range; what comes in from outside is black, like the background.
    """
    shape = tf.shape(pixels)
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 7))
    n = shape[:1]

    def uniform(i: int, low: float, high: float, size: Any = n) -> Any:
        return tf.random.stateless_uniform(size, seeds[i], low, high)

    angle = uniform(0, 0.0, 6.2831853) if config.rotate else tf.zeros(n)
    mirror = tf.sign(uniform(1, -1.0, 1.0)) if config.mirror else tf.ones(n)
    factor = tf.exp(uniform(2, -config.scale, config.scale))
    middle = tf.cast(shape[1] - 1, tf.float32) / 2
    shift = uniform(3, -config.shift, config.shift, tf.stack([shape[0], 2])) * 2 * middle
    # Output pixel (x, y) takes input pixel (a x + b y + c, d x + e y + f), turned about the middle.
    a, b = tf.cos(angle) / factor * mirror, -tf.sin(angle) / factor
    d, e = tf.sin(angle) / factor * mirror, tf.cos(angle) / factor
    c = middle - (a + b) * middle + shift[:, 0]
    f = middle - (d + e) * middle + shift[:, 1]
    transforms = tf.stack([a, b, c, d, e, f, tf.zeros(n), tf.zeros(n)], axis=1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels,
        transforms=transforms,
        output_shape=shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    # Optical density is linear in the amount of stain (Beer-Lambert); a power of the transmitted light scales it.
    stain = tf.exp(uniform(4, -config.stain, config.stain, tf.stack([shape[0], 1, 1, 3])))
    light = tf.exp(uniform(5, -config.brightness, config.brightness, tf.stack([shape[0], 1, 1, 1])))
    lit = tf.pow(tf.maximum(moved, 0.0), stain) * light
    # Unsharp masking both ways: below 0 it blurs, above it sharpens, as focus and optics do.
    detail = lit - tf.nn.depthwise_conv2d(lit, _GAUSSIAN, [1, 1, 1, 1], "SAME")
    sharper = lit + uniform(6, -config.sharpness, config.sharpness, tf.stack([shape[0], 1, 1, 1])) * detail
    return tf.clip_by_value(tf.where(lit > 0, sharper, 0.0), 0.0, 1.0)


def _gaussian(sigma: float, radius: int) -> np.ndarray:
    """A kernel for `depthwise_conv2d` over three channels, float32 `[2 radius + 1, 2 radius + 1, 3, 1]`."""
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = np.outer(line, line) / line.sum() ** 2
    return np.repeat(kernel[:, :, None, None], 3, axis=2).astype(np.float32)


_GAUSSIAN = _gaussian(sigma=1.2, radius=3)
