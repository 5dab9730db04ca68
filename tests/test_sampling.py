"""An epoch draws a few cells of each subject group, and mixed pictures stay weighed as plain ones are."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from train.config import AugmentConfig, read_config
from train.loop import Examples, Loop
from train.mixup import draw_shares, mix
from train.sampling import epoch_order
from train.weights import cell_weights

GROUPS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=60)


@given(GROUPS, st.integers(1, 20), st.integers(0, 2**31))
def test_no_group_gives_more_than_its_share_and_none_gives_less_than_it_can(
    groups: list[str], cells_per_group: int, seed: int
) -> None:
    order = epoch_order(len(groups), groups, cells_per_group, seed)
    assert len(set(order.tolist())) == len(order)
    drawn = Counter(groups[i] for i in order)
    assert drawn == {group: min(size, cells_per_group) for group, size in Counter(groups).items()}
    np.testing.assert_array_equal(order, epoch_order(len(groups), groups, cells_per_group, seed))


@given(GROUPS, st.integers(0, 2**31))
def test_without_a_limit_it_is_the_plain_random_order(groups: list[str], seed: int) -> None:
    order = epoch_order(len(groups), groups, 0, seed)
    np.testing.assert_array_equal(order, np.random.default_rng(seed).permutation(len(groups)))


def test_over_the_epochs_every_cell_is_drawn_as_often_early_as_late() -> None:
    groups = ["large"] * 200 + ["small"] * 20
    orders = np.array([epoch_order(220, groups, 20, seed) for seed in range(300)])
    drawn = np.bincount(orders.ravel(), minlength=220)
    assert (drawn[200:] == 300).all() and drawn[:200].min() > 10 and drawn[:200].max() < 60
    early = (orders[:, :20] < 200).mean()
    assert early == pytest.approx(0.5, abs=0.03)


def test_the_weights_of_an_epoch_follow_from_what_was_drawn() -> None:
    groups = ("large",) * 12 + ("small",) * 2 + ("other",) * 4
    targets = np.array([0] * 14 + [1] * 4)
    pixels = np.zeros((18, 8, 8, 3), np.uint8)
    pixels[:, 2:6, 2:6] = np.arange(1, 19, dtype=np.uint8)[:, None, None, None]  # tells the cells apart
    shipped = read_config()
    fit = dataclasses.replace(shipped.fit, cells_per_group=3, balance_classes=True, batch=4)
    still = dataclasses.replace(
        shipped.augment, rotate="none", mirror=False, scale=0.0, shift=0.0, brightness=0.0, sharpness=0.0
    )
    loop = _loop(Examples(pixels, targets, np.ones(18, np.float32), groups), fit, still)
    assert loop.steps_per_epoch == 2
    for epoch in range(3):
        batches = list(loop.batches(epoch))
        shown = np.concatenate([batch[0].numpy() for batch in batches])
        drawn = np.rint(shown[:, 3, 3, 0] * 255).astype(int) - 1
        assert Counter(groups[i] for i in drawn) == {"large": 3, "small": 2, "other": 3}
        np.testing.assert_array_equal(np.concatenate([b[1].numpy() for b in batches]), np.eye(2)[targets[drawn]])
        expected = cell_weights(
            [groups[i] for i in drawn],
            targets[drawn].tolist(),
            subject_power=fit.subject_power,
            balance_classes=True,
        )
        np.testing.assert_allclose(np.concatenate([b[2].numpy() for b in batches]), expected, rtol=1e-6)


def _loop(examples: Examples, fit: object, changes: AugmentConfig) -> Loop:
    """A loop without a network to train: only its batches are looked at."""
    pixels = keras.Input((8, 8, 3))
    answer = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(pixels))
    return Loop(keras.Model(pixels, answer), examples, fit, changes)


def test_mixing_switched_off_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.loop.draw_shares", None)
    monkeypatch.setattr("train.loop.mix", None)
    shipped = read_config()
    examples = Examples(np.zeros((4, 8, 8, 3), np.uint8), np.array([0, 1, 0, 1]), np.ones(4, np.float32))
    fit = dataclasses.replace(shipped.fit, cells_per_group=0)
    ((pixels, targets, weights),) = list(_loop(examples, fit, shipped.augment).batches(0))
    assert pixels.shape == (4, 8, 8, 3) and targets.shape == (4, 2) and weights.shape == (4,)


@given(st.integers(0, 1000), st.floats(0.01, 5))
@settings(max_examples=25, deadline=None)
def test_mixed_targets_sum_to_one_and_pictures_keep_their_range(seed: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    pixels, weights = rng.random((5, 4, 4, 3), np.float32), rng.uniform(0.1, 3, 5).astype(np.float32)
    pixels[:, 0] = 0
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 5)]
    shares = draw_shares(5, alpha, seed)
    assert ((shares >= 0) & (shares <= 1)).all()
    mixed, wanted, heavy = (value.numpy() for value in mix(*map(tf.constant, (pixels, targets, weights, shares))))
    assert mixed.min() >= 0 and mixed.max() <= 1 and not mixed[:, 0].any()
    np.testing.assert_allclose(wanted.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(mixed, [_between(shares[i], pixels[i], pixels[i - 1]) for i in range(5)], atol=1e-6)
    # The loss of a mix is that of both cells: what each label weighs is what its cells weigh, each by its shares.
    each = [_between(shares[i], weights[i] * targets[i], weights[i - 1] * targets[i - 1]) for i in range(5)]
    np.testing.assert_allclose(heavy[:, None] * wanted, each, rtol=1e-4, atol=1e-6)


def _between(share: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(share * first + (1 - share) * second)


def test_shares_follow_the_beta_distribution_and_the_seed() -> None:
    shares = draw_shares(20_000, 0.4, 7)
    assert shares.mean() == pytest.approx(0.5, abs=0.01)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.03)
    np.testing.assert_array_equal(shares, draw_shares(20_000, 0.4, 7))
    assert (shares != draw_shares(20_000, 0.4, 8)).any()
