"""From a float network to the flatbuffer that a recipe asks for: remove channels, prune, quantise, export."""

import logging
from dataclasses import dataclass
from typing import Any

from compress.balance import balance_channels
from compress.channel_pruning import prune_channels
from compress.errors import CompressError
from compress.export import export_float, export_int8
from compress.finetune import clone
from compress.prune import prune_network
from compress.quantise import quantise_network
from compress.recipe import Recipe
from train.config import Config
from train.loop import Examples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shrunk:
    """What a recipe made of a network.

    Attributes:
        model: the flatbuffer.
        twin: a float network of plain layers with the very weights of the flatbuffer before they became integers.
        aware: the quantization-aware network that went into the converter, where there is one.
    """

    model: bytes
    twin: Any
    aware: Any = None


def shrink(network: Any, examples: Examples, config: Config, recipe: Recipe) -> Shrunk:
    """Follows a recipe.

    Args:
        network: the float network, unchanged.
        examples: the train part.
        config: augmentation, batch size and seed.
        recipe: how to compress.

    Raises:
        CompressError: nothing to learn from and calibrate with, a layer that a stage cannot handle, a budget that
            cannot be met, or the converter failed.
    """
    if not len(examples.targets):
        raise CompressError(
            "the train part is empty: nothing to calibrate int8 with; give a run that has train subjects"
        )
    small = network
    if recipe.channels.removes:
        log.info("removing channels")
        small = prune_channels(small, examples, config, recipe.channels, distil=recipe.distil)
    if recipe.precision == "fp32" and not recipe.sparsity:
        return Shrunk(export_float(small), small)
    calibration = examples.spread(recipe.calibration_cells)
    small = balance_channels(small, calibration)
    if recipe.sparsity:
        log.info("pruning to %.0f %% zeros", 100 * recipe.sparsity)
        small = prune_network(small, examples, config, recipe.prune, recipe.sparsity, distil=recipe.distil)
    if recipe.precision == "fp32":
        return Shrunk(export_float(small), small)
    if recipe.precision == "ptq8":
        return Shrunk(export_int8(small, calibration), small)
    log.info("training quantization-aware")
    teacher = network if recipe.distil else None
    aware = quantise_network(small, teacher, examples, config, recipe.quantise)
    return Shrunk(export_int8(aware, calibration), plain_weights(aware, small), aware)


def plain_weights(aware: Any, network: Any) -> Any:
    """A plain copy of the network with the weights of its quantization-aware twin."""
    copy = clone(network)
    twins = {layer.layer.name: layer for layer in aware.layers if hasattr(layer, "layer")}
    for layer in copy.layers:
        if layer.weights and layer.name in twins:
            by_name = {_short(variable.name): variable.numpy() for variable in twins[layer.name].weights}
            layer.set_weights([by_name[_short(variable.name)] for variable in layer.weights])
    return copy


def _short(variable: str) -> str:
    return variable.partition(":")[0].rpartition("/")[2]
