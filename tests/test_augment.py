"""Random changes keep labels' pictures pictures: range, background, repeatability."""

import dataclasses

import numpy as np
import tensorflow as tf

from samples.draw import draw_cell
from train.augment import augment
from train.config import AugmentConfig, read_config

NOTHING = AugmentConfig(rotate=False, mirror=False, scale=0, shift=0, stain=0, brightness=0, sharpness=0)


def _batch() -> tf.Tensor:
    cells = [draw_cell(i, leukemic=i % 2 == 0)[::3, ::3, ::-1] for i in range(8)]
    return tf.constant(np.stack(cells), tf.float32) / 255


def _augmented(config: AugmentConfig, seed: int = 5) -> np.ndarray:
    return augment(_batch(), config, tf.constant([1, seed], tf.int64)).numpy()


def test_all_off_changes_nothing() -> None:
    np.testing.assert_allclose(_augmented(NOTHING), _batch().numpy(), atol=1e-5)


def test_the_default_keeps_range_shape_and_black_background() -> None:
    changed = _augmented(read_config().augment)
    assert changed.shape == _batch().shape and changed.dtype == np.float32
    assert changed.min() >= 0 and changed.max() <= 1
    assert not changed[:, :10, :10].any()
    assert np.abs(changed - _batch().numpy()).mean() > 0.01


def test_the_same_seed_gives_the_same_pictures_and_another_does_not() -> None:
    config = read_config().augment
    np.testing.assert_array_equal(_augmented(config), _augmented(config))
    assert np.abs(_augmented(config) - _augmented(config, seed=6)).max() > 0.05


def test_each_change_can_be_switched_on_alone() -> None:
    still = _augmented(NOTHING)
    switches = {
        "rotate": True,
        "mirror": True,
        "scale": 0.3,
        "shift": 0.1,
        "stain": 0.5,
        "brightness": 0.5,
        "sharpness": 0.9,
    }
    for name, value in switches.items():
        changed = _augmented(dataclasses.replace(NOTHING, **{name: value}))
        assert np.abs(changed - still).max() > 0.02, name


def test_turning_and_mirroring_keep_the_cell_whole() -> None:
    changed = _augmented(dataclasses.replace(NOTHING, rotate=True, mirror=True))
    still = _augmented(NOTHING)
    inside = [(pixels.max(axis=3) > 0.12).sum((1, 2)) for pixels in (changed, still)]  # half of a cell's own light
    np.testing.assert_allclose(*inside, rtol=0.03)
    np.testing.assert_allclose(changed.sum((1, 2)), still.sum((1, 2)), rtol=0.02)
