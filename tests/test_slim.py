"""What is said twice and left out: a smaller file, the same answers to the last bit, on every kernel."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from compress.export import export_int8
from compress.flatbuffer import Flatbuffer
from compress.slim import slim
from edge_runtime.preprocess import PixelArray
from tests.channel_networks import SIDE, known_network
from tests.rearranged import KERNELS, answers, as_converted


@pytest.fixture
def pixels() -> PixelArray:
    """Noise."""
    return np.random.default_rng(0).integers(0, 256, (24, SIDE, SIDE, 3)).astype(np.uint8)


@pytest.fixture
def model(pixels: PixelArray, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """As converted."""
    return as_converted(known_network(), pixels, monkeypatch)


def test_a_slim_file_is_smaller_and_answers_the_same(model: bytes, pixels: PixelArray) -> None:
    smaller = slim(model)
    assert len(smaller) < 0.8 * len(model) and slim(smaller) == smaller
    for kernels in KERNELS:
        wanted = answers(model, pixels, kernels)
        assert len(set(wanted)) > 1 and answers(smaller, pixels, kernels) == wanted


def test_every_tensor_keeps_its_scales_offsets_shape_and_type(model: bytes) -> None:
    def details(model: bytes) -> list[tuple[object, ...]]:
        interpreter = Interpreter(model_content=model)
        interpreter.allocate_tensors()
        return [
            (
                detail["shape"].tolist(),
                detail["dtype"],
                detail["quantization_parameters"]["scales"].tolist(),
                detail["quantization_parameters"]["zero_points"].tolist(),
                detail["quantization_parameters"]["quantized_dimension"],
            )
            for detail in interpreter.get_tensor_details()
        ]

    assert details(slim(model)) == details(model)


def test_tensors_are_named_by_their_layer_and_what_goes_in_and_out_as_before(pixels: PixelArray, model: bytes) -> None:
    before, after = Flatbuffer(model), Flatbuffer(export_int8(known_network(), pixels))
    for outside in ("inputs", "outputs"):
        (old,), (new,) = getattr(before.graph, outside), getattr(after.graph, outside)
        assert after.tensor(new).name == before.tensor(old).name
    names = [tensor.name.decode() for tensor in after.graph.tensors]
    assert {"stem", "stem:1", "stem:2", "block0_depthwise", "block0_pointwise", "logits"} <= set(names)
    assert max(map(len, names)) < 40
    assert len(set(names)) == len(names), "tf2onnx knows tensors by their names"


def test_an_operator_of_a_slim_file_can_be_changed_in_place(model: bytes) -> None:
    """Read again, vectors that were written once are one array; those that tools change must not be."""
    file = Flatbuffer(slim(model))
    first, second = file.graph.operators[:2]
    read, second_read = file.graph.inputs.tolist(), second.inputs.tolist()
    first.inputs[0] = read[0] + 1
    assert file.graph.inputs.tolist() == read and second.inputs.tolist() == second_read
