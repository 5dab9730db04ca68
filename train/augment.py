"""Random changes that leave a cell's label alone: place, size, light, stain, focus, compression, a missing part."""

import math
from typing import Any

import tensorflow as tf

from train.config import AugmentConfig
from train.degrade import blur, erase, recompress
from train.optics import retake

BEST_JPEG_QUALITY = 100
# Each change below draws from a seed of its own, so that one switched on leaves the others' draws as they were.
_DENSITY, _BLUR, _JPEG, _ERASE_SIDE, _ERASE_MIDDLE = range(5)
# A square about a point of the inner half of the picture is on the cell.
_ERASE_FROM, _ERASE_TO = 0.25, 0.75
# Interpolating between pixels takes a quarter of the fine detail inside C-NMC's cells, and a network that learnt from
# pictures so blurred misjudges sharp ones. So much unsharp masking gives it back.
_INTERPOLATION = 0.47


def augment(pixels: Any, config: AugmentConfig, seed: Any) -> Any:
    """Changes a batch at random; the same seed gives the same pictures.

    Args:
        pixels: uint8 `[n, size, size, 3]`, as prepared.
        config: how far each change goes; 0 switches it off.
        seed: int tensor `[2]`.

    Returns:
        Light of the same shape, float32 in 0..1; what comes in from outside is black, like the background.
    """
    shape = tf.shape(pixels)
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 7))
    n = shape[:1]

    def uniform(i: int, low: float, high: float, size: Any = n) -> Any:
        return tf.random.stateless_uniform(size, seeds[i], low, high)

    def uniform_of(change: int, low: float, high: float, size: Any = n, dtype: Any = tf.float32) -> Any:
        own = tf.random.experimental.stateless_fold_in(seed, change)
        return tf.random.stateless_uniform(size, own, low, high, dtype)

    cosine, sine = _turns(config.rotate, uniform(0, 0.0, 1.0))
    mirror = tf.sign(uniform(1, -1.0, 1.0)) if config.mirror else tf.ones(n)
    factor = tf.exp(uniform(2, -config.scale, config.scale))
    middle = tf.cast(shape[1] - 1, tf.float32) / 2
    shift = uniform(3, -config.shift, config.shift, tf.stack([shape[0], 2])) * 2 * middle
    is_whole = config.rotate != "any" and not config.scale
    if is_whole:
        shift = tf.round(shift)
    # Output pixel (x, y) takes input pixel (a x + b y + c, d x + e y + f), turned about the middle.
    a, b = cosine / factor * mirror, -sine / factor
    d, e = sine / factor * mirror, cosine / factor
    c = middle - (a + b) * middle + shift[:, 0]
    f = middle - (d + e) * middle + shift[:, 1]
    transforms = tf.reshape(tf.stack([a, b, c, d, e, f], axis=1), [-1, 2, 3])
    amounts = [] if is_whole else [tf.fill(n, _INTERPOLATION)]
    if config.sharpness:
        # Below 0 it blurs, above it sharpens, as focus and optics do.
        amounts.append(uniform(6, -config.sharpness, config.sharpness))
    amounts = tf.stack(amounts, axis=1) if amounts else tf.zeros([shape[0], 0])
    moved = retake(pixels, transforms, amounts, is_whole=is_whole)
    # Optical density is linear in the amount of stain (Beer-Lambert); a power of the transmitted light scales it.
    # What is switched off is left out where that changes no bit: a power of 1, a blur that nothing is made of.
    stained = moved
    if config.stain or config.density:
        stain = tf.exp(uniform(4, -config.stain, config.stain, tf.stack([shape[0], 1, 1, 3])))
        if config.density:
            stain *= tf.exp(uniform_of(_DENSITY, -config.density, config.density))[:, None, None, None]
        stained = tf.pow(tf.maximum(moved, 0.0), stain)
    lit = stained
    if config.brightness:
        lit *= tf.exp(uniform(5, -config.brightness, config.brightness, tf.stack([shape[0], 1, 1, 1])))
    if config.blur:
        lit = blur(lit, uniform_of(_BLUR, 0.0, config.blur))
    changed = lit if lit is moved else tf.clip_by_value(lit, 0.0, 1.0)
    if config.jpeg:
        changed = recompress(changed, uniform_of(_JPEG, config.jpeg, BEST_JPEG_QUALITY + 1, dtype=tf.int32))
    if config.erase:
        middle = uniform_of(_ERASE_MIDDLE, _ERASE_FROM, _ERASE_TO, tf.stack([shape[0], 2]))
        changed = erase(changed, middle, uniform_of(_ERASE_SIDE, 0.0, config.erase))
    return changed


def _turns(kind: str, drawn: Any) -> tuple[Any, Any]:
    """Cosine and sine of angles, float32 `[n]`, drawn in 0..1; those of quarters are whole, so that pixels stay."""
    if kind == "any":
        angle = 2 * math.pi * drawn
        return tf.cos(angle), tf.sin(angle)
    quarters = tf.cast(4 * drawn, tf.int32) if kind == "quarter" else tf.zeros_like(drawn, tf.int32)
    return tf.gather([1.0, 0.0, -1.0, 0.0], quarters), tf.gather([0.0, 1.0, 0.0, -1.0], quarters)
