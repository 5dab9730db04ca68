"""What each operator of a network takes: the network up to it, less the network up to the one before."""

import time
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray, opcode_to_name

from edge_runtime.interpreter import Interpreter

_WARM_UP = 4


@dataclass(frozen=True)
class Operator:
    """One operator of a network, in its order.

    Attributes:
        name: its type, and the shape of what it gives, without the batch.
        ms: median of what the network takes more with it than without; noise can make it negative.
    """

    name: str
    ms: float


def measure_operators(model: bytes, *, rounds: int) -> list[Operator]:
    """Times a network operator by operator, one thread, on random pixels.

    LiteRT's Python interface times whole networks only. So each is cut off behind every operator, and all pieces run in
    turn, each in an interpreter of its own. A piece also copies out what the whole network hands on inside.

    Args:
        model: a flatbuffer of one subgraph.
        rounds: in each of which every piece runs once.
    """
    names, cut = zip(*cut_off(model), strict=True)
    pieces = [Interpreter(piece) for piece in cut]
    tensor = pieces[-1].input
    pixels = np.random.default_rng(0).integers(0, 256, tensor.shape).astype(tensor.dtype)
    times_s = np.empty((rounds, len(pieces)))
    for i in range(-_WARM_UP, rounds):
        for j, piece in enumerate(pieces):
            start_s = time.perf_counter()
            piece.invoke(pixels)
            if i >= 0:
                times_s[i, j] = time.perf_counter() - start_s
    added_ms = 1000 * np.diff(np.median(times_s, axis=0), prepend=0.0)
    return [Operator(name, float(ms)) for name, ms in zip(names, added_ms, strict=True)]


def cut_off(model: bytes) -> list[tuple[str, bytes]]:
    """A network cut off behind each of its operators, the whole one last, with the name of that operator.

    Args:
        model: a flatbuffer of one subgraph.
    """
    network = schema.ModelT.InitFromPackedBuf(model)
    network.signatureDefs = None  # they name the output of the whole network
    graph, pieces = network.subgraphs[0], []
    operators = graph.operators
    for end, last in enumerate(operators, 1):
        graph.operators, graph.outputs = operators[:end], last.outputs
        shape = [int(side) for side in graph.tensors[last.outputs[0]].shape[1:]]
        name = f"{opcode_to_name(network, last.opcodeIndex)} {' x '.join(map(str, shape))}"
        pieces.append((name, bytes(convert_object_to_bytearray(network))))
    return pieces
