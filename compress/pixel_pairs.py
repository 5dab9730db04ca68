"""Lets the stem of an int8 flatbuffer read two pixels at once: the same integers by fewer instructions.

XNNPACK's int8 kernels take the channels under each tap of a convolution eight at a time where a processor has no dot
products, so three colours leave five places of eight empty. Two neighbouring pixels lie side by side in memory: read as
one of six colours they fill six of them, and a kernel three wide needs two taps across instead of three.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from compress.flatbuffer import Flatbuffer

_KERNEL, _STRIDE = 3, 2
_PLACES = 8  # that a kernel fills with channels at a time


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
    file = Flatbuffer(model)
    stems = [operator for operator in file.graph.operators if _is_stem(file, operator)]
    for stem in stems:
        pixels = int(stem.inputs[0])
        _, height, width, channels = file.tensor(pixels).shape
        shape = np.array([1, height, width // 2, 2 * channels], np.int32)
        pairs = file.add_tensor(pixels, "pairs", shape=shape, shapeSignature=None)
        file.insert_before(stem, "RESHAPE", pixels, pairs).newShape = shape
        _widen(file, stem, channels)
        stem.inputs[0] = pairs
        stem.builtinOptions.strideW = 1
    return file.to_bytes() if stems else model


def _is_stem(file: Flatbuffer, operator: Any) -> bool:
    if file.name(operator) != "CONV_2D":
        return False
    options = operator.builtinOptions
    pixels, kernel = (file.tensor(number) for number in operator.inputs[:2])
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


def _widen(file: Flatbuffer, stem: Any, channels: int) -> None:
    """Gives the kernel a fourth column, of zeros, and takes its columns by two."""
    tensor = file.tensor(stem.inputs[1])
    buffer = file.network.buffers[tensor.buffer]
    kernel = np.frombuffer(bytes(buffer.data), np.int8).reshape(-1, _KERNEL, _KERNEL, channels)
    wide = np.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0))).reshape(-1, _KERNEL, 2, 2 * channels)
    buffer.data, tensor.shape = np.frombuffer(wide.tobytes(), np.uint8), np.array(wide.shape, np.int32)
