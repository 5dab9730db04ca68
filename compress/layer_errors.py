"""Where int8 loses accuracy: the error of each layer's activations against the float twin's, on the same cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from compress.errors import CompressError
from edge_runtime.contract import InputSpec
from edge_runtime.findings.table import Table
from edge_runtime.preprocess import PixelArray, quantise

# Change the type of numbers, or their shape, but compute nothing.
_NO_LAYERS = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SHAPE", "STRIDED_SLICE", "PACK"})
_WORST = 3


@dataclass(frozen=True)
class LayerError:
    """How exact one layer of an int8 model is.

    Attributes:
        layer: name of the Keras layer.
        operator: of the flatbuffer, such as `CONV_2D`.
        sqnr_db: signal to quantisation noise of what comes out of it, in decibel: 10 log10(sum of float^2 / sum of
            (float - int8)^2), over all cells. It counts the noise of all layers before, too.
        lost_db: how much less that is than of what it reads; NaN where it reads the pixels, which are exact.
    """

    layer: str
    operator: str
    sqnr_db: float
    lost_db: float


@dataclass(frozen=True)
class _Node:
    layer: str
    operator: str
    inputs: tuple[int, ...]
    output: int


class _Opened:
    """A flatbuffer whose inner tensors can be read after it ran."""

    def __init__(self, model: bytes) -> None:
        self._interpreter = Interpreter(
            model_content=model,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}
        self.nodes = [
            _Node(
                _layer_of(self._details[int(op["outputs"][0])]["name"]) or op["op_name"].lower(),
                op["op_name"],
                tuple(map(int, op["inputs"])),
                int(op["outputs"][0]),
            )
            for op in self._interpreter._get_ops_details()  # the only way to see them from Python
        ]
        self.layers = [node for node in self.nodes if node.operator not in _NO_LAYERS]

    @property
    def is_int8(self) -> bool:
        return all(self._details[node.output]["dtype"] is np.int8 for node in self.layers)

    def run(self, pixels: PixelArray, spec: InputSpec) -> None:
        self._interpreter.set_tensor(self._input["index"], quantise(pixels, spec, self._input["dtype"])[np.newaxis])
        self._interpreter.invoke()

    def shown(self, node: _Node) -> npt.NDArray[np.float64]:
        """What a layer gave, as real numbers."""
        values = self._interpreter.get_tensor(node.output).astype(np.float64)
        scale, zero_point = self._details[node.output]["quantization"]
        return np.asarray((values - zero_point) * scale if scale else values)


def layer_errors(model: bytes, twin: bytes, spec: InputSpec, pixels: Sequence[PixelArray]) -> list[LayerError]:
    """Compares every layer's output on the same cells.

    Args:
        model: an int8 flatbuffer.
        twin: the float flatbuffer of the same weights.
        spec: the contract's input.
        pixels: uint8 `[size, size, 3]` each, from `edge_runtime.preprocess.prepare`.

    Raises:
        CompressError: no cells, a float model, or a twin of other layers.
    """
    if not len(pixels):
        raise CompressError("no cells to measure layers on; give data that the run has cells of")
    exported, float_ = _Opened(model), _Opened(twin)
    if not exported.is_int8:
        raise CompressError("the model computes in float: no layer has a quantisation error; give an int8 bundle")
    if [node.operator for node in exported.layers] != [node.operator for node in float_.layers]:
        raise CompressError("the float twin has other layers than the model; make the bundle again")
    signal, noise = np.zeros(len(float_.layers)), np.zeros(len(float_.layers))
    for cell in pixels:
        exported.run(cell, spec)
        float_.run(cell, spec)
        for i, (own, wanted) in enumerate(zip(exported.layers, float_.layers, strict=True)):
            real = float_.shown(wanted)
            signal[i] += (real**2).sum()
            noise[i] += ((real - exported.shown(own)) ** 2).sum()
    sqnr = [10 * math.log10(s / n) if s and n else math.inf for s, n in zip(signal, noise, strict=True)]
    read = _read_by(float_)
    return [
        LayerError(node.layer, node.operator, own, min((sqnr[j] for j in read[i]), default=math.nan) - own)
        for i, (node, own) in enumerate(zip(float_.layers, sqnr, strict=True))
    ]


def _read_by(opened: _Opened) -> list[list[int]]:
    """For each layer the positions of the layers whose activations it reads, through what only changes their shape."""
    from_layer: dict[int, list[int]] = {}
    read: list[list[int]] = []
    for node in opened.nodes:
        sources = [i for tensor in node.inputs for i in from_layer.get(tensor, [])]
        if node.operator in _NO_LAYERS:
            from_layer[node.output] = sources
            continue
        from_layer[node.output] = [len(read)]
        read.append(sources)
    return read


def _layer_of(tensor: str) -> str:
    """The Keras layer that a tensor is named by: of those fused into one, the first, which holds the weights."""
    parts = tensor.split(";")[-1].split("/")
    return parts[1] if len(parts) > 1 else ""


def worst_layers(errors: Sequence[LayerError]) -> list[LayerError]:
    """The layers that lose most, the worst first."""
    losing = [error for error in errors if error.lost_db > 0 and math.isfinite(error.lost_db)]
    return sorted(losing, key=lambda error: -error.lost_db)[:_WORST]


def errors_table(errors: Sequence[LayerError]) -> Table:
    """A row a layer, in the order of the network."""
    rows: list[tuple[str, ...]] = [
        (error.layer, error.operator, _db(error.sqnr_db), _db(error.lost_db)) for error in errors
    ]
    return Table(("layer", "operator", "SQNR, dB", "lost there, dB"), tuple(rows))


def worst_text(errors: Sequence[LayerError]) -> str:
    """One line that names the layers where accuracy is lost."""
    named = ", ".join(f"{error.layer} ({error.lost_db:.1f} dB)" for error in worst_layers(errors))
    return f"most is lost in {named}" if named else "no layer loses anything"


def _db(value: Any) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"
