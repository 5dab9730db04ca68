"""What `compress` rewrites in a converted flatbuffer, left out or held against what it was."""

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from compress import export
from edge_runtime.preprocess import PixelArray

KERNELS = (OpResolverType.AUTO, OpResolverType.BUILTIN_REF)  # XNNPACK's, and TFLite's plainest


def as_converted(network: Any, pixels: PixelArray, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What the converter gives."""
    with monkeypatch.context() as patch:
        for rewritten in ("read_pairs", "convert_through_float", "slim"):
            patch.setattr(export, rewritten, lambda model: model)
        return export.export_int8(network, pixels)


def answers(model: bytes, pixels: PixelArray, kernels: OpResolverType) -> list[bytes]:
    """The output for each picture."""
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    given = []
    for each in pixels:
        interpreter.set_tensor(source["index"], each[np.newaxis])
        interpreter.invoke()
        given.append(interpreter.get_tensor(result["index"]).tobytes())
    return given
