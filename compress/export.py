"""Converts networks to TFLite flatbuffers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from compress.errors import CompressError
from edge_runtime.preprocess import PixelArray
from train.network import network_input


def export_int8(network: Any, calibration: PixelArray) -> bytes:
    """Converts a network to full int8, weights per channel, uint8 in and out.

    Args:
        network: from `quantise_network`; or a float one, whose ranges are then those seen on the calibration pictures
            (post-training quantisation, Krishnamoorthi 2018, arXiv 1806.08342).
        calibration: uint8 `[n, size, size, 3]`, of train subjects only.

    Returns:
        The flatbuffer.

    Raises:
        CompressError: nothing to calibrate with, or the converter failed.
    """
    if len(calibration) == 0:
        raise CompressError("no calibration pictures; the train part is empty")

    def representative() -> Iterator[list[np.ndarray]]:
        for i, pixels in enumerate(calibration):
            read = network_input(network, pixels[np.newaxis]).numpy()
            if i == 0:
                # Two corners span 0..1 exactly, so that pixel p is the integer p and the device does no arithmetic.
                read[0, 0, 0], read[0, -1, -1] = 0.0, 1.0
            yield [read]

    converter = _converter(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    return _convert(converter)


def export_float(network: Any) -> bytes:
    """Converts a float network as it is: float32 in and out."""
    return _convert(_converter(network))


def _converter(network: Any) -> Any:
    """Of one traced call for one picture.

    Three times as fast as through Keras's own saving, and what a batch of any size needs (shape, slice, pack) is not in
    the file.
    """
    module = tf.Module()  # what the converter wants to hold on to
    module.variables_of_network = network.variables
    module.answer = tf.function(lambda pixels: {"probabilities": network(pixels, training=False)})
    traced = module.answer.get_concrete_function(tf.TensorSpec([1, *network.input_shape[1:]], tf.float32, "pixels"))
    return tf.lite.TFLiteConverter.from_concrete_functions([traced], module)


def _convert(converter: Any) -> bytes:
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter raises whatever MLIR gives it
        first_line = str(error).strip().partition("\n")[0]
        raise CompressError(f"the TFLite converter failed: {first_line}") from error
