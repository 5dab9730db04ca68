"""Starts a network from one that was trained on ImageNet and whose batch norms are folded into its convolutions."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_runtime.preprocess import PixelArray
from train.config import IMAGENET, NetworkConfig
from train.convolutions import Convolution, convolutions, sources
from train.density import DARKEST
from train.errors import MisfitError
from train.folded import Floats, Folded, fetch_imagenet, read_tflite
from train.network import MEAN_LAYER, as_light, network_input, reads_density

_SMALLEST_VARIANCE = 1e-4
# A channel that hardly varies about a large value is sized by the value, to stay below ReLU6's cap.
_LARGEST_OFFSET = 3.0


def load_pretrained(network: Any, config: NetworkConfig, pixels: PixelArray, *, folder: Path) -> None:
    """Sets all convolutions and norms but the last layer's to those of the network that `config.pretrained` names.

    A folded convolution has no batch norm left. Each norm gets the mean and variance that its convolution shows on the
    given pictures, and the offset that undoes them; its scale goes into the next kernel, as ReLU lets it (Nagel et al.
    2019, arXiv 1906.04721), but for channels that are added to others, which keep the size of those. So the network
    starts as nearly the same function (where ReLU6 caps it differs), every channel is of one size, and no channel is
    lost when one scale quantises them all.

    A stain front keeps its own start. The kernel of the stem, which was trained on light, takes in the linear map from
    stains to light that fits the pixels of cells best: within cells the network starts as nearly the same function; the
    background, black as light, is to it as bright as where no stain is.

    Args:
        network: from `build_network`, of the same convolutions or the first of them; changed in place.
        config: of the network; `pretrained` is not empty.
        pixels: uint8 `[n, size, size, 3]`, of train subjects.
        folder: holds the file.

    Raises:
        TrainError: it cannot be read or fetched.
        MisfitError: its convolutions have other shapes.
    """
    folded = fetch_imagenet(config) if config.pretrained == IMAGENET else read_tflite(folder / config.pretrained)
    ours = convolutions(network)
    front = ours.pop(0) if reads_density(network) else None
    _check_shapes(ours, folded)
    start = {own.layer.name: (own, *weights) for own, weights in zip(ours, folded.convolutions, strict=False)}
    entrance, *layers = network.layers
    shown = {entrance.name: network_input(network, pixels)}
    sizes = {
        entrance.name: np.full(3, folded.scale, np.float32)
    }  # how much larger each channel is in the other network
    unread = Counter(source.name for layer in layers for source in sources(layer))
    for layer in layers[: layers.index(network.get_layer(MEAN_LAYER))]:
        read = [source.name for source in sources(layer)]
        if layer.name in start:
            own, kernel, bias = start[layer.name]
            if own is ours[0]:
                bias = bias + folded.offset * kernel.sum((0, 1, 2))
            kernel = kernel * sizes[read[0]][:, np.newaxis]
            if front is not None and own is ours[0]:
                kernel, bias = _of_stains(kernel, bias, shown[front.end.name], pixels)
            layer.set_weights([kernel])
            shown[layer.name] = layer(shown[read[0]])
            sizes[own.end.name] = _set_norm(own, bias, shown[layer.name], _size_in_sum(own, sizes))
        elif front is not None and layer is front.layer:
            shown[layer.name] = layer(shown[read[0]])
            gamma, beta, *_ = front.norm.get_weights()
            front.norm.set_weights([gamma, beta, *_moments(shown[layer.name])])
            sizes[front.end.name] = sizes[entrance.name]
        elif isinstance(layer, keras.layers.Add):
            shown[layer.name] = layer([shown[name] for name in read])
            sizes[layer.name] = sizes[read[0]]
        else:
            shown[layer.name] = layer(shown[read[0]])
        # At full size the activations of all layers do not fit into memory.
        unread.subtract(read)
        for name in read:
            if not unread[name]:
                shown.pop(name, None)


def _check_shapes(ours: list[Convolution], folded: Folded) -> None:
    shapes = [kernel.shape for kernel, _ in folded.convolutions]
    for i, own in enumerate(ours):
        theirs, wanted = shapes[i] if i < len(shapes) else (), tuple(own.layer.weights[0].shape)
        if theirs != wanted:
            raise MisfitError(
                f"{folded.origin}: convolution {i} is {list(theirs)}, {own.layer.name} is {list(wanted)}; "
                "set stem, channels and strides, or architecture and width, as in that network"
            )


def _of_stains(kernel: Floats, bias: Floats, stains: Any, pixels: PixelArray) -> tuple[Floats, Floats]:
    """The kernel and bias that see in stains `[n, size, size, 3]` what these see in light, in cells."""
    inside = pixels.min(axis=3) >= DARKEST
    seen = np.asarray(stains)[inside]
    affine = np.linalg.lstsq(np.column_stack([seen, np.ones(len(seen))]), as_light(pixels[inside]), rcond=None)[0]
    return np.einsum("hwck,sc->hwsk", kernel, affine[:3]), bias + affine[3] @ kernel.sum((0, 1))


def _set_norm(own: Convolution, bias: Floats, shown: Any, size: Floats | None) -> Floats:
    """Sets the norm to what its convolution shows, and returns the size of its channels."""
    mean, variance = _moments(shown)
    spread, centre = np.sqrt(variance + own.norm.epsilon), bias + mean
    size = np.maximum(spread, np.abs(centre) / _LARGEST_OFFSET) if size is None else size
    own.norm.set_weights([spread / size, centre / size, mean, variance])
    return size


def _moments(shown: Any) -> tuple[Floats, Floats]:
    mean, variance = (np.asarray(value) for value in tf.nn.moments(shown, axes=[0, 1, 2]))
    return mean, np.maximum(variance, _SMALLEST_VARIANCE)


def _size_in_sum(own: Convolution, sizes: dict[str, Floats]) -> Floats | None:
    """The size of the channels that these are added to; None where they are the first of the sum, or in none."""
    sums = [reader for reader in own.readers if isinstance(reader, keras.layers.Add)]
    known = [sizes[source.name] for layer in sums for source in sources(layer) if source.name in sizes]
    return known[0] if known else None
