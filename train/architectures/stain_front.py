"""The stain-deconvolution front: a learnable 3 x 3 colour transform in optical density."""

from typing import Any

import numpy as np
import tf_keras as keras

from train.architectures.layers import norm

STAIN_LAYER = "stain"

# Optical density of haematoxylin, eosin and DAB in red, green and blue (Ruifrok and Johnston 2001, Anal Quant Cytol
# Histol 23, 291-299; scikit-image's `rgb_from_hed`).
_STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))


def stain_front(density: Any) -> Any:
    """How much of each of three stains lies in each pixel (after Duggal et al. 2017, doi 10.1007/978-3-319-66179-7_50).

    Density is linear in the amount of stain (Beer-Lambert), so the inverse of the stains' matrix gives the amounts. It
    is only the start: C-NMC's stain is another, and training finds it. There is no ReLU, since what is left over
    beside the first two stains is negative as often as not; so nothing is lost before the first spatial kernel.

    Args:
        density: `[n, size, size, 3]`, optical density of red, green and blue, 0..1 as `train.density` scales it.

    Returns:
        The same shape.
    """
    start = keras.initializers.Constant([[np.linalg.inv(_STAINS).tolist()]])
    # No weight decay: it would pull towards a transform that sees nothing.
    layer = keras.layers.Conv2D(3, 1, use_bias=False, kernel_initializer=start, name=STAIN_LAYER)
    return norm(layer(density), STAIN_LAYER)
