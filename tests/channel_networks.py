"""Networks to remove channels from: all that `train` knows, and toys that couple channels in other ways."""

from typing import Any

import numpy as np
import tf_keras as keras

from compress.channels import coupled_channels
from compress.finetune import clone
from compress.narrow import Kept, kept_units
from train.architectures import mobilenet_v1, mobilenet_v2
from train.config import NetworkConfig
from train.loop import Examples
from train.network import build_network, network_input

SIDE = 32
_MOMENTUM = 0.95
_LAYERS = keras.layers


def shorten(monkeypatch: Any) -> None:
    """Cuts the MobileNets short; every kind of block is left."""
    monkeypatch.setattr(mobilenet_v1, "_CHANNELS", (64, 128, 128))
    monkeypatch.setattr(mobilenet_v1, "STRIDES", (1, 2, 1))
    monkeypatch.setattr(mobilenet_v2, "_STAGES", ((1, 16, 1, 1), (6, 24, 2, 2)))
    monkeypatch.setattr(mobilenet_v2, "_HEAD", 64)


def known_network(architecture: str = "compact", *, stain_front: bool = False) -> Any:
    """One of `train/architectures`, its norms as training might leave them."""
    keras.utils.set_random_seed(0)
    own = {"architecture": architecture, "width": 0.5, "stain_front": stain_front}
    config = NetworkConfig(16, (16, 24, 24), (1, 2, 1), weight_decay=1e-4, pretrained="", **own)  # type: ignore[arg-type]
    return _trained(build_network(config, size=SIDE, labels=2))


def residual_network() -> Any:
    """A projected shortcut, a sum read twice, ReLU after the sums."""
    keras.utils.set_random_seed(1)
    pixels = keras.Input((SIDE, SIDE, 3))
    stem = _conv(pixels, 10, "stem", stride=4)
    inside = _conv(_conv(stem, 7, "inside"), 12, "back", relu=False)
    first = _LAYERS.ReLU()(_LAYERS.Add()([_conv(stem, 12, "shortcut", relu=False), inside]))
    second = _LAYERS.ReLU()(_LAYERS.Add()([first, _conv(first, 12, "again", relu=False)]))
    return _trained(keras.Model(pixels, _head(_LAYERS.GlobalAveragePooling2D()(second)), name="residual"))


def concatenating_network() -> Any:
    """A sum of a concatenation, two kernels to each channel, a flattened picture, no norm in the end."""
    keras.utils.set_random_seed(2)
    pixels = keras.Input((SIDE, SIDE, 3))
    stem = _conv(pixels, 9, "stem", stride=4)
    both = _LAYERS.Concatenate()([_conv(stem, 8, "left"), _conv(stem, 6, "right")])
    x = _LAYERS.Add()([both, _conv(both, 14, "over", relu=False)])
    x = _LAYERS.DepthwiseConv2D(3, depth_multiplier=2, name="double", bias_initializer="ones")(x)
    x = _LAYERS.LeakyReLU()(_LAYERS.MaxPooling2D()(x))
    x = _LAYERS.Dense(10, "relu", name="hidden", bias_initializer="ones")(_LAYERS.Flatten()(x))
    return _trained(keras.Model(pixels, _head(x), name="concatenating"))


def examples(count: int = 32) -> Examples:
    """Noise, each cell in a light of its own; every second one of each of four people is leukemic."""
    random = np.random.default_rng(0)
    light = random.integers(1, 256, (count, 1, 1, 3))
    pixels = (light * random.random((count, SIDE, SIDE, 3))).astype(np.uint8)
    groups = tuple(str(i // 2 % 4) for i in range(count))
    return Examples(pixels, np.arange(count) % 2, np.ones(count, np.float32), groups)


def masked(network: Any, keep: dict[str, Kept]) -> Any:
    """A copy in which nothing comes out of the channels that do not stay."""
    channels, copy = coupled_channels(network), clone(network)
    kept = kept_units(channels, keep)
    for layer in copy.layers:
        weights, on = layer.get_weights(), kept[channels.of[layer.name]]
        if isinstance(layer, _LAYERS.BatchNormalization):
            gamma, beta, *statistics = weights
            layer.set_weights([gamma * on, beta * on, *statistics])
        elif isinstance(layer, _LAYERS.DepthwiseConv2D):
            layer.set_weights([weights[0], *(bias * on for bias in weights[1:])])
        elif weights:
            layer.set_weights([weight * on for weight in weights])
    return copy


def _conv(x: Any, channels: int, name: str, *, stride: int = 1, relu: bool = True) -> Any:
    x = _LAYERS.Conv2D(channels, 3, stride, "same", use_bias=False, name=name)(x)
    x = _LAYERS.BatchNormalization(name=f"{name}_norm")(x)
    return _LAYERS.ReLU(6.0)(x) if relu else x


def _head(x: Any) -> Any:
    return _LAYERS.Softmax()(_LAYERS.Dense(2, name="logits")(x))


def _trained(network: Any) -> Any:
    """Norms with offsets and sizes of their own, and the statistics of `examples`, so that no channel is always off."""
    random = np.random.default_rng(3)
    norms = [layer for layer in network.layers if isinstance(layer, _LAYERS.BatchNormalization)]
    for norm in norms:
        gamma, beta, *statistics = norm.get_weights()
        sizes = np.exp(random.normal(0, 0.3, gamma.shape))
        norm.set_weights([gamma * sizes, random.normal(0.2, 0.3, beta.shape), *statistics])
        norm.momentum = 0.0
    network(network_input(network, examples().pixels), training=True)
    for norm in norms:
        norm.momentum = _MOMENTUM
    return network
