"""The stem that reads two pixels at once: another file, the same answers to the last bit."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from compress import export
from compress.flatbuffer import Flatbuffer
from compress.pixel_pairs import read_pairs
from edge_runtime.preprocess import PixelArray
from tests.channel_networks import SIDE, known_network, shorten
from tests.operators import assert_all_int8
from tests.rearranged import KERNELS, answers, as_converted

CELLS = 24


@pytest.fixture
def pixels() -> PixelArray:
    """Noise up to the borders, which are where a wider kernel could see what is not there."""
    return np.random.default_rng(0).integers(0, 256, (CELLS, SIDE, SIDE, 3)).astype(np.uint8)


def convolutions(model: bytes) -> list[tuple[list[int], tuple[int, int]]]:
    """Shape of the kernel and strides of each."""
    file = Flatbuffer(model)
    return [
        (file.tensor(operator.inputs[1]).shape.tolist(), (options.strideH, options.strideW))
        for operator in file.graph.operators
        if file.name(operator) == "CONV_2D" and (options := operator.builtinOptions)
    ]


@pytest.mark.parametrize(
    ("architecture", "stain_front"),
    [("compact", False), ("compact", True), ("mobilenet_v1", False), ("mobilenet_v2", False)],
)
def test_every_architecture_answers_the_same_to_the_last_bit(
    architecture: str, stain_front: bool, pixels: PixelArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch)
    network = known_network(architecture, stain_front=stain_front)
    before, after = as_converted(network, pixels, monkeypatch), export.export_int8(network, pixels)
    (wide, strides), *rest = convolutions(after)[stain_front:]
    (kernel, _), *as_they_were = convolutions(before)[stain_front:]
    assert (kernel[1:], wide[1:], strides) == ([3, 3, 3], [3, 2, 6], (2, 1)) and rest == as_they_were
    assert_all_int8(after)
    for kernels in KERNELS:
        wanted = answers(before, pixels, kernels)
        assert len(set(wanted)) > 1 and answers(after, pixels, kernels) == wanted


def test_what_has_no_such_stem_stays_as_it_is(pixels: PixelArray, monkeypatch: pytest.MonkeyPatch) -> None:
    network = known_network()
    paired, floating = export.export_int8(network, pixels), export.export_float(network)
    assert read_pairs(paired) == paired and read_pairs(floating) == floating


@pytest.mark.parametrize(
    ("field", "value"),
    [("padding", schema.Padding.VALID), ("strideW", 1), ("dilationWFactor", 2)],
)
def test_a_stem_that_moves_otherwise_stays_as_it_is(
    field: str, value: int, pixels: PixelArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Flatbuffer(as_converted(known_network(), pixels, monkeypatch))
    stem = next(operator for operator in file.graph.operators if file.name(operator) == "CONV_2D")
    setattr(stem.builtinOptions, field, value)
    model = file.to_bytes()
    assert read_pairs(model) == model
