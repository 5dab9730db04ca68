"""Three parts by subject group: train, select, report. A split of cells does not exist here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.errors import TrainError

PARTS = ("train", "select", "report")
# What may be learnt from where nothing is selected.
LEARNT = ("train", "select")
# Random assignments tried; the one closest to the wanted shares is taken. Only sizes are looked at, never a score.
CANDIDATES = 5000
# Subject groups per class wanted in each part where a class has enough of them: one person proves nothing.
WANTED_GROUPS = {"train": 4, "select": 2, "report": 3}


@dataclass(frozen=True)
class Split:
    """The part of every subject group."""

    part_of: dict[str, str]

    @property
    def is_everyone(self) -> bool:
        """Whether all are learnt from, and nobody is left to report on."""
        return set(self.part_of.values()) == {"train"}

    def indices(self, groups: Sequence[str], part: str) -> list[int]:
        """Positions of the cells of one part."""
        return [i for i, group in enumerate(groups) if self.part_of[group] == part]


def split_groups(groups: Sequence[str], labels: Sequence[str], shares: Sequence[float], seed: int) -> Split:
    """Assigns whole subject groups to the three parts, class by class.

    Args:
        groups: the group of each cell.
        labels: the label of each cell; a group with several labels counts for its most frequent one.
        shares: wanted share of cells in train, select and report; sums to 1.
        seed: of the candidates drawn.

    Returns:
        The candidate whose cells per class and part are closest to `shares`.

    Raises:
        TrainError: a class with fewer than three groups.
    """
    part_of: dict[str, str] = {}
    for label, sizes in sizes_by_label(groups, labels).items():
        if len(sizes) < len(PARTS):
            raise TrainError(
                f"label {label!r} has {len(sizes)} subject groups; three or more are needed, "
                "one for each of train, select and report"
            )
        part_of.update(assign_parts(sizes, dict(zip(PARTS, shares, strict=True)), seed))
    return Split(part_of)


def learn_from_everyone(groups: Sequence[str]) -> Split:
    """Every subject group in the train part: nothing is selected, and cross-validation judges the recipe instead."""
    return Split(dict.fromkeys(groups, "train"))


def sizes_by_label(groups: Sequence[str], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Cells of each group, under the label that most of them have; sorted, so that the order of cells is nothing.

    Args:
        groups: the group of each cell.
        labels: the label of each cell.

    Returns:
        Every label, also one that no group counts for, with its groups.
    """
    cells_of: dict[str, Counter[str]] = {}
    for group, label in zip(groups, labels, strict=True):
        cells_of.setdefault(group, Counter())[label] += 1
    sizes: dict[str, dict[str, int]] = {label: {} for label in sorted(set(labels))}
    for group, counts in sorted(cells_of.items()):
        most = max(sorted(counts), key=lambda label: counts[label])
        sizes[most][group] = counts.total()
    return sizes


def assign_parts(sizes: Mapping[str, int], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """The part of each group of one class: closest in cells to the wanted shares, with the wanted number of groups.

    Args:
        sizes: cells of each group; as many groups as parts, or more.
        shares: wanted share of the cells in each part, of `PARTS`; sums to 1.
        seed: of the candidates drawn.
    """
    parts = list(shares)
    wanted = np.array([WANTED_GROUPS[part] for part in parts])
    if len(sizes) < wanted.sum():
        wanted = np.ones(len(parts), int)
    probabilities = np.array(list(shares.values()))
    drawn = np.random.default_rng(seed).choice(len(parts), size=(CANDIDATES, len(sizes)), p=probabilities)
    drawn[0] = np.arange(len(sizes)) % len(parts)  # one candidate always has a group in every part
    found = closest_assignment(drawn, list(sizes.values()), probabilities, wanted)
    return {group: parts[part] for group, part in zip(sizes, found, strict=True)}


def closest_assignment(
    drawn: npt.NDArray[np.int64], sizes: Sequence[int], shares: npt.NDArray[np.float64], wanted: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The candidate that is closest in cells to the wanted shares and has the wanted number of groups.

    Args:
        drawn: the part of each group, int64 `[candidates, groups]`.
        sizes: cells of each group, `[groups]`.
        shares: wanted share of the cells in each part, `[parts]`.
        wanted: groups that each part is to have, `[parts]`; fewer only where no candidate has them, never none.

    Returns:
        One row of `drawn`.
    """
    cells_of, cells = np.array(sizes, float), np.empty((len(drawn), len(shares)))
    counts = np.empty(cells.shape, int)
    for part in range(len(shares)):
        in_part = drawn == part
        cells[:, part], counts[:, part] = in_part @ cells_of / cells_of.sum(), in_part.sum(1)
    distance = np.abs(cells - shares).sum(1)
    distance[(counts < wanted).any(1)] += len(shares)  # more than any distance in shares
    distance[(counts < 1).any(1)] = np.inf
    return np.asarray(drawn[distance.argmin()])
