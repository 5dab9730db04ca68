"""The compact depthwise CNN, built of layers that tfmot can prune and quantise."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from train.config import NetworkConfig

MEAN_LAYER = "mean"
LOGITS_LAYER = "logits"


def network_input(pixels: Any) -> Any:
    """Prepared uint8 pixels of any shape as the float32 in 0..1 that the network reads."""
    return tf.cast(pixels, tf.float32) / 255.0


def build_network(config: NetworkConfig, *, size: int, labels: int) -> Any:
    """Builds the network (MobileNetV1 blocks: Howard et al. 2017, arXiv 1704.04861).

    Convolution, batch norm and ReLU are layers of their own, strides replace pooling and the mean stays 4-D, because
    tfmot and XNNPACK want it so.

    Args:
        config: channels of the stem and of each block.
        size: side of the input in pixels.
        labels: number of classes.

    Returns:
        A `keras.Model` from float32 `[n, size, size, 3]` in 0..1 to softmax float32 `[n, labels]`.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    x = _conv(pixels, config.stem, kernel=3, stride=2, decay=config.weight_decay, name="stem")
    for i, (channels, stride) in enumerate(zip(config.channels, config.strides, strict=True)):
        x = _depthwise(x, stride=stride, name=f"block{i}_depthwise")
        x = _conv(x, channels, kernel=1, stride=1, decay=config.weight_decay, name=f"block{i}_pointwise")
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=MEAN_LAYER)(x)
    x = keras.layers.Conv2D(labels, 1, kernel_regularizer=_decay(config.weight_decay), name=LOGITS_LAYER)(x)
    x = keras.layers.Reshape((labels,), name="flat")(x)
    return keras.Model(pixels, keras.layers.Softmax(name="probabilities")(x), name="compact_cnn")


def _conv(x: Any, channels: int, *, kernel: int, stride: int, decay: float, name: str) -> Any:
    layer = keras.layers.Conv2D(
        channels, kernel, stride, "same", use_bias=False, kernel_regularizer=_decay(decay), name=name
    )
    return _norm_relu(layer(x), name)


def _depthwise(x: Any, *, stride: int, name: str) -> Any:
    return _norm_relu(keras.layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=name)(x), name)


def _norm_relu(x: Any, name: str) -> Any:
    x = keras.layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x)


def _decay(factor: float) -> Any:
    return keras.regularizers.L2(factor) if factor else None


def fold_calibration(network: Any, scale: float, offset: tuple[float, ...]) -> None:
    """Puts a calibration into the last layer, so that the network's own probabilities are calibrated.

    Args:
        network: changed in place.
        scale: factor on the logits.
        offset: added to the scaled logits, one per label.
    """
    layer = network.get_layer(LOGITS_LAYER)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * scale, bias * scale + offset])
