"""Unstructured magnitude pruning with tfmot (Zhu and Gupta 2017, arXiv 1710.01878): zeros shrink the download only."""

from typing import Any

import tensorflow_model_optimization as tfmot
import tf_keras as keras

from compress.finetune import clone, finetune
from compress.recipe import StageConfig
from train.architectures.stain_front import STAIN_LAYER
from train.as_written import as_written
from train.config import Config
from train.loop import Examples, steps_per_epoch
from train.network import LOGITS_LAYER

# The last steps train with all zeros in place.
_RAMP = 0.7
_MASK_EVERY_STEPS = 20
_FEWEST_UPDATES = 10


def prunable(layer: Any) -> bool:
    """Pointwise convolutions hold nearly all weights; depthwise, stem, stain front and last layer are too small."""
    return (
        isinstance(layer, keras.layers.Conv2D)
        and not isinstance(layer, keras.layers.DepthwiseConv2D)
        and layer.kernel_size == (1, 1)
        and layer.name not in (STAIN_LAYER, LOGITS_LAYER)
    )


@as_written
def prune_network(
    network: Any, examples: Examples, config: Config, stage: StageConfig, sparsity: float, *, distil: bool = True
) -> Any:
    """Removes the smallest weights little by little while the network learns to do without.

    Args:
        network: the float network, unchanged.
        examples: the train part.
        config: augmentation and batch size.
        stage: how long and how fast.
        sparsity: share of zeros at the end, 0 to 1.
        distil: the answers of `network` are the target; else the labels.

    Returns:
        A new network of the same layers.
    """
    steps = stage.epochs * steps_per_epoch(examples, config.fit)
    every = max(1, min(_MASK_EVERY_STEPS, round(steps * _RAMP) // _FEWEST_UPDATES))
    last = max(every, round(steps * _RAMP) // every * every)  # an update falls on the last step of the ramp
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, sparsity, 0, last, frequency=every)

    def wrap(layer: Any) -> Any:
        copy = layer.__class__.from_config(layer.get_config())
        if not prunable(layer):
            return copy
        return tfmot.sparsity.keras.prune_low_magnitude(copy, pruning_schedule=schedule)

    pruned = keras.models.clone_model(network, clone_function=wrap)
    _copy_weights(network, pruned)
    callback = tfmot.sparsity.keras.UpdatePruningStep()
    callback.set_model(pruned)
    callback.on_train_begin()
    teacher = network if distil else None
    finetune(pruned, examples, config, stage, teacher=teacher)  # tfmot's layers count its steps and update their masks
    callback.on_epoch_end(0)
    return clone(tfmot.sparsity.keras.strip_pruning(pruned))


def _copy_weights(source: Any, target: Any) -> None:
    for layer, own in zip(source.layers, target.layers, strict=True):
        inner = getattr(own, "layer", own)
        inner.set_weights(layer.get_weights())
