"""Pixels that become int8 by way of float: another file, the same answers to the last bit."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from benchmarks.operators import cut_off
from compress.export import export_float
from compress.flatbuffer import Flatbuffer
from compress.pixel_type import convert_through_float
from tests.channel_networks import SIDE, known_network
from tests.operators import operators_of
from tests.rearranged import KERNELS, answers, as_converted

VALUES = 256


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """As converted: uint8 becomes int8 at once."""
    pixels = np.random.default_rng(0).integers(0, VALUES, (8, SIDE, SIDE, 3)).astype(np.uint8)
    return as_converted(known_network(), pixels, monkeypatch)


def test_every_value_of_a_pixel_enters_as_itself(model: bytes) -> None:
    """In whatever place of the picture, and so however many of them a kernel takes at a time."""
    steps = np.arange(SIDE * SIDE * 3).reshape(SIDE, SIDE, 3)
    pixels = np.stack([(steps + shift) % VALUES for shift in range(VALUES)]).astype(np.uint8)
    _, (_, entering), *_ = cut_off(convert_through_float(model))
    assert operators_of(entering) == [("DEQUANTIZE", "float32"), ("QUANTIZE", "int8")]
    for kernels in KERNELS:
        given = np.frombuffer(b"".join(answers(entering, pixels, kernels)), np.int8).reshape(pixels.shape)
        np.testing.assert_array_equal(given.astype(int) + VALUES // 2, pixels)


def test_the_answers_stay_as_they_are(model: bytes) -> None:
    pixels = np.random.default_rng(1).integers(0, VALUES, (24, SIDE, SIDE, 3)).astype(np.uint8)
    for kernels in KERNELS:
        wanted = answers(model, pixels, kernels)
        assert len(set(wanted)) > 1 and answers(convert_through_float(model), pixels, kernels) == wanted


def test_what_enters_otherwise_stays_as_it_is(model: bytes) -> None:
    done, floating = convert_through_float(model), export_float(known_network())
    assert convert_through_float(done) == done and convert_through_float(floating) == floating


def test_pixels_of_another_scale_keep_the_operator_that_scales_them(model: bytes) -> None:
    file = Flatbuffer(model)
    first = file.graph.operators[0]
    assert (file.name(first), file.tensor(first.inputs[0]).type) == ("QUANTIZE", schema.TensorType.UINT8)
    scale = file.tensor(first.outputs[0]).quantization.scale
    file.tensor(first.outputs[0]).quantization.scale = np.asarray([2 * scale[0]], np.float32)
    assert convert_through_float(file.to_bytes()) == file.to_bytes()
