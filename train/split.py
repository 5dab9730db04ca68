"""Three parts by subject group: train, select, report. A split of cells does not exist here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.errors import TrainError

PARTS = ("train", "select", "report")
# Random assignments tried; the one closest to the wanted shares is taken. Only sizes are looked at, never a score.
CANDIDATES = 5000
# Subject groups per class wanted in each part where a class has enough of them: one person proves nothing.
WANTED_GROUPS = (4, 2, 3)


@dataclass(frozen=True)
class Split:
    """The part of every subject group."""

    part_of: dict[str, str]

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
    cells_of: dict[str, Counter[str]] = {}
    for group, label in zip(groups, labels, strict=True):
        cells_of.setdefault(group, Counter())[label] += 1
    by_label: dict[str, list[str]] = {}
    for group in sorted(cells_of):
        by_label.setdefault(cells_of[group].most_common(1)[0][0], []).append(group)
    part_of: dict[str, str] = {}
    for label in sorted(set(labels)):
        members = by_label.get(label, [])
        if len(members) < len(PARTS):
            raise TrainError(
                f"label {label!r} has {len(members)} subject groups; three or more are needed, "
                "one for each of train, select and report"
            )
        sizes = np.array([cells_of[group].total() for group in members], float)
        parts = _closest_assignment(sizes, np.asarray(shares, float), np.random.default_rng(seed))
        part_of.update({group: PARTS[part] for group, part in zip(members, parts, strict=True)})
    return Split(part_of)


def _closest_assignment(sizes: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Part `[n]` of each group: closest in cells to the wanted shares, with the wanted number of groups."""
    drawn = rng.choice(len(shares), size=(CANDIDATES, len(sizes)), p=shares)
    drawn[0] = np.arange(len(sizes)) % len(shares)  # one candidate always has a group in every part
    in_part = drawn[:, :, None] == np.arange(len(shares))
    cells = (in_part * sizes[:, None]).sum(1) / sizes.sum()
    counts = in_part.sum(1)
    wanted = np.array(WANTED_GROUPS) if len(sizes) >= sum(WANTED_GROUPS) else np.ones(len(shares), int)
    distance = np.abs(cells - shares).sum(1)
    distance[(counts < wanted).any(1)] += len(shares)  # more than any distance in shares
    distance[(counts < 1).any(1)] = np.inf
    return np.asarray(drawn[distance.argmin()])
