"""Which cells are taken: those of an epoch, in their order, or some that stand for all."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def epoch_order(count: int, groups: Sequence[str], cells_per_group: int, seed: int) -> npt.NDArray[np.int64]:
    """Draws the cells of one epoch.

    Args:
        count: cells there are.
        groups: the subject group of each; not looked at when all cells are taken.
        cells_per_group: at most so many of each group, every cell of it as likely; 0 takes all.
        seed: of the draw.

    Returns:
        int64, positions in random order, none twice; as many for every seed.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    if not cells_per_group:
        return order
    drawn, taken = [], Counter[str]()
    for i in order.tolist():
        if taken[groups[i]] < cells_per_group:
            taken[groups[i]] += 1
            drawn.append(i)
    # Large groups were full early; without another shuffle only small ones would come late.
    return rng.permutation(np.array(drawn, np.int64))


def spread_evenly(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Positions of so many of `count` cells, or of all where there are fewer, from the first to the last, int64."""
    return np.linspace(0, count - 1, min(wanted, count)).astype(np.int64)
