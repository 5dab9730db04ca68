"""Brings the channels between two convolutions to one size, so that one int8 scale fits them all."""

from typing import Any

import numpy as np
import tf_keras as keras

from compress.finetune import clone
from edge_runtime.preprocess import PixelArray
from train.convolutions import KINDS, Convolution, convolutions, readers
from train.loop import PREDICT_BATCH
from train.network import MEAN_LAYER, network_input

# Channels that never reach this are raised to it: half of ReLU6's cap, so that other pictures do not run into the cap.
_TARGET = 3.0
# A channel that stays below this on every cell says nothing; the weights that read it shrink to nothing.
_DEAD = 1e-3


def balance_channels(network: Any, pixels: PixelArray) -> Any:
    """Enlarges small channels and shrinks the weights that read them; the answers stay the same.

    ReLU, and no ReLU, let a factor pass (Nagel et al. 2019, arXiv 1906.04721). It matters for depthwise kernels: they
    are quantised with one scale for all channels, and a channel that is hardly ever on gets huge weights in training.
    What is read by several layers, or added to something, is left as it is: there a factor would have to be the same in
    all.

    Args:
        network: from `train.network`, unchanged.
        pixels: uint8 `[n, size, size, 3]`, of train subjects.

    Returns:
        A copy that computes the same up to rounding.
    """
    balanced = clone(network)
    pairs = _pairs(balanced)
    for (convolution, reader), largest in zip(pairs, _largest(balanced, pairs, pixels), strict=True):
        factor = np.maximum(_TARGET / np.maximum(largest, _DEAD), 1)
        gamma, beta, mean, variance = convolution.norm.get_weights()
        raised = np.where(largest > _DEAD, factor, 1)  # nothing is raised from nothing; its reader still shrinks
        convolution.norm.set_weights([gamma * raised, beta * raised, mean, variance])
        kernel, *bias = reader.get_weights()
        reader.set_weights([kernel / factor[:, np.newaxis], *bias])
    return balanced


def _pairs(network: Any) -> list[tuple[Convolution, Any]]:
    """Each convolution that a single other one reads, directly or through the mean, and that other one."""
    reading, pairs = readers(network), []
    for convolution in convolutions(network):
        readers_ = convolution.readers
        if [reader.name for reader in readers_] == [MEAN_LAYER]:
            readers_ = reading[MEAN_LAYER]
        if len(readers_) == 1 and isinstance(readers_[0], KINDS):
            pairs.append((convolution, readers_[0]))
    return pairs


def _largest(network: Any, pairs: list[tuple[Convolution, Any]], pixels: PixelArray) -> list[Any]:
    """The largest magnitude of each channel between each pair, float32 `[channels]`."""
    ends = keras.Model(network.input, [convolution.end.output for convolution, _ in pairs])
    batches = [
        [np.abs(shown).max(axis=(0, 1, 2)) for shown in ends(network_input(network, part), training=False)]
        for part in np.array_split(pixels, -(-len(pixels) // PREDICT_BATCH))
    ]
    return [np.max(of_pair, axis=0) for of_pair in zip(*batches, strict=True)]
