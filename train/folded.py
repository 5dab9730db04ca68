"""Networks trained on ImageNet as bare convolutions, their batch norms folded in: from `.tflite` files or Keras."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from train.architectures.mobilenet_v1 import STEM
from train.config import NetworkConfig
from train.convolutions import convolutions
from train.errors import TrainError

Floats = npt.NDArray[np.float32]

_OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D")
# As the applications of Keras were trained: they read pixel / 127.5 - 1.
_KERAS_SCALE, _KERAS_OFFSET = 2.0, -1.0
_KERAS_SIDE = 224  # kernels do not depend on it


@dataclass(frozen=True)
class Folded:
    """A network to start from.

    Attributes:
        origin: where it comes from; for messages.
        scale: it reads `scale * light + offset`, light in 0..1.
        offset: see `scale`.
        convolutions: kernel, as Keras shapes it, and bias of every convolution in the order of the network.
    """

    origin: str
    scale: float
    offset: float
    convolutions: list[tuple[Floats, Floats]]


def read_tflite(path: Path) -> Folded:
    """Reads a quantised `.tflite`, such as `mobilenet_v1_0.25_128_quant.tflite`, and dequantises it.

    Raises:
        TrainError: the file cannot be read.
    """
    try:
        # Without the default delegate the operators stay apart and can be listed.
        interpreter = Interpreter(
            str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise TrainError(
            f"{path}: not a model that can be read ({first_line}); set EDGE_CLASSIFY_WEIGHTS to its folder"
        ) from None
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}

    def real(index: int) -> Floats:
        parameters = details[index]["quantization_parameters"]
        values = interpreter.get_tensor(index)
        if not len(parameters["scales"]):
            raise TrainError(f"{path}: holds floats; give a file of 8-bit weights, such as Coral's *_quant.tflite")
        # One scale for all, or one for each channel along one axis.
        shape = np.ones(values.ndim, int)
        shape[parameters["quantized_dimension"]] = len(parameters["scales"])
        zeros, scales = (parameters[name].reshape(shape) for name in ("zero_points", "scales"))
        return np.asarray((values.astype(np.float32) - zeros) * scales, np.float32)

    operators = [op for op in interpreter._get_ops_details() if op["op_name"] in _OPERATORS]
    input_scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    return Folded(
        str(path),
        scale=255 * input_scale,
        offset=-zero_point * input_scale,
        # TFLite keeps [out, height, width, in] and, for depthwise, [1, height, width, channels].
        convolutions=[(real(op["inputs"][1]).transpose(1, 2, 3, 0), real(op["inputs"][2])) for op in operators],
    )


def fetch_imagenet(config: NetworkConfig) -> Folded:
    """Fetches the weights that come with Keras, or takes them from its cache.

    Raises:
        TrainError: no network, or none of that width.
    """
    # The compact network is the beginning of a MobileNetV1, whose width its stem tells.
    width = config.stem / STEM if config.architecture == "compact" else config.width
    builds: dict[str, Callable[..., Any]] = {"mobilenet_v2": keras.applications.MobileNetV2}
    build = builds.get(config.architecture, keras.applications.MobileNet)
    try:
        network = build((_KERAS_SIDE, _KERAS_SIDE, 3), alpha=width, include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception where it cannot fetch
        first_line = str(error).strip().partition("\n")[0]
        raise TrainError(
            f"pretrained = 'imagenet': no weights for {config.architecture} of width {width:g} ({first_line}); "
            "without a net set pretrained to a file in the folder that EDGE_CLASSIFY_WEIGHTS names"
        ) from None
    return fold(network, f"Keras's {network.name}")


def fold(network: Any, origin: str) -> Folded:
    """Folds the batch norms of a Keras network that reads -1..1 into its convolutions."""
    folded = []
    for convolution in convolutions(network):
        norm = convolution.norm
        gamma, beta, mean, variance = norm.get_weights()
        factor = gamma / np.sqrt(variance + norm.epsilon)
        kernel = convolution.layer.get_weights()[0]
        per_channel = factor[:, np.newaxis] if isinstance(convolution.layer, keras.layers.DepthwiseConv2D) else factor
        folded.append((kernel * per_channel, beta - mean * factor))
    return Folded(origin, _KERAS_SCALE, _KERAS_OFFSET, folded)
