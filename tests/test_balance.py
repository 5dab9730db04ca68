"""Balancing channels changes how a network is written, not what it answers."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from compress.balance import balance_channels
from edge_runtime.preprocess import PixelArray
from train.architectures import mobilenet_v2
from train.config import NetworkConfig, read_config
from train.loop import predict
from train.network import build_network

NEARLY_OFF = 3


@pytest.fixture(scope="module")
def pixels() -> PixelArray:
    return np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def uneven(pixels: PixelArray) -> keras.Model:
    """One channel of the stem is a hundred times smaller than the rest, and read by weights as many times larger."""
    keras.utils.set_random_seed(0)
    config = NetworkConfig(stem=8, channels=(8, 8), strides=(1, 2), weight_decay=0.0, pretrained="")
    network = build_network(config, size=32, labels=2)
    norm, reader = network.get_layer("stem_norm"), network.get_layer("block0_depthwise")
    gamma, beta, mean, variance = norm.get_weights()
    (kernel,) = reader.get_weights()
    gamma[NEARLY_OFF] /= 100
    kernel[:, :, NEARLY_OFF] *= 100
    norm.set_weights([gamma, beta, mean, variance])
    reader.set_weights([kernel])
    return network


def _largest(network: keras.Model, layer: str, pixels: PixelArray) -> np.ndarray:
    shown = keras.Model(network.input, network.get_layer(layer).output)
    return shown(pixels / np.float32(255), training=False).numpy().max((0, 1, 2))


def test_the_answers_stay_the_same(uneven: keras.Model, pixels: PixelArray) -> None:
    balanced = balance_channels(uneven, pixels)
    np.testing.assert_allclose(predict(balanced, pixels), predict(uneven, pixels), atol=1e-5)


def test_small_channels_are_raised_and_their_readers_shrink(uneven: keras.Model, pixels: PixelArray) -> None:
    balanced = balance_channels(uneven, pixels)
    assert _largest(uneven, "stem_relu", pixels)[NEARLY_OFF] < 0.1
    assert (_largest(balanced, "stem_relu", pixels) > 2.9).all()
    sizes = np.abs(balanced.get_layer("block0_depthwise").get_weights()[0]).max((0, 1, 3))
    assert sizes.max() / sizes.min() < 20
    before = np.abs(uneven.get_layer("block0_depthwise").get_weights()[0]).max((0, 1, 3))
    assert before.max() / before.min() > 50


def test_residual_networks_answer_the_same_and_their_sums_are_left_alone(
    pixels: PixelArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With norms as training might leave them: offsets, and channels of very different sizes."""
    monkeypatch.setattr(mobilenet_v2, "_STAGES", ((1, 16, 1, 1), (6, 24, 3, 2), (6, 32, 2, 2)))
    keras.utils.set_random_seed(0)
    config = dataclasses.replace(read_config().network, architecture="mobilenet_v2", width=0.35, stain_front=True)
    network = build_network(config, size=32, labels=2)
    random = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            sizes = np.exp(random.normal(-1, 1, gamma.shape))
            layer.set_weights([gamma * sizes, beta + sizes * random.normal(0, 0.5, beta.shape), mean, variance])
    balanced = balance_channels(network, pixels)
    np.testing.assert_allclose(predict(balanced, pixels), predict(network, pixels), atol=1e-5)
    changed = {
        layer.name
        for layer, own in zip(network.layers, balanced.layers, strict=True)
        if any(not np.array_equal(*pair) for pair in zip(layer.get_weights(), own.get_weights(), strict=True))
    }
    assert {"block1_expand_norm", "block1_depthwise", "block2_depthwise_norm", "block2_project", "head_norm"} <= changed
    assert {"stain_norm", "stem", "logits"} <= changed
    in_sums = {f"block{i}_project_norm" for i in (1, 2, 3, 4, 5)}
    assert in_sums <= {layer.name for layer in network.layers} and not in_sums & changed


def test_a_dead_channel_is_not_raised(uneven: keras.Model, pixels: PixelArray) -> None:
    dead = balance_channels(uneven, pixels)
    gamma, beta, mean, variance = dead.get_layer("stem_norm").get_weights()
    gamma[0], beta[0] = 0.0, -1.0
    dead.get_layer("stem_norm").set_weights([gamma, beta, mean, variance])
    balanced = balance_channels(dead, pixels)
    assert balanced.get_layer("stem_norm").get_weights()[1][0] == -1.0
    np.testing.assert_allclose(predict(balanced, pixels), predict(dead, pixels), atol=1e-5)
