"""Mixed pictures with mixed targets (mixup: Zhang et al. 2018, arXiv 1710.09412)."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# Tells the draw of the shares from that of the order, which has the same seed.
_STREAM = 1


def draw_shares(count: int, alpha: float, seed: int) -> npt.NDArray[np.float32]:
    """How much of each mix is the first picture: float32 `[count]`, Beta(alpha, alpha), in 0..1."""
    return np.random.default_rng([seed, _STREAM]).beta(alpha, alpha, count).astype(np.float32)


def mix(pixels: Any, targets: Any, weights: Any, share: Any) -> tuple[Any, Any, Any]:
    """Mixes each cell of a batch with the one before it, the first with the last.

    The loss of a mix is that of both cells, each weighed by its share and its own weight: so heavy cells stay as heavy
    among mixed pictures as they are among plain ones, and classes stay balanced.

    Args:
        pixels: float32 `[n, size, size, 3]`.
        targets: float32 `[n, labels]`, each sums to 1.
        weights: float32 `[n]`, above 0.
        share: float32 `[n]` in 0..1, of the cell itself.

    Returns:
        Pixels, targets and weights, shaped as they came; targets sum to 1.
    """
    part = share[:, None, None, None]
    own, other = share * weights, (1.0 - share) * tf.roll(weights, 1, 0)
    of_own = (own / (own + other))[:, None]
    return (
        part * pixels + (1.0 - part) * tf.roll(pixels, 1, 0),
        of_own * targets + (1.0 - of_own) * tf.roll(targets, 1, 0),
        own + other,
    )


def with_partner(places: Any, count: Any) -> Any:
    """Neighbouring places of a batch of `count`, int32 `[n]`, led by the one that `mix` mixes the first with."""
    return tf.concat([(places[:1] - 1) % count, places], axis=0)
