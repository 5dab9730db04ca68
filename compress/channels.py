"""Which channels of a network belong together: what several layers share one for one can only be removed as one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from compress.errors import CompressError
from train.architectures.stain_front import STAIN_LAYER
from train.convolutions import sources

Units = npt.NDArray[np.int64]

_LAYERS = keras.layers
# These make channels of their own; all their inputs are read by all their outputs.
MAKING = (_LAYERS.Conv2D, _LAYERS.Dense)
# What comes out of these has the channels that went in; weights they have belong to one channel each.
PASSING = (
    _LAYERS.Activation,
    _LAYERS.AveragePooling2D,
    _LAYERS.BatchNormalization,
    _LAYERS.DepthwiseConv2D,
    _LAYERS.Dropout,
    _LAYERS.Flatten,
    _LAYERS.GlobalAveragePooling2D,
    _LAYERS.GlobalMaxPooling2D,
    _LAYERS.LeakyReLU,
    _LAYERS.MaxPooling2D,
    _LAYERS.ReLU,
    _LAYERS.Reshape,
    _LAYERS.Softmax,
    _LAYERS.SpatialDropout2D,
    _LAYERS.UpSampling2D,
    _LAYERS.ZeroPadding2D,
)
# Channel i of what comes out is made of channel i of everything that goes in.
_MERGING = (_LAYERS.Add, _LAYERS.Average, _LAYERS.Maximum, _LAYERS.Minimum, _LAYERS.Multiply, _LAYERS.Subtract)
_LAST = -1

_BEFORE = "a plain network: remove channels before zeros and int8 training"
_INSTEAD = {
    "Conv2DTranspose": "UpSampling2D and Conv2D",
    "Functional": "its layers one by one",
    "GroupNormalization": "BatchNormalization",
    "LayerNormalization": "BatchNormalization",
    "PReLU": "ReLU",
    "PruneLowMagnitude": _BEFORE,
    "QuantizeLayer": _BEFORE,
    "QuantizeWrapperV2": _BEFORE,
    "SeparableConv2D": "DepthwiseConv2D and Conv2D as two layers",
    "Sequential": "its layers one by one",
}
_ANY_OTHER = "Conv2D, Dense, DepthwiseConv2D, BatchNormalization, ReLU, Add or Concatenate"


@dataclass(frozen=True)
class Group:
    """Units that are made by the same layers.

    Attributes:
        name: of these layers, joined by `+`.
        layers: the convolutions and dense layers that make them; several where their outputs are added up.
        units: int64 `[channels]`, in the order of the first layer's channels.
    """

    name: str
    layers: tuple[str, ...]
    units: Units


@dataclass(frozen=True)
class Channels:
    """The units of a network: each is all the channels, of whatever layers, that go together.

    Attributes:
        count: how many units there are.
        of: by name of a layer, the unit of each channel that comes out, int64 `[channels]`.
        groups: of the units that can be removed. Those of the input, of what the network answers and of the stain
            front, whose three channels are stains, are in none.
    """

    count: int
    of: dict[str, Units]
    groups: tuple[Group, ...]


def coupled_channels(network: Any) -> Channels:
    """Finds the units of a functional network, through whatever it splits, adds up and concatenates.

    Raises:
        CompressError: not a functional network, or a layer that is not known; the message names it and what to write
            instead.
    """
    if isinstance(network, keras.Sequential) or not getattr(network, "_is_graph_network", False):
        raise CompressError(f"network {network.name!r}: its channels cannot be followed; build it as keras.Model(x, y)")
    found = _Finder()
    of: dict[str, Units] = {}
    for layer in network.layers:
        of[layer.name] = found.out_of(layer, [of[source.name] for source in sources(layer)])
    for name in network.output_names:
        found.fix(of[name])
    return found.channels(of, [layer.name for layer in network.layers if type(layer) in MAKING])


def refusal(layer: Any, instead: str) -> CompressError:
    """The error for a layer that channels cannot be removed around."""
    return CompressError(
        f"layer {layer.name!r} ({type(layer).__name__}): channels cannot be removed around it; write {instead}"
    )


class _Finder:
    """Joins channels into units, layer by layer (a disjoint-set forest)."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._fixed: list[int] = []
        self._rules: dict[type, Callable[[Any, list[Units]], Units]] = {
            _LAYERS.InputLayer: self._input,
            _LAYERS.Concatenate: self._concatenate,
            **dict.fromkeys(MAKING, self._make),
            **dict.fromkeys(PASSING, self._pass),
            **dict.fromkeys(_MERGING, self._merge),
        }

    def out_of(self, layer: Any, read: list[Units]) -> Units:
        """The units of what comes out of a layer that reads these."""
        rule = self._rules.get(type(layer))
        if rule is None:
            raise refusal(layer, _INSTEAD.get(type(layer).__name__, _ANY_OTHER))
        if len(layer.inbound_nodes) != 1:
            raise refusal(layer, "a layer of its own for each place where it is used")
        if getattr(layer, "data_format", None) == "channels_first":
            raise refusal(layer, "data_format='channels_last'")
        return rule(layer, read)

    def fix(self, units: Units) -> None:
        """Takes units out of what can be removed."""
        self._fixed.extend(units.tolist())

    def channels(self, of: dict[str, Units], making: list[str]) -> Channels:
        """The units, numbered anew, in groups."""
        roots = np.array([self._root(unit) for unit in range(len(self._parents))], np.int64)
        kept, numbers = np.unique(roots, return_inverse=True)
        of = {name: numbers[units] for name, units in of.items()}
        makers: dict[int, tuple[str, ...]] = {}
        for name in making:
            for unit in dict.fromkeys(of[name].tolist()):
                makers[unit] = (*makers.get(unit, ()), name)
        fixed = set(numbers[self._fixed].tolist())
        grouped: dict[tuple[str, ...], list[int]] = {}
        for unit, names in makers.items():
            if unit not in fixed:
                grouped.setdefault(names, []).append(unit)
        groups = (Group("+".join(names), names, np.array(units, np.int64)) for names, units in grouped.items())
        return Channels(len(kept), of, tuple(groups))

    def _root(self, unit: int) -> int:
        while self._parents[unit] != unit:
            self._parents[unit] = self._parents[self._parents[unit]]
            unit = self._parents[unit]
        return unit

    def _new(self, count: int) -> Units:
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count)

    def _input(self, layer: Any, read: list[Units]) -> Units:
        units = self._new(layer.output_shape[0][_LAST])
        self.fix(units)
        return units

    def _make(self, layer: Any, read: list[Units]) -> Units:
        if getattr(layer, "groups", 1) != 1:
            raise refusal(layer, "DepthwiseConv2D, or Conv2D with groups=1")
        units = self._new(layer.output_shape[_LAST])
        if layer.name == STAIN_LAYER or _mixes(layer):
            self.fix(units)
        return units

    def _pass(self, layer: Any, read: list[Units]) -> Units:
        (units,) = read
        if isinstance(layer, _LAYERS.DepthwiseConv2D):
            return np.repeat(units, layer.depth_multiplier)
        if isinstance(layer, _LAYERS.BatchNormalization) and list(layer.axis) != [len(layer.output_shape) - 1]:
            raise refusal(layer, "BatchNormalization over the last axis")
        if isinstance(layer, _LAYERS.Softmax) or _mixes(layer):
            self.fix(units)
        channels = layer.output_shape[_LAST]
        if channels == len(units):
            return units
        if len(layer.output_shape) == 2:  # flattened: the channels come again at every position
            return np.tile(units, channels // len(units))
        raise refusal(layer, "Flatten, or GlobalAveragePooling2D")

    def _merge(self, layer: Any, read: list[Units]) -> Units:
        first, *others = read
        for units in others:
            if len(units) != len(first):
                raise refusal(layer, "inputs of as many channels each")
            for one, other in zip(first, units, strict=True):
                self._parents[self._root(one)] = self._root(other)
        return first

    def _concatenate(self, layer: Any, read: list[Units]) -> Units:
        if layer.axis not in (_LAST, len(layer.output_shape) - 1):
            raise refusal(layer, "Concatenate over the last axis")
        return np.concatenate(read)


def _mixes(layer: Any) -> bool:
    """Whether an activation reads all channels at once, so that none can go."""
    return getattr(layer, "activation", None) is keras.activations.softmax
