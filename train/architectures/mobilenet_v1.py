"""MobileNetV1 (Howard et al. 2017, arXiv 1704.04861, table 1), all channels times a width."""

from typing import Any

from train.architectures.compact import separable_blocks
from train.config import NetworkConfig

STEM = 32
_CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
_FEWEST = 8


def mobilenet_v1(x: Any, config: NetworkConfig) -> Any:
    """The thirteen blocks: `[n, size, size, 3]` to `[n, size / 32, size / 32, 1024 * width]`."""
    stem, *channels = (max(_FEWEST, int(config.width * own)) for own in (STEM, *_CHANNELS))
    return separable_blocks(x, stem, channels, STRIDES, decay=config.weight_decay)
