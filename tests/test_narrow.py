"""A network built again with fewer channels answers as the whole one with those channels masked."""

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.channels import coupled_channels
from compress.errors import CompressError
from compress.narrow import narrow, narrow_units
from compress.size import multiply_adds
from tests.channel_networks import (
    SIDE,
    concatenating_network,
    examples,
    known_network,
    masked,
    residual_network,
    shorten,
)
from train.config import NetworkConfig
from train.loop import predict

PIXELS = examples(8).pixels
ARCHITECTURES = get_args(get_type_hints(NetworkConfig)["architecture"])


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first blocks of each MobileNet."""
    shorten(monkeypatch)


def _some(network: keras.Model) -> dict[str, np.ndarray]:
    """About half of each group."""
    random = np.random.default_rng(0)
    return {group.name: _not_empty(random.random(len(group.units)) < 0.5) for group in coupled_channels(network).groups}


def _not_empty(stays: np.ndarray) -> np.ndarray:
    stays[0] |= not stays.any()
    return stays


def _assert_equal_masked(network: keras.Model, keep: dict[str, np.ndarray]) -> keras.Model:
    narrowed = narrow(network, keep)
    wanted = predict(masked(network, keep), PIXELS)
    assert np.ptp(wanted[:, 0]) > 1e-4, "a network that answers all alike proves nothing"
    np.testing.assert_allclose(predict(narrowed, PIXELS), wanted, atol=1e-5)
    return narrowed


@pytest.mark.parametrize("stain_front", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_narrowed_answers_as_masked(architecture: str, stain_front: bool) -> None:
    network = known_network(architecture, stain_front=stain_front)
    before = predict(network, PIXELS)
    narrowed = _assert_equal_masked(network, _some(network))
    assert [layer.name for layer in narrowed.layers] == [layer.name for layer in network.layers]
    assert multiply_adds(narrowed) < 0.8 * multiply_adds(network)
    np.testing.assert_array_equal(predict(network, PIXELS), before)
    if stain_front:
        assert narrowed.get_layer("stain").filters == 3


@pytest.mark.parametrize("make", [residual_network, concatenating_network])
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_any_channels_of_coupled_layers_can_go(make: Callable[[], Any], data: st.DataObject) -> None:
    network = make()
    keep = {}
    for group in coupled_channels(network).groups:
        stays = data.draw(st.lists(st.booleans(), min_size=len(group.units), max_size=len(group.units)), group.name)
        keep[group.name] = _not_empty(np.array(stays, np.bool_))
    narrowed = narrow(network, keep)
    np.testing.assert_allclose(predict(narrowed, PIXELS), predict(masked(network, keep), PIXELS), atol=1e-5)


def test_layers_that_are_added_up_or_concatenated_share_their_channels() -> None:
    assert {group.name: len(group.units) for group in coupled_channels(residual_network()).groups} == {
        "stem": 10,
        "inside": 7,
        "shortcut+back+again": 12,
    }
    assert {group.name: len(group.units) for group in coupled_channels(concatenating_network()).groups} == {
        "stem": 9,
        "left+over": 8,
        "right+over": 6,
        "hidden": 10,
    }


def test_a_narrowed_network_is_kept_whole_in_its_file(tmp_path: Any) -> None:
    network = known_network()
    narrowed = narrow(network, _some(network))
    narrowed.save(tmp_path / "network.keras")
    read = keras.models.load_model(tmp_path / "network.keras", compile=False)
    assert multiply_adds(read) == multiply_adds(narrowed)
    np.testing.assert_array_equal(predict(read, PIXELS), predict(narrowed, PIXELS))


def test_nothing_removed_is_the_same_network() -> None:
    network = residual_network()
    channels = coupled_channels(network)
    same = narrow_units(network, channels, np.ones(channels.count, np.bool_))
    np.testing.assert_array_equal(predict(same, PIXELS), predict(network, PIXELS))


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        ({"stem": np.zeros(10, np.bool_)}, "group 'stem': no channel would be left; keep one at least"),
        ({"stem": np.ones(9, np.bool_)}, "group 'stem': has 10 channels, not 9; say of each if it stays"),
        ({"root": np.ones(9, np.bool_)}, "group 'root': not in this network, which has stem, inside, shortcut+back"),
    ],
)
def test_what_cannot_stay_is_said(keep: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(CompressError) as error:
        narrow(residual_network(), keep)
    assert str(error.value).startswith(said)


_LAYERS = keras.layers
_OTHERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "separable": (_LAYERS.SeparableConv2D(4, 3), "DepthwiseConv2D and Conv2D as two layers"),
    "transposed": (_LAYERS.Conv2DTranspose(4, 3), "UpSampling2D and Conv2D"),
    "grouped": (_LAYERS.Conv2D(4, 3, groups=2), "Conv2D with groups=1"),
    "layer norm": (_LAYERS.LayerNormalization(), "BatchNormalization"),
    "nested": (keras.Sequential([_LAYERS.Conv2D(4, 3)]), "its layers one by one"),
    "function": (tf.abs, "Conv2D, Dense, DepthwiseConv2D"),
    "rows": (lambda x: _LAYERS.Concatenate(axis=1)([x, x]), "Concatenate over the last axis"),
    "split": (_LAYERS.Reshape((SIDE, SIDE, 2, 2)), "Flatten, or GlobalAveragePooling2D"),
}


@pytest.mark.parametrize("kind", _OTHERS)
def test_a_layer_it_cannot_handle_is_named_with_what_to_write(kind: str) -> None:
    layer, instead = _OTHERS[kind]
    pixels = keras.Input((SIDE, SIDE, 4))
    with pytest.raises(CompressError, match=f"layer '.*channels cannot be removed around it; write .*{instead}"):
        coupled_channels(keras.Model(pixels, layer(pixels)))


def test_a_layer_used_twice_is_refused() -> None:
    pixels, twice = keras.Input((SIDE, SIDE, 3)), _LAYERS.Conv2D(3, 3, name="twice")
    with pytest.raises(CompressError, match=r"layer 'twice' .*a layer of its own for each place"):
        coupled_channels(keras.Model(pixels, twice(twice(pixels))))


def test_a_network_that_is_no_graph_is_refused() -> None:
    with pytest.raises(CompressError, match=r"build it as keras\.Model"):
        coupled_channels(keras.Sequential([keras.Input((SIDE, SIDE, 3)), _LAYERS.Conv2D(2, 3)]))
