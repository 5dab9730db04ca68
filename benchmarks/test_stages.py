"""Each stage of one picture by itself, and all of them from a file's bytes to the decision."""

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.pictures import Pictures
from benchmarks.timing import time_over
from edge_runtime.classifier import Classifier, Decision
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import PixelArray, decode, prepare, quantise


def test_decode(benchmark: BenchmarkFixture, pictures: Pictures) -> None:
    """File bytes to BGR pixels."""
    picture = time_over(benchmark, decode, pictures.files)
    assert picture.ndim == 3


def test_prepare(benchmark: BenchmarkFixture, pictures: Pictures, classifier: Classifier) -> None:
    """BGR pixels to the network's input: crop, resize, colour order."""
    spec = classifier.contract.input
    decoded = [decode(data) for data in pictures.files]
    pixels = time_over(benchmark, lambda picture: prepare(picture, spec), decoded)
    assert pixels.shape == (spec.size, spec.size, 3)


@pytest.mark.parametrize("threads", [1, 2], ids=["1 thread", "2 threads"])
def test_invoke(benchmark: BenchmarkFixture, pictures: Pictures, classifier: Classifier, threads: int) -> None:
    """The network alone."""
    interpreter = Interpreter(classifier.bundle.model, threads=threads)
    spec, dtype = classifier.contract.input, interpreter.input.dtype
    tensors = [quantise(pixels, spec, dtype)[np.newaxis] for pixels in _prepared(pictures, classifier)]
    output = time_over(benchmark, interpreter.invoke, tensors)
    assert output.shape == (1, len(classifier.contract.labels))


def test_decide(benchmark: BenchmarkFixture, pictures: Pictures, classifier: Classifier) -> None:
    """The network's output to the decision: calibration, threshold, abstain band, each output's worked out once."""
    outputs = [classifier.run(pixels) for pixels in _prepared(pictures, classifier)]
    decision = time_over(benchmark, classifier.decide_output, outputs)
    assert decision.label in classifier.contract.labels


def test_bytes_to_decision(benchmark: BenchmarkFixture, pictures: Pictures, classifier: Classifier) -> None:
    """All stages, from a file's bytes to the decision."""

    def look(data: bytes) -> Decision:
        return classifier.classify(decode(data))

    decision = time_over(benchmark, look, pictures.files)
    assert decision.label in classifier.contract.labels


def _prepared(pictures: Pictures, classifier: Classifier) -> list[PixelArray]:
    return [prepare(decode(data), classifier.contract.input) for data in pictures.files]
