"""The compact CNN: a stem and a chain of depthwise-separable blocks, as many and as wide as the settings say."""

from collections.abc import Sequence
from typing import Any

from train.architectures.layers import conv, depthwise
from train.config import NetworkConfig


def compact(x: Any, config: NetworkConfig) -> Any:
    """The blocks of `config.channels` and `config.strides`."""
    return separable_blocks(x, config.stem, config.channels, config.strides, decay=config.weight_decay)


def separable_blocks(x: Any, stem: int, channels: Sequence[int], strides: Sequence[int], *, decay: float) -> Any:
    """A convolution, then pairs of a depthwise and a pointwise one (Howard et al. 2017, arXiv 1704.04861).

    Args:
        x: `[n, size, size, 3]`.
        stem: channels of the first convolution, which halves the sides.
        channels: of each block.
        strides: of each block.
        decay: L2 factor on the kernels, but for the depthwise ones.

    Returns:
        `[n, h, w, channels[-1]]`.
    """
    x = conv(x, stem, kernel=3, stride=2, decay=decay, name="stem")
    for i, (own, stride) in enumerate(zip(channels, strides, strict=True)):
        x = depthwise(x, stride=stride, name=f"block{i}_depthwise")
        x = conv(x, own, kernel=1, stride=1, decay=decay, name=f"block{i}_pointwise")
    return x
