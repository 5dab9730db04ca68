"""The multiply-adds of a network, counted as channels go without building it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from compress.channels import Channels, Units
from compress.size import has_kernel, positions
from train.convolutions import sources


@dataclass(frozen=True)
class _Work:
    """One layer: `each` multiply-adds for every pair of a channel read and a channel made."""

    each: int
    into: Units | None
    out: Units

    def of(self, kept: npt.NDArray[np.bool_]) -> int:
        read = 1 if self.into is None else int(np.count_nonzero(kept[self.into]))
        return self.each * read * int(np.count_nonzero(kept[self.out]))


class MultiplyAdds:
    """What is left of a network's multiply-adds when only some units stay."""

    def __init__(self, network: Any, channels: Channels) -> None:
        """Reads the layers of a network and its channels."""
        self._works = [_work(layer, channels) for layer in network.layers if has_kernel(layer)]

    def of(self, kept: npt.NDArray[np.bool_]) -> int:
        """Of one inference, with the units that stay, bool `[units]`."""
        return sum(work.of(kept) for work in self._works)


def _work(layer: Any, channels: Channels) -> _Work:
    (source,) = sources(layer)
    area = int(np.prod(getattr(layer, "kernel_size", 1)))
    reads_one = isinstance(layer, keras.layers.DepthwiseConv2D)
    return _Work(area * positions(layer), None if reads_one else channels.of[source.name], channels.of[layer.name])
