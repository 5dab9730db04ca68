"""How long one inference takes: every file and its float twin, with one and two threads, in turn in one run."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import PixelArray
from edge_runtime.timing import percentiles_ms, time_in_turn

THREADS = (1, 2)
_ROUNDS = 300


@dataclass(frozen=True)
class Files:
    """What is timed.

    Attributes:
        model: a flatbuffer, int8 or float.
        twin: the float flatbuffer of the same layers.
    """

    model: bytes
    twin: bytes


@dataclass(frozen=True)
class Latency:
    """Medians of one inference, in ms, one for each number of `THREADS`.

    Attributes:
        model_ms: of the model.
        float_ms: of its float twin.
    """

    model_ms: tuple[float, ...]
    float_ms: tuple[float, ...]


def measure_latency(
    files: Mapping[str, Files], pixels: Sequence[PixelArray], *, rounds: int = _ROUNDS
) -> dict[str, Latency]:
    """Times them all in turn.

    Args:
        files: by name.
        pixels: uint8 `[size, size, 3]` each, as a device prepares them; gone through again and again.
        rounds: how often each is timed.
    """
    calls: dict[tuple[str, bool, int], Callable[[], Any]] = {}
    for name, own in files.items():
        for threads in THREADS:
            for is_twin, model in enumerate((own.model, own.twin)):
                calls[name, bool(is_twin), threads] = invoking(Interpreter(model, threads=threads), pixels)
    durations = time_in_turn(calls, rounds=rounds)
    medians = {key: percentiles_ms(values)["p50_ms"] for key, values in durations.items()}
    return {
        name: Latency(*(tuple(medians[name, is_twin, threads] for threads in THREADS) for is_twin in (False, True)))
        for name in files
    }


def invoking(interpreter: Interpreter, pixels: Sequence[PixelArray]) -> Callable[[], Any]:
    """A call that invokes it on one picture after the other, uint8 `[size, size, 3]`.

    What the numbers mean changes no time.
    """
    tensors = itertools.cycle([cell[np.newaxis].astype(interpreter.input.dtype) for cell in pixels])
    return lambda: interpreter.invoke(next(tensors))
