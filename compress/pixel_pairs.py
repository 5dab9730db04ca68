"""Lets the stem of an int8 flatbuffer read two pixels at once: the same integers by fewer instructions.

XNNPACK's int8 kernels take the channels under each tap of a convolution eight at a time where a processor has no dot
products, so three colours leave five places of eight empty. Two neighbouring pixels lie side by side in memory: read as
one of six colours they fill six of them, and a kernel three wide needs two taps across instead of three.
"""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import (
    convert_bytearray_to_object,
    convert_object_to_bytearray,
    opcode_to_name,
)

_KERNEL, _STRIDE = 3, 2
_PLACES = 8  # that a kernel fills with channels at a time
_UNKNOWN_BUFFER = 0  # the empty one, of tensors that are computed


def read_pairs(model: bytes) -> bytes:
    """Rewrites each int8 convolution of 3 x 3 and stride 2 that reads up to four channels.

    With a fourth column of zeros its kernel is one of 3 x 2 pairs, which moves two pixels down and one pair across. All
    sums are of the same products, so the answers are the same to the last bit. A reshape, which moves nothing, comes
    before it.

    Args:
        model: a flatbuffer without a zip tail.

    Returns:
        The flatbuffer, or the same bytes where there is no such convolution.
    """
    network: Any = convert_bytearray_to_object(bytearray(model))
    graph = network.subgraphs[0]
    stems = [operator for operator in graph.operators if _is_stem(network, operator)]
    for stem in stems:
        pixels = int(stem.inputs[0])
        _, height, width, channels = graph.tensors[pixels].shape
        shape = np.array([1, height, width // 2, 2 * channels], np.int32)
        pairs = _computed(graph, graph.tensors[pixels], shape)
        graph.operators.insert(graph.operators.index(stem), _reshape(network, pixels, pairs, shape))
        _widen(network, stem, channels)
        stem.inputs[0] = pairs
        stem.builtinOptions.strideW = 1
    return bytes(convert_object_to_bytearray(network)) if stems else model


def _is_stem(network: Any, operator: Any) -> bool:
    if opcode_to_name(network, operator.opcodeIndex) != "CONV_2D":
        return False
    options, tensors = operator.builtinOptions, network.subgraphs[0].tensors
    pixels, kernel = (tensors[i] for i in operator.inputs[:2])
    _, height, width, channels = kernel.shape
    return bool(
        kernel.type == pixels.type == schema.TensorType.INT8
        and (height, width) == (_KERNEL, _KERNEL)
        and (options.strideH, options.strideW) == (_STRIDE, _STRIDE)
        and (options.dilationHFactor, options.dilationWFactor) == (1, 1)
        # Of an even width it adds one column, on the right, before and after.
        and options.padding == schema.Padding.SAME
        and pixels.shape[2] % 2 == 0
        and 2 * channels <= _PLACES
    )


def _computed(graph: Any, like: Any, shape: npt.NDArray[np.int32]) -> int:
    """Adds a tensor of the same type and quantisation, in another shape; gives its number."""
    tensor = copy.copy(like)
    tensor.name, tensor.shape, tensor.shapeSignature, tensor.buffer = b"pairs", shape, None, _UNKNOWN_BUFFER
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _reshape(network: Any, source: int, result: int, shape: npt.NDArray[np.int32]) -> Any:
    """An operator that gives a tensor another shape."""
    operator = schema.OperatorT()
    operator.opcodeIndex = _reshape_code(network)
    operator.inputs, operator.outputs = np.array([source], np.int32), np.array([result], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    operator.builtinOptions = schema.ReshapeOptionsT()
    operator.builtinOptions.newShape = shape
    return operator


def _reshape_code(network: Any) -> int:
    """The number of the operator among those that the file uses."""
    for i in range(len(network.operatorCodes)):
        if opcode_to_name(network, i) == "RESHAPE":
            return i
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    network.operatorCodes.append(code)
    return len(network.operatorCodes) - 1


def _widen(network: Any, stem: Any, channels: int) -> None:
    """Gives the kernel a fourth column, of zeros, and takes its columns by two."""
    tensor = network.subgraphs[0].tensors[int(stem.inputs[1])]
    buffer = network.buffers[tensor.buffer]
    kernel = np.frombuffer(bytes(buffer.data), np.int8).reshape(-1, _KERNEL, _KERNEL, channels)
    wide = np.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0))).reshape(-1, _KERNEL, 2, 2 * channels)
    buffer.data, tensor.shape = np.frombuffer(wide.tobytes(), np.uint8), np.array(wide.shape, np.int32)
