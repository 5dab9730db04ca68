"""How much each channel matters: by its batch norm, its weights, or what the loss would do without it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from compress.channel_config import Criterion
from compress.channels import MAKING, PASSING, Channels
from compress.errors import CompressError
from train.convolutions import readers, sources
from train.loop import Examples
from train.network import network_input

Importance = npt.NDArray[np.float64]

_TAYLOR_CELLS, _TAYLOR_BATCH = 512, 32
_SMALLEST = 1e-6  # of a probability, under a logarithm


def importance(network: Any, channels: Channels, examples: Examples, criterion: Criterion) -> Importance:
    """The importance of every unit; of a unit that several layers make, the sum.

    Args:
        network: a functional network.
        channels: of it.
        examples: of train subjects; only `taylor` looks at them.
        criterion: `batch_norm_scale` takes the size of the scales (Liu et al. 2017, arXiv 1708.06519), `l1` the mean
            size of the weights that make a channel (Li et al. 2017, arXiv 1608.08710): both say how a channel compares
            with the others of its group, whose mean is 1. `taylor` takes how far the loss of a cell would move, to
            first order (Molchanov et al. 2017, arXiv 1611.06440), and compares channels of all groups.

    Returns:
        float64 `[units]`, 0 or more, larger for what matters more.

    Raises:
        CompressError: no batch norm to go by, or no examples.
    """
    return _CRITERIA[criterion](network, channels, examples)


def _batch_norm_scale(network: Any, channels: Channels, examples: Examples) -> Importance:
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization) and layer.scale]
    scales = {norm.name: np.abs(norm.gamma.numpy()) for norm in norms}
    normed = {unit for name in scales for unit in channels.of[name].tolist()}
    for group in channels.groups:
        if not normed.issuperset(group.units.tolist()):
            raise CompressError(f"group {group.name!r}: no batch norm scales its channels; take another criterion")
    return _within_groups(_summed(channels, scales), channels)


def _l1(network: Any, channels: Channels, examples: Examples) -> Importance:
    kernels = {layer.name: np.abs(layer.get_weights()[0]) for layer in network.layers if type(layer) in MAKING}
    sizes = {name: kernel.mean(axis=tuple(range(kernel.ndim - 1))) for name, kernel in kernels.items()}
    return _within_groups(_summed(channels, sizes), channels)


def _taylor(network: Any, channels: Channels, examples: Examples) -> Importance:
    if not len(examples.targets):
        raise CompressError("no cells to judge channels by; the train part is empty")
    ends = _ends(network)
    shown = keras.Model(network.input, [network.get_layer(name).output for name in ends] + [network.output])
    few, total = examples.thinned(_TAYLOR_CELLS), np.zeros(channels.count)
    wanted = tf.one_hot(few.targets, network.output_shape[-1]) if few.wanted is None else few.wanted
    for start in range(0, len(few.targets), _TAYLOR_BATCH):
        part = slice(start, start + _TAYLOR_BATCH)
        pixels = network_input(network, few.pixels[part])
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            *activations, answer = shown(pixels, training=False)
            loss = -tf.reduce_sum(wanted[part] * tf.math.log(tf.clip_by_value(answer, _SMALLEST, 1.0)))
        gradients = tape.gradient(loss, activations, unconnected_gradients="zero")
        moved = np.zeros((channels.count, len(pixels)))
        for name, activation, gradient in zip(ends, activations, gradients, strict=True):
            places = tuple(range(1, len(activation.shape) - 1))
            change = tf.reduce_sum(activation * gradient, axis=places).numpy()
            np.add.at(moved, channels.of[name], change.T)
        total += np.abs(moved) @ few.weights[part]
    return np.asarray(total / len(few.targets))


def _ends(network: Any) -> list[str]:
    """Where each convolution's channels are handed on: after its norm, activation and depthwise kernel.

    Setting a channel to zero there, and wherever else it is made, is what removing it does.
    """
    reading, ends = readers(network), []
    single: dict[str, bool] = {}
    for layer in network.layers:
        passed = type(layer) in PASSING and single[sources(layer)[0].name]
        single[layer.name] = type(layer) in MAKING or passed
        handed_on = any(type(reader) not in PASSING for reader in reading[layer.name])
        if single[layer.name] and handed_on:
            ends.append(layer.name)
    return ends


def _summed(channels: Channels, values: dict[str, Any]) -> Importance:
    total = np.zeros(channels.count)
    for name, of_layer in values.items():
        np.add.at(total, channels.of[name], of_layer)
    return total


def _within_groups(values: Importance, channels: Channels) -> Importance:
    """Brought to a mean of 1 in each group: sizes of weights of different layers cannot be compared."""
    for group in channels.groups:
        mean = values[group.units].mean()
        values[group.units] /= mean if mean > 0 else 1.0
    return values


_CRITERIA: dict[Criterion, Callable[[Any, Channels, Examples], Importance]] = {
    "batch_norm_scale": _batch_norm_scale,
    "l1": _l1,
    "taylor": _taylor,
}
