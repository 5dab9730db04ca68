"""Converts networks to TFLite flatbuffers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from compress.errors import CompressError
from compress.pixel_pairs import read_pairs
from compress.pixel_type import convert_through_float
from compress.slim import slim
from edge_runtime.preprocess import PixelArray
from train.network import network_input
from train.traced import converter_of


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
    return slim(convert_through_float(read_pairs(_convert(converter))))


def export_float(network: Any) -> bytes:
    """Converts a float network as it is: float32 `[1, size, size, 3]` in, `[1, labels]` out.

    Raises:
        CompressError: the converter cannot; the line says why.
    """
    return _convert(_converter(network))


def _converter(network: Any) -> Any:
    def answer(pixels: Any) -> dict[str, Any]:
        return {"probabilities": network(pixels, training=False)}

    return converter_of(answer, network.input_shape[1], name="pixels", variables=network.variables)


def _convert(converter: Any) -> bytes:
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter raises whatever MLIR gives it
        first_line = str(error).strip().partition("\n")[0]
        raise CompressError(f"the TFLite converter failed: {first_line}") from error
