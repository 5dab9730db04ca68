"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381, table 2), all channels times a width."""

from typing import Any

import tf_keras as keras

from train.architectures.layers import conv, depthwise, linear_conv
from train.config import NetworkConfig

_STEM, _HEAD = 32, 1280
# Expansion, channels, blocks and the stride of the first of them.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_STEP = 8  # channels are a multiple of it
_LARGEST_LOSS = 0.1  # of the channels, by rounding


def mobilenet_v2(x: Any, config: NetworkConfig) -> Any:
    """The seventeen blocks and the head: `[n, size, size, 3]` to `[n, size / 32, size / 32, 1280 or more]`."""
    decay = config.weight_decay
    x = conv(x, scaled(_STEM, config.width), kernel=3, stride=2, decay=decay, name="stem")
    strides = [
        (expansion, channels, stride if first else 1)
        for expansion, channels, blocks, stride in _STAGES
        for first in (True, *(blocks - 1) * (False,))
    ]
    for i, (expansion, channels, stride) in enumerate(strides):
        x = _block(x, scaled(channels, config.width), expansion, stride=stride, decay=decay, name=f"block{i}")
    # As published, the head is widened with the rest but never narrowed.
    return conv(x, scaled(_HEAD, max(config.width, 1.0)), kernel=1, stride=1, decay=decay, name="head")


def _block(x: Any, channels: int, expansion: int, *, stride: int, decay: float, name: str) -> Any:
    """An inverted residual with a linear bottleneck: more channels, depthwise, fewer; added to what came in."""
    inside = x
    if expansion > 1:
        wide = expansion * x.shape[-1]
        inside = conv(inside, wide, kernel=1, stride=1, decay=decay, name=f"{name}_expand")
    inside = depthwise(inside, stride=stride, name=f"{name}_depthwise")
    inside = linear_conv(inside, channels, kernel=1, stride=1, decay=decay, name=f"{name}_project")
    if stride == 1 and x.shape[-1] == channels:
        return keras.layers.Add(name=f"{name}_add")([x, inside])
    return inside


def scaled(channels: int, width: float) -> int:
    """The nearest multiple of 8, but never a tenth less than asked for (as the authors' own code rounds)."""
    wanted = channels * width
    rounded = max(_STEP, int(wanted + _STEP / 2) // _STEP * _STEP)
    return rounded if rounded >= (1 - _LARGEST_LOSS) * wanted else rounded + _STEP
