"""What an epoch costs beside the same steps on pictures that are already changed and in memory."""

from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.pictures import Pictures
from benchmarks.timing import time_against
from edge_runtime.preprocess import decode, prepare

_CELLS = 1024  # an epoch of the default settings has some 2,600
_PAIRS, _WARMUP_PAIRS = 3, 1
_TARGET_RATIO = 1.1


@pytest.fixture
def loop(pictures: Pictures) -> Any:
    """The training of the default settings, from a random start."""
    pytest.importorskip("tensorflow", reason="training is timed where TensorFlow is installed")
    from train.config import read_config
    from train.loop import Examples, Loop
    from train.network import build_network

    config = read_config()
    prepared = np.stack([prepare(decode(data), config.picture.spec) for data in pictures.files])
    pixels = np.resize(prepared, (_CELLS, *prepared.shape[1:]))  # the same again and again
    targets, groups = np.arange(_CELLS) % 2, tuple(map(str, range(_CELLS)))
    examples = Examples(pixels, targets, np.ones(_CELLS, np.float32), groups)
    network = build_network(config.network, size=config.picture.size, labels=2)
    return Loop(network, examples, config.fit, config.augment)


def test_epoch(benchmark: BenchmarkFixture, loop: Any) -> None:
    """Drawing, changing and weighting the cells and a step on each batch, against the steps alone."""
    changed = list(loop.batches(0))
    time_against(
        benchmark,
        loop.run_epoch,
        lambda: loop.take_steps(changed),
        against="the same steps, pictures changed before",
        pairs=_PAIRS,
        warmup_pairs=_WARMUP_PAIRS,
        target_ratio=_TARGET_RATIO,
    )
