"""The order in which channels go: first those that matter least for the multiply-adds they cost."""

from typing import Any

import numpy as np

from compress.channels import Channels, Group, Units
from compress.importance import Importance
from compress.multiply_adds import MultiplyAdds
from compress.narrow import Kept


def removals(network: Any, channels: Channels, values: Importance, *, round_to: int) -> list[Kept]:
    """All networks on the way from the whole one to the narrowest, each without one block of channels more.

    A block is what brings a group's width to the next lower multiple of `round_to`: kernels take so many channels at a
    time, and between two multiples nothing is won. The block whose importance is least for each multiply-add goes
    (after the latency-aware grouping of Shen et al. 2022, arXiv 2110.10811).

    Args:
        network: a functional network.
        channels: of it.
        values: of every unit, `[units]`.
        round_to: in channels; groups no wider than it stay whole.

    Returns:
        Which units stay, bool `[units]`, the whole network first.
    """
    work, kept = MultiplyAdds(network, channels), np.ones(channels.count, np.bool_)
    order = [kept.copy()]
    left = {group.name: by_importance(group, values) for group in channels.groups}
    while True:
        blocks = {name: units[: _block(len(units), round_to)] for name, units in left.items()}
        prices = {name: _price(units, kept, work, values) for name, units in blocks.items() if len(units)}
        if not prices:
            return order
        cheapest = min(prices, key=lambda name: prices[name])
        kept[blocks[cheapest]] = False
        left[cheapest] = left[cheapest][len(blocks[cheapest]) :]
        order.append(kept.copy())


def by_importance(group: Group, values: Importance) -> Units:
    """The units of a group, those that matter least first."""
    return group.units[np.argsort(values[group.units], kind="stable")]


def _block(width: int, round_to: int) -> int:
    """How many channels go next; 0 where none can."""
    narrower = (width - 1) // round_to * round_to
    return width - narrower if narrower else 0


def _price(units: Units, kept: Kept, work: MultiplyAdds, values: Importance) -> float:
    without = kept.copy()
    without[units] = False
    return float(values[units].sum() / (work.of(kept) - work.of(without)))
