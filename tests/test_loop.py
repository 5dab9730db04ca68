"""A training step by hand: smoothed targets, the rate of each step, and averaged weights."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.config import Config, FitConfig, read_config
from train.loop import Examples, Loop
from train.network import build_network

CELLS, BATCH = 24, 8
STEPS = CELLS // BATCH


@pytest.fixture(scope="module")
def config(small_settings: tuple[Path, Path]) -> Config:
    """Settings of a small network, their own for the fit aside."""
    return read_config(small_settings[0])


def _loop(config: Config, **changes: Any) -> Loop:
    fit: FitConfig = dataclasses.replace(config.fit, **({"batch": BATCH, "cells_per_group": 0, "mixup": 0.0} | changes))
    rng = np.random.default_rng(5)
    size = config.picture.size
    pixels = rng.integers(1, 256, (CELLS, size, size, 3), np.uint8)
    examples = Examples(pixels, np.arange(CELLS) % 2, rng.uniform(0.5, 1.5, CELLS).astype(np.float32))
    return Loop(build_network(config.network, size=size, labels=2), examples, fit, config.augment)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_weighted_cross_entropy_of_smoothed_targets(config: Config, smoothing: float) -> None:
    loop = _loop(config, label_smoothing=smoothing)
    batch = next(iter(loop.batches(0)))
    pixels, targets, weights = batch
    answers = loop.network(pixels, training=True).numpy()
    wanted = np.where(targets.numpy() > 0, 1 - smoothing / 2, smoothing / 2)
    expected = np.mean(-(wanted * np.log(answers)).sum(1) * weights.numpy())
    assert loop.take_steps([batch]) == pytest.approx(expected, rel=1e-5)


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine_to_nothing(config: Config) -> None:
    peak, warm, epochs = 0.01, 2, 5
    loop = _loop(config, learning_rate=peak, warmup_epochs=warm, epochs=epochs)
    rates: list[float] = []
    for _ in range(epochs):
        loop.run_epoch(lambda *_: rates.append(loop.learning_rate))
    rising, falling = warm * STEPS, (epochs - warm) * STEPS
    expected = [peak * (step + 1) / rising for step in range(rising)]
    expected += [peak * (1 + math.cos(math.pi * step / falling)) / 2 for step in range(falling)]
    assert rates == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_averaged_weights_are_the_running_mean_and_lent_only(config: Config) -> None:
    average = 0.8
    loop = _loop(config, average=average)
    means = [weight.copy() for weight in loop.network.get_weights()]

    def follow(*_: int) -> None:
        done = int(loop.optimizer.iterations.numpy())
        momentum = min(average, (1 + done) / (10 + done))  # young, it follows
        for mean, weight in zip(means, loop.network.get_weights(), strict=True):
            mean[...] = momentum * mean + (1 - momentum) * weight

    for _ in range(15):
        loop.run_epoch(follow)
    own = loop.network.get_weights()
    with loop.averaged() as lent:
        for mean, weight in zip(means, lent.get_weights(), strict=True):
            np.testing.assert_allclose(weight, mean, rtol=1e-4, atol=1e-6)
        assert any(not np.allclose(mine, theirs) for mine, theirs in zip(own, lent.get_weights(), strict=True))
    for before, after in zip(own, loop.network.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
