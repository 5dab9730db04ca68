"""The first layers of a network trained on ImageNet, made into a flatbuffer that gives their pooled features."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from train.architectures.mobilenet_v1 import STRIDES
from train.folded import Folded
from train.traced import converter_of


@dataclass(frozen=True)
class Trunk:
    """A MobileNetV1 file and where its first layers are looked at, beside the stem.

    Attributes:
        file: in the folder of weights.
        size: side in pixels of the picture it reads.
        taps: blocks after which features are pooled, rising.
    """

    file: str
    size: int
    taps: tuple[int, ...]


# The deeper, the more a feature tells the slide instead of the cell: see docs/decisions.md, 25.
TRUNKS = (
    Trunk("mobilenet_v1_0.25_128_quant.tflite", 128, ()),
    Trunk("mobilenet_v1_0.5_160_quant.tflite", 160, ()),
    Trunk("mobilenet_v1_0.75_192_quant.tflite", 192, (1, 5)),
)

_SQUARE = 4  # pixels; the sides after every tap are multiples of it


def pooled_features(trunk: Trunk, folded: Folded) -> bytes:
    """A float flatbuffer of the layers up to the last tap: XNNPACK runs it several times faster than TensorFlow.

    Args:
        trunk: where it is looked at.
        folded: the convolutions of its file.

    Returns:
        From light, float32 `[1, size, size, 3]` in 0..1, to float32 `[1, 1, 1, f]`: mean and deviation of every channel
        of the stem, then of each tap.
    """

    def pooled(light: Any) -> Any:
        (kernel, bias), *rest = folded.convolutions
        x = tf.nn.relu6(tf.nn.conv2d(folded.scale * light + folded.offset, kernel, 2, "SAME") + bias)
        parts = _moments(x)
        for block in range(max(trunk.taps, default=-1) + 1):
            (depthwise, of_depthwise), (pointwise, of_pointwise) = rest[2 * block : 2 * block + 2]
            strides = [1, STRIDES[block], STRIDES[block], 1]
            x = tf.nn.relu6(tf.nn.depthwise_conv2d(x, depthwise, strides, "SAME") + of_depthwise)
            x = tf.nn.relu6(tf.nn.conv2d(x, pointwise, 1, "SAME") + of_pointwise)
            if block in trunk.taps:
                parts += _moments(x)
        return tf.concat(parts, axis=3)

    return bytes(converter_of(pooled, trunk.size).convert())


def _moments(x: Any) -> list[Any]:
    mean = _mean(x)
    return [mean, tf.sqrt(_mean(tf.math.squared_difference(x, mean)))]


def _mean(x: Any) -> Any:
    """Squares first: one sum over thousands of pixels would lose the digits that TensorFlow's own keeps."""
    return tf.reduce_mean(tf.nn.avg_pool2d(x, _SQUARE, _SQUARE, "VALID"), axis=[1, 2], keepdims=True)
