"""The only place that imports LiteRT or tflite-runtime."""

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


def available_runtimes() -> tuple[RuntimeName, ...]:
    """The installed runtimes, the preferred one first; nothing is imported."""
    return tuple(name for name in RUNTIMES if find_spec(_MODULES[name].partition(".")[0]) is not None)


class Interpreter:
    """Runs a flatbuffer with one input and one output tensor."""

    def __init__(self, model: bytes, *, runtime: RuntimeName | None = None, threads: int = 1) -> None:
        """Loads the model; XNNPACK is used where the runtime has it.

        Args:
            model: the flatbuffer.
            runtime: None takes LiteRT, else what is installed.
            threads: CPU threads of one inference.

        Raises:
            InterpreterError: the runtime is not installed or does not import.
            ModelError: the flatbuffer does not load, or has several inputs or outputs.
        """
        self.runtime: RuntimeName = runtime or _preferred()
        module = _import(self.runtime)
        try:
            self._interpreter = module.Interpreter(model_content=model, num_threads=threads)
            self._interpreter.allocate_tensors()
            inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise ModelError(f"the model does not load in {self.runtime} ({first_line}); export it again") from None
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs, must have one each")
        self.input = _spec(inputs[0])
        self.output = _spec(outputs[0])
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


def _spec(details: Any) -> TensorSpec:
    scale, zero_point = details["quantization"]
    return TensorSpec(
        tuple(int(side) for side in details["shape"]), np.dtype(details["dtype"]), float(scale), int(zero_point)
    )
