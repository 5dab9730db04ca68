"""Builds a network again with fewer channels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from compress.channels import Channels, coupled_channels
from compress.errors import CompressError
from train.convolutions import sources

Kept = npt.NDArray[np.bool_]


def narrow(network: Any, keep: Mapping[str, Kept]) -> Any:
    """Builds a network again without some of its channels; the weights of the others are copied.

    It answers as the network would if what comes out of those channels were zero.

    Args:
        network: a functional network, unchanged.
        keep: by name of a group of `coupled_channels`, which of its units stay, bool `[channels]`; a group that is not
            named stays whole.

    Returns:
        A network of the same layers, named as before.

    Raises:
        CompressError: a layer that channels cannot be removed around, or a group that is unknown, of another size or
            left empty.
    """
    channels = coupled_channels(network)
    return narrow_units(network, channels, kept_units(channels, keep))


def kept_units(channels: Channels, keep: Mapping[str, Kept]) -> Kept:
    """Which units stay, bool `[units]`; arguments and errors are those of `narrow`."""
    kept = np.ones(channels.count, np.bool_)
    groups = {group.name: group for group in channels.groups}
    for name, stays in keep.items():
        if name not in groups:
            raise CompressError(f"group {name!r}: not in this network, which has {', '.join(groups) or 'none'}")
        units = groups[name].units
        if stays.shape != units.shape:
            raise CompressError(f"group {name!r}: has {len(units)} channels, not {len(stays)}; say of each if it stays")
        if not stays.any():
            raise CompressError(f"group {name!r}: no channel would be left; keep one at least")
        kept[units] = stays
    return kept


def narrow_units(network: Any, channels: Channels, kept: Kept) -> Any:
    """The same for a network whose channels are known already.

    Args:
        network: a functional network, unchanged.
        channels: of it.
        kept: which units stay, bool `[units]`, at least one of each group.
    """
    stays = {name: kept[units] for name, units in channels.of.items()}

    def thinner(layer: Any) -> Any:
        config, left = layer.get_config(), int(stays[layer.name].sum())
        if isinstance(layer, keras.layers.Conv2D):
            config["filters"] = left
        elif isinstance(layer, keras.layers.Dense):
            config["units"] = left
        elif isinstance(layer, keras.layers.Reshape):
            config["target_shape"] = (*config["target_shape"][:-1], left)
        return type(layer).from_config(config)

    made = keras.models.clone_model(network, clone_function=thinner)
    for layer in network.layers:
        weights = layer.get_weights()
        if weights:
            (source,) = sources(layer)
            parts = _parts(layer, weights, into=stays[source.name], out=stays[layer.name])
            made.get_layer(layer.name).set_weights(parts)
    return made


def _parts(layer: Any, weights: list[Any], *, into: Kept, out: Kept) -> list[Any]:
    """The weights of the channels that stay."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [weight[out] for weight in weights]
    kernel, *bias = weights
    kernel = np.compress(into, kernel, axis=-2)
    if not isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = np.compress(out, kernel, axis=-1)
    return [kernel, *(own[out] for own in bias)]
