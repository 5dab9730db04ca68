"""How anything is timed: after a warm-up, many calls, and what is compared runs in turn."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Name = TypeVar("Name")

PERCENTILES = (50, 90, 99)
_WARM_UP_ROUNDS = 20


def percentiles_ms(durations_s: Sequence[float]) -> dict[str, float]:
    """Computes `p50_ms`, `p90_ms` and `p99_ms`, linearly interpolated between the two nearest durations.

    Args:
        durations_s: at least one, in seconds, in any order.
    """
    values_ms = np.percentile(durations_s, PERCENTILES) * 1000
    return {f"p{percent}_ms": float(value_ms) for percent, value_ms in zip(PERCENTILES, values_ms, strict=True)}


def time_in_turn(calls: Mapping[Name, Callable[[], object]], *, rounds: int) -> dict[Name, list[float]]:
    """Times several calls in one run, each once a round, so that whatever else the machine does slows all.

    In each round a call runs once before it is timed: what it left in the caches is then its own, not its neighbour's.
    Every other round goes backwards, so that none is always behind the same neighbour.

    Args:
        calls: by name.
        rounds: measured ones, after some that are not.

    Returns:
        The durations of each call in seconds, one a round.
    """
    durations_s: dict[Name, list[float]] = {name: [] for name in calls}
    order = list(calls.items())
    for i in range(-_WARM_UP_ROUNDS, rounds):
        for name, call in order if i % 2 else reversed(order):
            call()
            start_s = time.perf_counter()
            call()
            took_s = time.perf_counter() - start_s
            if i >= 0:
                durations_s[name].append(took_s)
    return durations_s
