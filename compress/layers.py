"""Layers that tfmot cannot handle, and what to write instead."""

from typing import Any

from compress.errors import CompressError

_INSTEAD = {
    "BatchNormalization": "write convolution, BatchNormalization and ReLU as three layers, without activation=",
    "Multiply": "leave the scaling of channels out, or use Add",
    "Rescaling": "scale the pixels before the network, as train.network does",
    "Normalization": "scale the pixels before the network, as train.network does",
    "Lambda": "write it with layers of Keras",
}
_ELSE = "use the kinds of layers that are in train/architectures"


def refused_layer(network: Any, error: Exception, *, stage: str) -> CompressError:
    """One line for what tfmot raised at a layer: it tells the class, seldom the name, never what to do.

    Args:
        network: of plain layers.
        error: what was raised.
        stage: what was to be done, such as `quantise`.
    """
    text = str(error)
    blamed = [layer for layer in network.layers if str(type(layer)) in text]
    named = [layer for layer in blamed if f"{layer.name}:" in text] or blamed
    if not named:
        first_line = text.strip().partition("\n")[0]
        return CompressError(f"tfmot cannot {stage} the network ({first_line}); {_ELSE}")
    kind = type(named[0]).__name__
    return CompressError(f"tfmot cannot {stage} layer {named[0].name!r} ({kind}): {_INSTEAD.get(kind, _ELSE)}")
