"""The operators of a flatbuffer."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

SHAPES_ONLY = {"SHAPE", "STRIDED_SLICE", "PACK"}  # of the last reshape; they see no picture


def operators_of(model: bytes) -> list[tuple[str, str]]:
    """Each operator and the type of what it gives."""
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    kind_of = {detail["index"]: np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()}
    return [(op["op_name"], kind_of[op["outputs"][0]]) for op in interpreter._get_ops_details()]
