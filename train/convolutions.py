"""The convolutions of a network in the order of its graph: each with its norm, and who reads what comes out."""

from dataclasses import dataclass
from typing import Any

import tf_keras as keras

KINDS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


@dataclass(frozen=True)
class Convolution:
    """A convolution with its norm.

    Attributes:
        layer: the `Conv2D` or `DepthwiseConv2D`.
        norm: its batch norm.
        end: the ReLU after the norm; the norm itself where there is none.
        readers: the layers that read `end`.
    """

    layer: Any
    norm: Any
    end: Any
    readers: tuple[Any, ...]


def sources(layer: Any) -> list[Any]:
    """The layers that a layer reads."""
    inbound = layer.inbound_nodes[0].inbound_layers
    return list(inbound) if isinstance(inbound, list) else [inbound]


def readers(network: Any) -> dict[str, tuple[Any, ...]]:
    """The layers that read each layer, by its name."""
    found: dict[str, tuple[Any, ...]] = {layer.name: () for layer in network.layers}
    for layer in network.layers:
        for source in sources(layer):
            found[source.name] += (layer,)
    return found


def convolutions(network: Any) -> list[Convolution]:
    """All convolutions that have a norm: all but the last of `build_network`."""
    reading, found = readers(network), []
    for layer in network.layers:
        norm = _only(reading[layer.name], keras.layers.BatchNormalization)
        if isinstance(layer, KINDS) and norm is not None:
            end = _only(reading[norm.name], keras.layers.ReLU) or norm
            found.append(Convolution(layer, norm, end, reading[end.name]))
    return found


def _only(layers: tuple[Any, ...], kind: type) -> Any:
    """The layer, if it is one and of that kind."""
    return layers[0] if len(layers) == 1 and isinstance(layers[0], kind) else None
