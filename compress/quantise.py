"""Quantization-aware training to int8 that keeps the zeros (Jacob et al. 2018, arXiv 1712.05877; tfmot's PQAT)."""

from typing import Any

import tensorflow_model_optimization as tfmot

from compress.finetune import clone, finetune
from compress.recipe import StageConfig
from train.config import Config
from train.loop import Examples


def quantise_network(network: Any, teacher: Any, examples: Examples, config: Config, stage: StageConfig) -> Any:
    """Trains a copy with simulated int8; zero weights stay zero.

    Args:
        network: float, pruned or not; unchanged.
        teacher: the float network before pruning; its answers are the target.
        examples: the train part.
        config: augmentation, batch size and seed.
        stage: how long and how fast.

    Returns:
        The network with quantisation nodes, ready for the converter.
    """
    annotated = tfmot.quantization.keras.quantize_annotate_model(clone(network))
    scheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    aware = tfmot.quantization.keras.quantize_apply(annotated, scheme)
    finetune(aware, examples, config, stage, teacher=teacher, keep_average=True)
    _fix_input_range(aware)
    return aware


def _fix_input_range(aware: Any) -> None:
    """Sets the input's range to exactly 0..1, so that pixel p is the integer p and the device does no arithmetic."""
    layer = next(layer for layer in aware.layers if layer.__class__.__name__ == "QuantizeLayer")
    for variable in layer.weights:
        if variable.name.endswith(("_min:0", "_max:0")):
            variable.assign(0.0 if variable.name.endswith("_min:0") else 1.0)
