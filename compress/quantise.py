"""Quantization-aware training to int8 that keeps the zeros (Jacob et al. 2018, arXiv 1712.05877; tfmot's PQAT)."""

from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot

from compress.finetune import clone, finetune
from compress.layers import refused_layer
from compress.recipe import StageConfig
from edge_runtime.preprocess import PixelArray
from train.as_written import as_written
from train.config import Config
from train.loop import Examples
from train.network import network_input

# Share of a range that tfmot's moving average keeps at each step (MovingAverageQuantizer, ema_decay).
_TFMOT_KEEPS = 0.999
_RANGE_CELLS, _RANGE_BATCH = 512, 64
# How tfmot names the variables that hold a range, and the class of the layer it puts before all others.
_RANGE_ENDS = ("_min:0", "_max:0")
_INPUT_LAYER = "QuantizeLayer"


@as_written
def quantise_network(network: Any, teacher: Any, examples: Examples, config: Config, stage: StageConfig) -> Any:
    """Trains a copy with simulated int8; zero weights stay zero.

    Args:
        network: float, pruned or not; unchanged.
        teacher: the float network before pruning, whose answers are the target; None learns the labels.
        examples: the train part.
        config: augmentation, batch size and seed.
        stage: how long and how fast.

    Returns:
        The network with quantisation nodes, ready for the converter.

    Raises:
        CompressError: a layer that tfmot cannot quantise.
    """
    scheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    try:
        annotated = tfmot.quantization.keras.quantize_annotate_model(clone(network))
        aware = tfmot.quantization.keras.quantize_apply(annotated, scheme)
    except (ValueError, RuntimeError) as error:
        raise refused_layer(network, error, stage="quantise") from error
    _fix_input_range(aware)
    _calibrate_ranges(aware, examples.spread(_RANGE_CELLS))
    finetune(aware, examples, config, stage, teacher=teacher, keep_average=True)
    return aware


def _calibrate_ranges(aware: Any, pixels: PixelArray) -> None:
    """Sets the activations' ranges to what they are on train cells, averaged over batches.

    tfmot starts every range at -6..6 and moves it by a thousandth a step, so that a short training would end with half
    of the 256 levels unused. How far one step moves a range tells where the batch's own range lies.
    """
    ranges = _activation_ranges(aware)
    untouched = aware.get_weights()
    starts = [float(variable.numpy()) for variable in ranges]
    batches = np.array_split(pixels, -(-len(pixels) // _RANGE_BATCH))
    seen = np.zeros(len(ranges))
    for batch in batches:
        aware(network_input(aware, batch), training=True)
        for i, (variable, start) in enumerate(zip(ranges, starts, strict=True)):
            seen[i] += (float(variable.numpy()) - _TFMOT_KEEPS * start) / (1 - _TFMOT_KEEPS)
        aware.set_weights(untouched)
    for variable, total in zip(ranges, seen, strict=True):
        variable.assign(total / len(batches))


def _activation_ranges(aware: Any) -> list[Any]:
    """The variables that hold the ranges of activations: not those of kernels, nor of the input."""
    return [
        variable
        for layer in aware.layers
        if not _is_input(layer)
        for variable in layer.weights
        if variable.name.endswith(_RANGE_ENDS) and "kernel_" not in variable.name
    ]


def _fix_input_range(aware: Any) -> None:
    """Sets the input's range to exactly 0..1, so that pixel p is the integer p and the device does no arithmetic.

    tfmot only ever widens this range, and pixels stay within it.
    """
    for variable in next(layer for layer in aware.layers if _is_input(layer)).weights:
        if variable.name.endswith(_RANGE_ENDS):
            variable.assign(0.0 if variable.name.endswith(_RANGE_ENDS[0]) else 1.0)


def _is_input(layer: Any) -> bool:
    return type(layer).__name__ == _INPUT_LAYER
