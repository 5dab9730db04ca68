"""How pytest-benchmark times here: after a warm-up, one call a round, and what is compared runs in turn."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from pytest_benchmark.fixture import BenchmarkFixture

from edge_runtime.timing import percentiles_ms

Input = TypeVar("Input")
Result = TypeVar("Result")

ROUNDS = 1000  # ten rounds lie above the 99th percentile


def time_over(benchmark: BenchmarkFixture, target: Callable[[Input], Result], inputs: Sequence[Input]) -> Result:
    """Times `target` over inputs in turn, after it has seen each of them once.

    Args:
        benchmark: the fixture; takes one duration a call.
        target: called with one input.
        inputs: gone through again and again, so that no answer comes from a warm cache.

    Returns:
        The last answer.
    """
    cycle = itertools.cycle(inputs)
    pedantic: Callable[..., Result] = benchmark.pedantic  # which has no types of its own
    return pedantic(target, setup=lambda: ((next(cycle),), {}), rounds=ROUNDS, warmup_rounds=len(inputs))


def time_once(benchmark: BenchmarkFixture, target: Callable[[], Result]) -> Result:
    """Times a single call, for what takes long and is measured for something else."""
    pedantic: Callable[..., Result] = benchmark.pedantic
    return pedantic(target, rounds=1)


def time_against(
    benchmark: BenchmarkFixture,
    target: Callable[[], object],
    reference: Callable[[], object],
    *,
    against: str,
    pairs: int,
    warmup_pairs: int,
    target_ratio: float | None = None,
) -> None:
    """Times `target` and `reference` in turn, so that whatever else the machine does slows both.

    Their medians, the ratio of these and whether it is small enough go into the benchmark's `extra_info`; nothing is
    asserted.

    Args:
        benchmark: the fixture; its durations are those of `target`.
        target: what is measured.
        reference: what it is compared with.
        against: names the reference.
        pairs: measured calls of each.
        warmup_pairs: calls of each before, not measured.
        target_ratio: the largest ratio that will do; None when there is no such.
    """
    reference_s: list[float] = []

    def time_reference() -> None:
        start_s = time.perf_counter()
        reference()
        reference_s.append(time.perf_counter() - start_s)

    pedantic: Callable[..., object] = benchmark.pedantic
    pedantic(target, setup=time_reference, rounds=pairs, warmup_rounds=warmup_pairs)
    if benchmark.stats is None:  # --benchmark-disable
        return
    target_p50_ms = percentiles_ms(benchmark.stats.stats.data)["p50_ms"]
    reference_p50_ms = percentiles_ms(reference_s[warmup_pairs:])["p50_ms"]
    ratio = target_p50_ms / reference_p50_ms
    benchmark.extra_info |= {"against": against, "against_p50_ms": reference_p50_ms, "ratio": ratio}
    if target_ratio is not None:
        benchmark.extra_info |= {"target": f"{target_ratio:g} x", "reached": ratio <= target_ratio}
