"""Starts a network from an ImageNet MobileNetV1 whose batch norms are folded into its convolutions."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge_runtime.preprocess import PixelArray
from train.errors import TrainError
from train.network import network_input

# The file's network reads (pixel - 128) / 128; ours reads pixel / 255.
_INPUT_FACTOR = 255 / 128
_SMALLEST_VARIANCE = 1e-4
# A channel that hardly varies about a large value is sized by the value, to stay below ReLU6's cap.
_LARGEST_OFFSET = 3.0
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_ABSENT = np.zeros((0, 0, 0, 0), np.float32), np.zeros(0, np.float32)


def load_pretrained(network: Any, path: Path, pixels: PixelArray) -> None:
    """Sets all convolutions and norms but the last layer's from a quantised `.tflite`, in the order of its operators.

    A folded convolution has no batch norm left. Each norm gets the mean and variance that its convolution shows on the
    given pictures, and the offset that undoes them; its scale goes into the next kernel, as ReLU lets it (Nagel et al.
    2019, arXiv 1906.04721). So the network starts as nearly the same function (where ReLU6 caps it differs), every
    channel is of one size, and no channel is lost when one scale quantises them all.

    Args:
        network: from `build_network`, of the same convolutions or the first of them; changed in place.
        path: such as `mobilenet_v1_0.25_128_quant.tflite`.
        pixels: uint8 `[n, size, size, 3]`, of train subjects.

    Raises:
        TrainError: the file cannot be read or its convolutions have other shapes.
    """
    convolutions = _read_convolutions(path)
    inputs = network_input(pixels)
    ours = [layer for layer in network.layers if layer.name.endswith(("stem", "_depthwise", "_pointwise"))]
    size = np.full(3, _INPUT_FACTOR, np.float32)  # how much larger the file's network has each input channel
    for i, layer in enumerate(ours):
        kernel, bias = convolutions[i] if i < len(convolutions) else _ABSENT
        # TFLite keeps [out, height, width, in] and, for depthwise, [1, height, width, channels].
        kernel = kernel.transpose(1, 2, 3, 0)
        if kernel.shape != tuple(layer.weights[0].shape):
            raise TrainError(
                f"{path}: convolution {i} is {list(kernel.shape)}, {layer.name} is {list(layer.weights[0].shape)}; "
                "set stem, channels and strides as in that network"
            )
        if i == 0:
            bias = bias - kernel.sum((0, 1, 2))
        layer.set_weights([kernel * size[:, np.newaxis]])
        shown = keras.Model(network.input, layer.output)(inputs, training=False)
        mean, variance = (np.asarray(value) for value in tf.nn.moments(shown, axes=[0, 1, 2]))
        variance = np.maximum(variance, _SMALLEST_VARIANCE)
        norm = network.get_layer(f"{layer.name}_norm")
        spread, centre = np.sqrt(variance + norm.epsilon), bias + mean
        size = np.maximum(spread, np.abs(centre) / _LARGEST_OFFSET)
        norm.set_weights([spread / size, centre / size, mean, variance])


def _read_convolutions(path: Path) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Kernel and bias of every convolution, dequantised, in operator order."""
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

    def real(index: int) -> npt.NDArray[np.float32]:
        parameters = details[index]["quantization_parameters"]
        values = interpreter.get_tensor(index).astype(np.float32) - parameters["zero_points"]
        return np.asarray(values * parameters["scales"], np.float32)

    operators = [op for op in interpreter._get_ops_details() if op["op_name"] in _CONVOLUTIONS]
    return [(real(op["inputs"][1]), real(op["inputs"][2])) for op in operators]
