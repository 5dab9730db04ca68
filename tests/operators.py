"""The operators of a flatbuffer."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

_SHAPES_ONLY = {"SHAPE", "STRIDED_SLICE", "PACK"}  # of the last reshape; they see no picture
_PIXELS_ENTER = [("DEQUANTIZE", "float32"), ("QUANTIZE", "int8")]  # why by way of float: compress/pixel_type.py
_ANSWERS_LEAVE = ("QUANTIZE", "uint8")


def operators_of(model: bytes) -> list[tuple[str, str]]:
    """Each operator and the type of what it gives."""
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    kind_of = {detail["index"]: np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()}
    return [(op["op_name"], kind_of[op["outputs"][0]]) for op in interpreter._get_ops_details()]


def assert_all_int8(model: bytes) -> None:
    """Pixels become int8, everything computes in int8, and the answer becomes uint8."""
    first, second, *inside, last = operators_of(model)
    assert [first, second] == _PIXELS_ENTER and last == _ANSWERS_LEAVE
    assert {kind for name, kind in inside if name not in _SHAPES_ONLY} == {"int8"}
