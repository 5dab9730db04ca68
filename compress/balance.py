"""Brings the channels between two convolutions to one size, so that one int8 scale fits them all."""

import itertools
from typing import Any

import numpy as np
import tf_keras as keras

from compress.finetune import clone
from edge_runtime.preprocess import PixelArray
from train.network import network_input

# Channels that never reach this are raised to it: half of ReLU6's cap, so that other pictures do not run into the cap.
_TARGET = 3.0
# A channel that stays below this on every cell says nothing; the weights that read it shrink to nothing.
_DEAD = 1e-3
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def balance_channels(network: Any, pixels: PixelArray) -> Any:
    """Enlarges small channels and shrinks the weights that read them; the answers stay the same.

    ReLU lets a factor pass (Nagel et al. 2019, arXiv 1906.04721). It matters for depthwise kernels: they are quantised
    with one scale for all channels, and a channel that is hardly ever on gets huge weights in training.

    Args:
        network: from `train.network`, unchanged.
        pixels: uint8 `[n, size, size, 3]`, of train subjects.

    Returns:
        A copy that computes the same up to rounding.
    """
    balanced = clone(network)
    convolutions = [layer for layer in balanced.layers if isinstance(layer, _CONVOLUTIONS)]
    inputs = network_input(pixels)
    for layer, reader in itertools.pairwise(convolutions):
        shown = keras.Model(balanced.input, balanced.get_layer(f"{layer.name}_relu").output)(inputs, training=False)
        largest = np.asarray(shown).max(axis=(0, 1, 2))
        factor = np.maximum(_TARGET / np.maximum(largest, _DEAD), 1)
        norm = balanced.get_layer(f"{layer.name}_norm")
        gamma, beta, mean, variance = norm.get_weights()
        raised = np.where(largest > _DEAD, factor, 1)  # nothing is raised from nothing; its reader still shrinks
        norm.set_weights([gamma * raised, beta * raised, mean, variance])
        kernel, *bias = reader.get_weights()
        reader.set_weights([kernel / factor[:, np.newaxis], *bias])
    return balanced
