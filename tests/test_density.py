"""Optical density by a table: the device and the training read the same bytes."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_runtime.preprocess import prepare
from samples.draw import draw_cell
from tests.test_augment import NOTHING
from train.config import Config, FitConfig, read_config
from train.density import DARKEST, density_table
from train.loop import Examples, Loop
from train.network import build_network, network_input

SIZE = 32


def _config(*, stain_front: bool) -> Config:
    shipped = read_config()
    network = dataclasses.replace(shipped.network, channels=(8,), strides=(2,), stain_front=stain_front)
    return dataclasses.replace(
        shipped, network=network, picture=dataclasses.replace(shipped.picture, crop=3 * SIZE, size=SIZE)
    )


@pytest.fixture(scope="module")
def network() -> Any:
    return build_network(_config(stain_front=True).network, size=SIZE, labels=2)


def test_the_table_is_the_logarithm_and_black_is_no_stain() -> None:
    table = np.array(density_table())
    assert table[0] == 0 and not table[:DARKEST].any()
    assert table[DARKEST] == 255 and table[255] == 0
    assert (np.diff(table[DARKEST:]) <= 0).all()
    # Half the light twice over is twice the density.
    assert table[128] * 2 == pytest.approx(table[64], abs=2)


def test_the_contract_carries_it_only_where_the_network_reads_it() -> None:
    assert _config(stain_front=True).device_input.optical_density_table == density_table()
    assert _config(stain_front=False).device_input == _config(stain_front=False).picture.spec


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 120), st.integers(1, 120), st.just(3))))
@settings(max_examples=50, deadline=None)
def test_the_network_is_trained_on_the_device_s_bytes(network: Any, picture: np.ndarray) -> None:
    config = _config(stain_front=True)
    device = prepare(picture, config.device_input)
    read = network_input(network, prepare(picture, config.picture.spec)).numpy()
    np.testing.assert_array_equal(read, device / np.float32(255))


def test_every_pixel_value_becomes_that_of_the_table() -> None:
    spec = dataclasses.replace(_config(stain_front=True).device_input, crop=16, size=16)
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    prepared = prepare(np.repeat(values[:, :, np.newaxis], 3, axis=2), spec)
    np.testing.assert_array_equal(prepared[:, :, 1].ravel(), density_table())
    assert prepared.dtype == np.uint8 and prepared.flags.c_contiguous


def _all_cells(config: Config) -> FitConfig:
    return dataclasses.replace(config.fit, cells_per_group=0)


def test_a_batch_without_augmentation_holds_the_device_s_bytes(network: Any) -> None:
    config = _config(stain_front=True)
    cells = [draw_cell(i, leukemic=True)[150:260, 150:260] for i in range(4)]
    light, device = (
        np.stack([prepare(cell, spec) for cell in cells]) for spec in (config.picture.spec, config.device_input)
    )
    names = np.arange(4, dtype=np.float32)  # in the place of weights, which come out as they went in
    loop = Loop(network, Examples(light, np.zeros(4, np.int64), names), _all_cells(config), NOTHING)
    pixels, _, order = next(iter(loop.batches(0)))
    np.testing.assert_array_equal(pixels.numpy(), device[order.numpy().astype(int)] / np.float32(255))
    assert device.max() > 150  # there is stain in it


def test_augmentation_is_of_light(network: Any) -> None:
    """A brighter picture is less dense everywhere; the background stays without stain."""
    config = _config(stain_front=True)
    light = prepare(draw_cell(1, leukemic=True), dataclasses.replace(config.picture.spec, crop=384))[np.newaxis]
    changes = dataclasses.replace(NOTHING, brightness=0.3)
    loop = Loop(network, Examples(light, np.zeros(1, np.int64), np.ones(1, np.float32)), _all_cells(config), changes)
    before = network_input(network, light).numpy()
    after = np.concatenate([next(iter(loop.batches(epoch)))[0].numpy() for epoch in range(6)])
    assert not after[:, ~light[0].any(axis=2)].any()
    inside = light[0].min(axis=2) > 2 * DARKEST
    shifts = (after - before)[:, inside]
    assert all((shift <= 0).all() or (shift >= 0).all() for shift in shifts)
    assert np.ptp(shifts.mean(axis=(1, 2))) > 0.02
