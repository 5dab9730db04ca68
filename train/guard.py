"""Fits the guard: bounds on what a prepared picture looks like, so that few real cells of new people fall outside."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Bound, Guard, InputSpec, Interval
from edge_runtime.guard import excess, is_outside
from edge_runtime.preprocess import PixelArray
from edge_runtime.scoring.bootstrap import DRAWS, group_draws, percentile_interval
from edge_runtime.traits import TRAITS, Traits, measure
from train.errors import TrainError
from train.weights import cell_weights, weighted_quantile

# Share of the cells in each tail that its bound is extrapolated from.
_TAIL = 0.05
# In the units of the traits: the tail of a trait that hardly varies.
_SHORTEST_TAIL = 1e-3
# A group of n cells weighs n ** (1 - power) in the tails, and the same as any other in the share of false alarms.
_TAIL_POWER, _SHARE_POWER = 0.5, 1.0
_UNKNOWN = Interval(0.0, 0.0, 1.0)


def measure_cells(pixels: PixelArray, spec: InputSpec) -> Traits:
    """Measures prepared cells.

    Args:
        pixels: uint8 `[n, size, size, 3]`.
        spec: gives the order of their colours.

    Returns:
        float64 `[n, traits]`.
    """
    return np.array([measure(picture, spec.colour_order) for picture in pixels]).reshape(len(pixels), len(TRAITS))


def fit_guard(traits: Traits, groups: Sequence[str], *, stated: float) -> Guard:
    """Fits bounds that a stated share of the cells of people not fitted on falls outside of.

    Each end of each trait is extrapolated from its tail as if that were exponential: the 95th percentile plus `reach`
    times the mean excess over it (peaks over threshold; Davison and Smith 1990). One reach for all ends is found by
    leaving each subject group out in turn, so that what differs from person to person widens the bounds.

    Args:
        traits: float64 `[n, traits]`, from `measure_cells`.
        groups: the subject group of each cell, two or more.
        stated: share of the cells allowed outside, 0 to 1, each subject group weighing the same.

    Returns:
        The guard, its false alarms unknown.

    Raises:
        TrainError: fewer than two groups, or no cell that can be measured.
    """
    measured = np.isfinite(traits).all(axis=1)
    known, own = traits[measured], np.array(groups)[measured]
    if len(set(own.tolist())) < 2:
        raise TrainError("the guard needs pictures that are not black, of two subject groups or more; check the cells")
    reaches = np.empty(len(known))
    for group in sorted(set(own.tolist())):
        held = own == group
        reaches[held] = _reach(known[held], *_tails(known[~held], own[~held]))
    reach = max(weighted_quantile(reaches, _weights(own, _SHARE_POWER), 1 - stated), 0.0)
    ends, lengths = _tails(known, own)
    (low, high) = ends + reach * np.array([[-1.0], [1.0]]) * lengths
    bounds = (Bound(trait, *map(float, pair)) for trait, *pair in zip(TRAITS, low, high, strict=True))
    return Guard(tuple(bounds), stated, _UNKNOWN)


def _tails(traits: Traits, groups: npt.NDArray[np.str_]) -> tuple[Traits, Traits]:
    """Where the lower and the upper tail of each trait begin, and their mean lengths; both float64 `[2, traits]`."""
    weights = _weights(groups, _TAIL_POWER)
    ends, lengths = np.empty((2, traits.shape[1])), np.empty((2, traits.shape[1]))
    for side, sign in enumerate((-1, 1)):
        for i, values in enumerate(sign * traits.T):
            end = weighted_quantile(values, weights, 1 - _TAIL)
            beyond = values > end
            mean = np.average(values[beyond] - end, weights=weights[beyond]) if beyond.any() else 0.0
            ends[side, i], lengths[side, i] = sign * end, max(float(mean), _SHORTEST_TAIL)
    return ends, lengths


def _reach(traits: Traits, ends: Traits, lengths: Traits) -> npt.NDArray[np.float64]:
    """How many lengths of its tail the trait that lies furthest out is beyond it, float64 `[n]`."""
    return np.asarray(np.maximum((ends[0] - traits) / lengths[0], (traits - ends[1]) / lengths[1]).max(axis=1))


def _weights(groups: npt.NDArray[np.str_], power: float) -> npt.NDArray[np.float64]:
    own = groups.tolist()
    return cell_weights(own, [""] * len(own), subject_power=power, balance_classes=False).astype(np.float64)


def alarms_of(traits: Traits, guard: Guard) -> npt.NDArray[np.bool_]:
    """Whether the guard calls each cell of float64 `[n, traits]` unlike the training cells."""
    return is_outside(excess(traits, guard))


def alarms_out_of_fold(
    traits: Traits, groups: Sequence[str], folds: npt.NDArray[np.int64], *, stated: float
) -> npt.NDArray[np.bool_]:
    """Whether guards fitted outside each fold call its cells unlike, bool `[n]`; arguments are those of `fit_guard`."""
    alarms = np.empty(len(traits), bool)
    for fold in sorted(set(folds.tolist())):
        held = folds == fold
        own = [groups[i] for i in np.flatnonzero(~held).tolist()]
        alarms[held] = alarms_of(traits[held], fit_guard(traits[~held], own, stated=stated))
    return alarms


def false_alarms(
    alarms: npt.NDArray[np.bool_],
    targets: npt.NDArray[np.int64],
    groups: Sequence[str],
    *,
    draws: int = DRAWS,
) -> Interval:
    """The share of real cells called unlike, each subject group weighing the same, with its bootstrap interval.

    Args:
        alarms: bool `[n]`.
        targets: int64 `[n]`; groups are drawn class by class.
        groups: the subject group of each cell.
        draws: bootstrap resamples.
    """
    weights = _weights(np.array(groups), _SHARE_POWER)

    def share(times: npt.NDArray[np.float64]) -> float:
        return float(np.average(alarms, weights=weights * times))

    drawn = [share(times) for times in group_draws(targets, groups, draws=draws)]
    return percentile_interval(share(np.ones(len(alarms))), drawn)
