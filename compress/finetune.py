"""Short training of a changed network, by the answers of the original or by the labels."""

import dataclasses
from typing import Any

import tf_keras as keras

from compress.recipe import StageConfig
from train.as_written import as_written
from train.config import Config
from train.loop import Examples, Loop


def finetune(
    network: Any,
    examples: Examples,
    config: Config,
    stage: StageConfig,
    *,
    teacher: Any,
    keep_average: bool = False,
) -> None:
    """Trains in place, towards the teacher's probabilities on the same augmented pictures where there is one.

    The original's answers, not the labels, are the target (distillation: Hinton et al. 2015, arXiv 1503.02531): what
    is wanted is the same decisions in fewer bits, on cells as they come. So they are turned, mirrored, scaled and
    shifted, but keep their light, sharpness and parts; an epoch draws as many of each person as in training.

    Args:
        network: trained in place.
        examples: the train part.
        config: changes of place and size, batch size and seed.
        stage: how long and how fast.
        teacher: the float network; None learns the labels.
        keep_average: end with the averaged weights.
    """
    fit = dataclasses.replace(
        config.fit,
        epochs=stage.epochs,
        learning_rate=stage.learning_rate,
        warmup_epochs=0,
        label_smoothing=0.0,
        mixup=0.0,
    )
    changes = dataclasses.replace(
        config.augment, stain=0.0, brightness=0.0, sharpness=0.0, density=0.0, blur=0.0, jpeg=0, erase=0.0
    )
    loop = Loop(network, examples, fit, changes, teacher=teacher)
    for _ in range(stage.epochs):
        loop.run_epoch()
    if keep_average:
        network.set_weights([average.numpy() for average in loop.averages])


@as_written
def clone(network: Any) -> Any:
    """A copy with the same weights."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy
