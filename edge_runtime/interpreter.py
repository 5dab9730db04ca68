"""The only place that imports LiteRT or tflite-runtime."""

import ctypes
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InterpreterError, ModelError

RuntimeName = Literal["litert", "tflite-runtime"]
RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)
_MODULES: dict[RuntimeName, str] = {
    "litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}
_WITHOUT_DELEGATE = "leave --delegate out, or compile the model for it with its vendor's tool"
_DELEGATE_NODE, _XNNPACK = "DELEGATE", "XNNPACK"
_INSTALL: dict[RuntimeName, str] = {
    "litert": "pip install ai-edge-litert",
    "tflite-runtime": "pip install 'edge-classify[tflite-runtime]' (Python 3.11 or older)",
}


@dataclass(frozen=True)
class TensorSpec:
    """One tensor as the flatbuffer describes it.

    Attributes:
        shape: all dimensions, batch first.
        dtype: of its elements.
        scale: real value = scale * (element - zero_point); 0 for a float tensor.
        zero_point: see `scale`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Kernels:
    """What runs the operators of a model, found in the graph that was made ready to run.

    Attributes:
        delegate: what took operators over: a delegate's file, `XNNPACK`, or empty when nothing did.
        delegated: operators it runs, by type.
        own: operators the runtime runs itself, by type.
    """

    delegate: str
    delegated: dict[str, int]
    own: dict[str, int]

    def __str__(self) -> str:
        total = sum(self.delegated.values()) + sum(self.own.values())
        rest = ", ".join(f"{count} {name}" for name, count in sorted(self.own.items()))
        if not self.delegate:
            return f"the runtime's own for all {total} operators"
        taken = f"{self.delegate} for {sum(self.delegated.values())} of {total} operators"
        return f"{taken}; the runtime's own for {rest or 'none'}"


def available_runtimes() -> tuple[RuntimeName, ...]:
    """The installed runtimes, the preferred one first; nothing is imported."""
    return tuple(name for name in RUNTIMES if find_spec(_MODULES[name].partition(".")[0]) is not None)


class Interpreter:
    """Runs a flatbuffer with one input and one output tensor."""

    def __init__(
        self,
        model: bytes,
        *,
        runtime: RuntimeName | None = None,
        threads: int = 1,
        xnnpack: bool = True,
        delegate: str | None = None,
    ) -> None:
        """Loads the model.

        Args:
            model: the flatbuffer.
            runtime: None takes LiteRT, else what is installed.
            threads: CPU threads of one inference.
            xnnpack: whether XNNPACK's kernels are used where the runtime has them; else TFLite's own.
            delegate: shared library of an external delegate (an accelerator's), which must take part of the model.

        Raises:
            InterpreterError: the runtime is not installed or does not import; the delegate does not load or is not
                used.
            ModelError: the flatbuffer does not load, or has several inputs or outputs.
        """
        self.runtime: RuntimeName = runtime or _preferred()
        module = _import(self.runtime)
        self._delegate = delegate
        delegates = [] if delegate is None else [_load_delegate(module, delegate)]
        try:
            # XNNPACK comes first where it is allowed, and would leave nothing to a delegate that was asked for.
            kinds = module.OpResolverType
            resolver = kinds.AUTO if xnnpack and delegate is None else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            self._interpreter = module.Interpreter(
                model_content=model,
                num_threads=threads,
                experimental_op_resolver_type=resolver,
                experimental_delegates=delegates,
            )
            self._interpreter.allocate_tensors()
            inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            first_line = str(error).strip().partition("\n")[0]
            if delegate is not None:
                reason = first_line or "it gives no reason"
                raise InterpreterError(
                    f"delegate {delegate} refuses the model ({reason}); {_WITHOUT_DELEGATE}"
                ) from None
            raise ModelError(f"the model does not load in {self.runtime} ({first_line}); export it again") from None
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs, must have one each")
        self.input = _spec(inputs[0])
        self.output = _spec(outputs[0])
        if delegate is not None and not self.kernels().delegated:
            raise InterpreterError(f"delegate {delegate} loaded but took no operator of the model; {_WITHOUT_DELEGATE}")
        self._input_index, self._output_index = inputs[0]["index"], outputs[0]["index"]

    def invoke(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Runs the model once.

        Args:
            tensor: of `input.shape` and `input.dtype`.

        Returns:
            A copy of the output, of `output.shape` and `output.dtype`.
        """
        self._interpreter.set_tensor(self._input_index, tensor)
        self._interpreter.invoke()
        result: npt.NDArray[Any] = self._interpreter.get_tensor(self._output_index)
        return result

    def kernels(self) -> Kernels:
        """Which operators a delegate took, and which the runtime runs itself."""
        nodes = self._interpreter._get_ops_details()  # the only way to see them from Python, in both runtimes
        operators = [node for node in nodes if node["op_name"] != _DELEGATE_NODE]
        makers = {int(tensor): node for node in operators for tensor in node["outputs"]}
        taken: set[int] = set()
        partitions = [node for node in nodes if node["op_name"] == _DELEGATE_NODE]
        for partition in partitions:
            # A partition replaces what lies between its inputs and its outputs.
            inputs = {int(tensor) for tensor in partition["inputs"]}
            waiting = [int(tensor) for tensor in partition["outputs"]]
            while waiting:
                tensor = waiting.pop()
                if tensor in inputs or tensor not in makers or makers[tensor]["index"] in taken:
                    continue
                taken.add(makers[tensor]["index"])
                waiting.extend(int(source) for source in makers[tensor]["inputs"])
        delegated = Counter(str(node["op_name"]) for node in operators if node["index"] in taken)
        own = Counter(str(node["op_name"]) for node in operators if node["index"] not in taken)
        return Kernels((self._delegate or _XNNPACK) if partitions else "", dict(delegated), dict(own))


def _preferred() -> RuntimeName:
    installed = available_runtimes()
    if not installed:
        raise InterpreterError(f"no TFLite runtime is installed; {_INSTALL['litert']}")
    return installed[0]


def _import(runtime: RuntimeName) -> Any:
    try:
        return import_module(_MODULES[runtime])
    except (ImportError, AttributeError) as error:
        # tflite-runtime 2.14 under numpy 2 dies with AttributeError: _ARRAY_API not found.
        first_line = str(error).strip().partition("\n")[0]
        raise InterpreterError(f"runtime {runtime} does not import ({first_line}); {_INSTALL[runtime]}") from None


def _load_delegate(module: Any, path: str) -> Any:
    try:
        # Asked first, because LiteRT's own object prints a traceback when a library is no delegate.
        if not hasattr(ctypes.CDLL(path), "tflite_plugin_create_delegate"):
            raise ValueError("it is no TFLite delegate")
        return module.load_delegate(path)
    except (OSError, ValueError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise InterpreterError(f"delegate {path} does not load ({first_line}); give its shared library") from None


def _spec(details: Any) -> TensorSpec:
    scale, zero_point = details["quantization"]
    return TensorSpec(
        tuple(int(side) for side in details["shape"]), np.dtype(details["dtype"]), float(scale), int(zero_point)
    )
