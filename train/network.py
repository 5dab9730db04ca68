"""The one door to the networks: built by name, of layers that tfmot can prune and quantise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from train.architectures.compact import compact
from train.architectures.layers import weight_decay
from train.architectures.mobilenet_v1 import mobilenet_v1
from train.architectures.mobilenet_v2 import mobilenet_v2
from train.architectures.stain_front import STAIN_LAYER, stain_front
from train.as_written import as_written
from train.config import NetworkConfig
from train.density import density_table

MEAN_LAYER = "mean"
LOGITS_LAYER = "logits"

_ARCHITECTURES: dict[str, Callable[[Any, NetworkConfig], Any]] = {
    "compact": compact,
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
}


@as_written
def build_network(config: NetworkConfig, *, size: int, labels: int) -> Any:
    """Builds a network by name.

    The mean stays 4-D, because tfmot and XNNPACK want it so.

    Args:
        config: the architecture and its size.
        size: side of the input in pixels.
        labels: number of classes.

    Returns:
        A `keras.Model` from what `network_input` makes, float32 `[n, size, size, 3]` in 0..1, to softmax float32
        `[n, labels]`.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    x = stain_front(pixels) if config.stain_front else pixels
    x = _ARCHITECTURES[config.architecture](x, config)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=MEAN_LAYER)(x)
    x = keras.layers.Conv2D(labels, 1, kernel_regularizer=weight_decay(config.weight_decay), name=LOGITS_LAYER)(x)
    x = keras.layers.Reshape((labels,), name="flat")(x)
    return keras.Model(pixels, keras.layers.Softmax(name="probabilities")(x), name=f"{config.architecture}_cnn")


def as_light(pixels: Any) -> Any:
    """Prepared uint8 pixels of any shape as float32 light in 0..1."""
    return tf.cast(pixels, tf.float32) / 255.0


def as_read(network: Any, light: Any) -> Any:
    """What a network reads of light.

    Args:
        network: from `build_network`, also wrapped by tfmot.
        light: float32 of any shape in 0..1.

    Returns:
        The same; for a network with a stain front the optical density in 0..1, looked up by the nearest pixel value as
        the device does, so that unchanged pictures give the device's own bytes.
    """
    if not reads_density(network):
        return light
    table = as_light(np.array(density_table()))
    return tf.gather(table, tf.cast(tf.round(light * 255.0), tf.int32))


def network_input(network: Any, pixels: Any) -> Any:
    """What a network reads of prepared uint8 pixels of any shape, float32 in 0..1.

    The pixels are light, also those for a network with a stain front; the device gets the table from the contract.
    """
    return as_read(network, as_light(pixels))


def reads_density(network: Any) -> bool:
    """Whether the network begins with a stain front; tfmot's wrappers keep the end of its name."""
    return any(layer.name.endswith(STAIN_LAYER) for layer in network.layers)


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
