"""The bootstrap over subject groups: draws of whole groups, and the interval they give."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Interval
from edge_runtime.errors import ScoreError

DRAWS = 1000
_PERCENTILES = (2.5, 97.5)
_DEFINED_SHARE = 0.5  # of the draws; an interval of fewer would speak of the lucky draws only


def group_draws(
    targets: npt.NDArray[np.int64], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0
) -> Iterator[npt.NDArray[np.float64]]:
    """How often each cell is drawn, when subject groups are drawn with replacement, as many of each class as there are.

    Cells of one person are not independent, so a person is drawn with all cells or not at all. The class of a group is
    that of most of its cells.

    Args:
        targets: int64 `[n]`.
        groups: the subject group of each cell.
        draws: how many resamples.
        seed: of the resampling.

    Yields:
        float64 `[n]`, whole numbers from 0.
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    class_of = [Counter(targets[index == i].tolist()).most_common(1)[0][0] for i in range(len(names))]
    members_of = [[i for i, own in enumerate(class_of) if own == label] for label in sorted(set(class_of))]
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        times = np.zeros(len(names))
        for members in members_of:
            np.add.at(times, rng.choice(members, len(members)), 1)
        yield times[index]


def percentile_interval(value: float, drawn: Sequence[float]) -> Interval:
    """The 95 % percentile interval (Efron 1979).

    Args:
        value: the score on all cells.
        drawn: the score on each draw; NaN where it is undefined, which is left out.

    Returns:
        The value between the percentiles; 0 and 1 where nothing was drawn.

    Raises:
        ScoreError: undefined on most draws.
    """
    values = np.asarray(drawn, np.float64)
    if not len(values):
        return Interval(value, 0.0, 1.0)
    defined = values[np.isfinite(values)]
    if len(defined) < _DEFINED_SHARE * len(values):
        raise ScoreError(
            f"{len(values) - len(defined)} of {len(values)} bootstrap draws lack a label; "
            "judge on more subjects of each label"
        )
    low, high = np.percentile(defined, _PERCENTILES)
    return Interval(value, float(low), float(high))
