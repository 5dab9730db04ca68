"""What int8 is worth here: the float network of the same training run against the shipped one, in turn."""

import itertools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.pictures import ROOT, Pictures
from benchmarks.timing import ROUNDS, time_against
from edge_runtime.classifier import Classifier
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import decode, prepare, quantise

FLOAT_MODEL_VARIABLE = "EDGE_CLASSIFY_FLOAT_MODEL"
# `make model` puts the first beside the shipped bundle; the second is the last run's, shipped or not.
_FLOAT_MODELS = ("benchmarks/reference/float32.tflite", "runs/default/float32.tflite")


@pytest.fixture
def float_interpreter() -> Interpreter:
    """The float network, where there is one."""
    named = os.environ.get(FLOAT_MODEL_VARIABLE)
    names = (named,) if named else _FLOAT_MODELS
    path = next((ROOT / name for name in names if (ROOT / name).is_file()), None)
    if path is None:
        where = " or ".join(names)
        pytest.skip(f"no float model at {where}; `make model` makes it, ${FLOAT_MODEL_VARIABLE} names another")
    return Interpreter(path.read_bytes())


def test_float32_invoke(
    float_interpreter: Interpreter, benchmark: BenchmarkFixture, pictures: Pictures, classifier: Classifier
) -> None:
    """The float network alone, against the shipped one."""
    shipped = classifier.interpreter
    assert float_interpreter.input.dtype == np.float32, "the float model does not read float32"
    assert float_interpreter.input.shape == shipped.input.shape, "the float model is of another run"
    spec = classifier.contract.input
    pixels = [prepare(decode(data), spec) for data in pictures.files]

    def invoking(interpreter: Interpreter) -> Callable[[], npt.NDArray[Any]]:
        cycle = itertools.cycle([quantise(cell, spec, interpreter.input.dtype)[np.newaxis] for cell in pixels])
        return lambda: interpreter.invoke(next(cycle))

    time_against(
        benchmark,
        invoking(float_interpreter),
        invoking(shipped),
        against="int8 invoke, 1 thread",
        pairs=ROUNDS,
        warmup_pairs=len(pixels),
    )
