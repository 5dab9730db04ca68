"""Grad-CAM: where in a picture the network found what spoke for a label."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from edge_runtime.preprocess import PixelArray
from train.loop import PREDICT_BATCH
from train.network import LOGITS_LAYER, MEAN_LAYER, network_input


def gradcam(network: Any, pixels: PixelArray, label: int) -> npt.NDArray[np.float32]:
    """Maps the evidence for a label (Grad-CAM: Selvaraju et al. 2017, arXiv 1610.02391).

    The channels before the mean are added, each weighted with the mean gradient of the label's logit less that of the
    mean of the others (softmax sees differences only), and what is below 0 is dropped. The map is as coarse as
    those channels (a few pixels a side), so it says which part of a cell, not which granule.

    Args:
        network: a `keras.Model` as `build_network` makes it.
        pixels: uint8 `[n, size, size, 3]`.
        label: index of the label.

    Returns:
        float32 `[n, size, size]` in 0..1, the largest value of each map 1; all 0 where nothing speaks for the label.

    Raises:
        ValueError: no such label, or a network without the layers of `build_network`.
    """
    labels = network.output_shape[-1]
    if not 0 <= label < labels:
        raise ValueError(f"label is {label}, the network has {labels}")
    features = network.get_layer(MEAN_LAYER).input
    body = keras.Model(network.input, features)
    head = keras.Model(features, network.get_layer(LOGITS_LAYER).output)
    side = pixels.shape[1]
    maps = np.zeros((len(pixels), side, side), np.float32)
    for start in range(0, len(pixels), PREDICT_BATCH):
        seen = body(network_input(network, pixels[start : start + PREDICT_BATCH]), training=False)
        for i, values in enumerate(_coarse(head, seen, label), start):
            large = np.maximum(cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR), 0)
            maps[i] = large / (large.max() or 1)
    return maps


def _coarse(head: Any, features: Any, label: int) -> npt.NDArray[np.float32]:
    """The maps before they are enlarged, float32 `[n, h, w]`, 0 or more."""
    with tf.GradientTape() as tape:
        tape.watch(features)
        logits = tf.reshape(head(features, training=False), [len(features), -1])
        others = (tf.reduce_sum(logits, axis=1) - logits[:, label]) / (logits.shape[1] - 1)
        evidence = tf.reduce_sum(logits[:, label] - others)
    weights = tf.reduce_mean(tape.gradient(evidence, features), axis=[1, 2], keepdims=True)
    return np.asarray(tf.nn.relu(tf.reduce_sum(weights * features, axis=3)).numpy(), np.float32)
