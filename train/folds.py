"""Folds by subject group: every group is reported on once, by what was fitted and chosen on the others."""

from collections.abc import Mapping, Sequence

import numpy as np

from train.errors import TrainError
from train.split import CANDIDATES, Split, assign_parts, closest_assignment, sizes_by_label

# Outside a fold a class needs a group to train on and another to select on.
_OUTSIDE = 2


def fold_splits(
    groups: Sequence[str], labels: Sequence[str], *, folds: int, select_share: float, seed: int
) -> list[Split]:
    """Spreads whole subject groups over folds, class by class, and splits what is outside each fold in two.

    Each fold holds about the same share of the cells of each class and as equal a number of its groups as can be.
    Only sizes are looked at.

    Args:
        groups: the group of each cell.
        labels: the label of each cell; a group with several labels counts for its most frequent one.
        folds: how many, 2 or more.
        select_share: wanted share of the cells outside the fold in the select part, between 0 and 1; the train part
            has the rest.
        seed: of the candidates drawn.

    Returns:
        One split a fold: report is the fold; train and select are nested in the others, so that nothing about the
        fold chooses weights, epoch, calibration or band.

    Raises:
        TrainError: fewer than two folds, or a class with too few groups.
    """
    if folds < 2:
        raise TrainError(f"{folds} folds: give two or more")
    by_label = sizes_by_label(groups, labels)
    needed = next(n for n in range(folds, folds + _OUTSIDE + 1) if n - _largest(n, folds) >= _OUTSIDE)
    for label, sizes in by_label.items():
        if len(sizes) < needed:
            raise TrainError(
                f"label {label!r} has {len(sizes)} subject groups; {needed} or more are needed for {folds} folds, "
                f"one in each and {_OUTSIDE} outside it, for train and select"
            )
    fold_of: dict[str, int] = {}
    for sizes in by_label.values():
        fold_of.update(_spread(sizes, folds, seed, first=len(fold_of)))
    splits = []
    for fold in range(folds):
        part_of = {}
        for sizes in by_label.values():
            outside = {group: size for group, size in sizes.items() if fold_of[group] != fold}
            nested = assign_parts(outside, {"train": 1 - select_share, "select": select_share}, seed)
            part_of.update({group: nested.get(group, "report") for group in sizes})
        splits.append(Split(part_of))
    return splits


def _largest(groups: int, folds: int) -> int:
    """Groups in the fold that has the most."""
    return -(-groups // folds)


def _spread(sizes: Mapping[str, int], folds: int, seed: int, first: int) -> dict[str, int]:
    """The fold of each group of one class: as equal in groups as can be, and of those the closest in cells.

    Args:
        sizes: cells of each group.
        folds: how many.
        seed: of the candidates drawn.
        first: where the round of the folds begins; each class goes on where the last ended, so that odd groups are
            not all in the first folds.
    """
    even = np.tile((first + np.arange(len(sizes))) % folds, (CANDIDATES, 1))
    drawn = np.random.default_rng(seed).permuted(even, axis=1)
    found = closest_assignment(drawn, list(sizes.values()), np.full(folds, 1 / folds), np.ones(folds, int))
    return {group: int(fold) for group, fold in zip(sizes, found, strict=True)}
