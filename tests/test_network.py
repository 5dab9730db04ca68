"""The networks by name: the published shapes, of layers that tfmot accepts."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras as keras

from compress.prune import prunable
from train.architectures.mobilenet_v2 import scaled
from train.architectures.stain_front import STAIN_LAYER
from train.config import NetworkConfig, read_config
from train.convolutions import convolutions
from train.network import build_network, reads_density

ACCEPTED = {
    "InputLayer",
    "Conv2D",
    "DepthwiseConv2D",
    "BatchNormalization",
    "ReLU",
    "Add",
    "GlobalAveragePooling2D",
    "Reshape",
    "Softmax",
}


@functools.cache  # they are looked at, not changed
def _network(architecture: str, width: float = 0.35, *, stain_front: bool = False) -> Any:
    config: NetworkConfig = dataclasses.replace(
        read_config().network, architecture=architecture, width=width, stain_front=stain_front
    )
    return build_network(config, size=32, labels=2)


def _kernels(network: Any) -> list[tuple[int, ...]]:
    return [tuple(own.layer.weights[0].shape) for own in convolutions(network)]


@pytest.mark.parametrize(
    ("architecture", "width", "published"),
    [
        ("mobilenet_v1", 0.25, keras.applications.MobileNet),
        ("mobilenet_v2", 0.35, keras.applications.MobileNetV2),
    ],
)
def test_the_mobilenets_have_the_published_shapes(
    architecture: str, width: float, published: Callable[..., Any]
) -> None:
    theirs = published((32, 32, 3), alpha=width, include_top=False, weights=None)
    ours = _network(architecture, width)
    assert _kernels(ours) == _kernels(theirs)
    assert ours.get_layer("mean").input.shape == theirs.output.shape
    sums = [sum(isinstance(layer, keras.layers.Add) for layer in network.layers) for network in (ours, theirs)]
    assert sums[0] == sums[1] == (10 if architecture == "mobilenet_v2" else 0)


def test_wide_channels_are_rounded_and_the_head_widened_as_published() -> None:
    """From the authors' table for width 1.4 (1792 of the head) and from their rounding rule for 0.35."""
    assert [scaled(c, 1.4) for c in (32, 16, 24, 160, 1280)] == [48, 24, 32, 224, 1792]
    assert [scaled(c, 0.35) for c in (32, 16, 24, 160, 320)] == [16, 8, 8, 56, 112]


def test_the_default_is_the_beginning_of_mobilenet_v1() -> None:
    compact, whole = _kernels(_network("compact")), _kernels(_network("mobilenet_v1", 0.25))
    assert compact == whole[: len(compact)]
    assert len(whole) - len(compact) == 4


@pytest.mark.parametrize(
    ("architecture", "stain_front"),
    [("compact", False), ("compact", True), ("mobilenet_v1", False), ("mobilenet_v2", True)],
)
def test_only_layers_that_tfmot_accepts_are_used(architecture: str, stain_front: bool) -> None:
    network = _network(architecture, stain_front=stain_front)
    assert {type(layer).__name__ for layer in network.layers} <= ACCEPTED
    assert network.get_layer("mean").keepdims
    assert all(layer.activation is keras.activations.linear for layer in network.layers if hasattr(layer, "activation"))
    assert network.output_shape == (None, 2)
    assert reads_density(network) == stain_front


def test_what_is_pruned_is_pointwise() -> None:
    pruned = [layer.name for layer in _network("mobilenet_v2", stain_front=True).layers if prunable(layer)]
    assert len(pruned) == 34 and all(name.endswith(("_expand", "_project", "head")) for name in pruned)


def test_the_stain_front_starts_by_telling_the_stains_apart() -> None:
    """A pixel of one pure stain, at any strength, has that stain and none of the others."""
    network = _network("compact", stain_front=True)
    front = keras.Model(network.input, network.get_layer(STAIN_LAYER).output)
    haematoxylin, eosin = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)
    density = np.zeros((1, 32, 32, 3), np.float32)
    density[0, 0, :2] = 0.3 * np.array(haematoxylin), 0.8 * np.array(eosin)
    amounts = front(density).numpy()[0, 0, :3]
    np.testing.assert_allclose(amounts, [[0.3, 0, 0], [0, 0.8, 0], [0, 0, 0]], atol=1e-6)


def test_a_stored_network_still_knows_that_it_reads_density(tmp_path: Path) -> None:
    network = _network("compact", stain_front=True)
    network.save(tmp_path / "network.keras")
    stored = keras.models.load_model(tmp_path / "network.keras", compile=False)
    assert reads_density(stored)
    for own, other in zip(network.get_weights(), stored.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
