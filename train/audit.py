"""Looks a data set over before anyone trusts a number from it."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from edge_runtime.errors import PictureError
from edge_runtime.findings.names import natural_key
from train.dataset import Cell, Dataset, load_picture, several_labels
from train.groups import join
from train.texture import same_cells, texture

_SHOWN = 5


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        dataset: what was looked at.
        unreadable: one line a picture.
        identical: pairs of subjects that hold the same pixels, with how many pairs of cells.
        similar: the same for cells that are one cell cut out twice, the identical ones included.
        two_labels: subjects with cells of several labels.
        groups: the subject groups that follow, for every subject that is not alone.
    """

    dataset: Dataset
    unreadable: tuple[str, ...]
    identical: dict[tuple[str, str], int]
    similar: dict[tuple[str, str], int]
    two_labels: tuple[str, ...]
    groups: dict[str, str]


def audit_dataset(dataset: Dataset) -> Audit:
    """Reads every picture of a data set and compares all cells of different subjects."""
    with ThreadPoolExecutor() as pool:
        looked = list(pool.map(_look, dataset.cells))
    readable = [(cell, found) for cell, found in zip(dataset.cells, looked, strict=True) if not isinstance(found, str)]
    subjects = [cell.subject for cell, _ in readable]
    alike = same_cells(np.array([found[1] for _, found in readable])) if readable else []
    # Small cells have no texture to tell them by.
    pairs = {*alike, *_same_pixels([found[0] for _, found in readable])}
    identical: Counter[tuple[str, str]] = Counter()
    similar: Counter[tuple[str, str]] = Counter()
    for i, j in pairs:
        if subjects[i] == subjects[j]:
            continue
        first, second = sorted((subjects[i], subjects[j]), key=natural_key)
        similar[first, second] += 1
        identical[first, second] += readable[i][1][0] == readable[j][1][0]
    return Audit(
        dataset=dataset,
        unreadable=tuple(found for found in looked if isinstance(found, str)),
        identical={pair: count for pair, count in identical.items() if count},
        similar=dict(similar),
        two_labels=tuple(sorted(several_labels(dataset.cells), key=natural_key)),
        groups=join((cell.subject for cell in dataset.cells), similar),
    )


def _same_pixels(digests: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """All pairs of positions with the same digest, the smaller position first; what is empty is like nothing."""
    places: dict[bytes, list[int]] = {}
    for i, digest in enumerate(digests):
        if digest:
            places.setdefault(digest, []).append(i)
    for same in places.values():
        yield from itertools.combinations(same, 2)


def _look(cell: Cell) -> str | tuple[bytes, np.ndarray]:
    """Digest of the pixels, empty where all are black, and texture; or what is wrong."""
    try:
        picture = load_picture(cell)
    except PictureError as error:
        return str(error)
    return hashlib.sha256(picture.tobytes()).digest() if picture.any() else b"", texture(picture)


def describe(audit: Audit) -> str:
    """Several lines of text for a person."""
    cells = audit.dataset.cells
    lines = [f"{len(cells)} cells of {len({cell.subject for cell in cells})} subjects in {audit.dataset.root}"]
    for label in audit.dataset.labels:
        of_label = [cell.subject for cell in cells if cell.label == label]
        counts = Counter(of_label)
        most, number = counts.most_common(1)[0] if counts else ("none", 0)
        lines.append(f"  {label}: {len(of_label)} cells of {len(counts)} subjects, at most {number} (subject {most})")
    lines += _some("names that do not parse (left out)", list(map(str, audit.dataset.misnamed)))
    lines += _some("unreadable pictures", list(audit.unreadable))
    lines += _some("subjects with several labels", list(audit.two_labels))
    lines += _pairs("byte-identical cells across subjects", audit.identical)
    lines += _pairs("identical or near-identical cells across subjects", audit.similar)
    groups = sorted(set(audit.groups.values()), key=natural_key)
    lines += _some("subject groups that must stay on one side", groups, shown=len(groups))
    return "\n".join(lines)


def _some(what: str, items: list[str], shown: int = _SHOWN) -> list[str]:
    more = [f"  ... and {len(items) - shown} more"] if len(items) > shown else []
    return [f"{what}: {len(items) or 'none'}", *(f"  {item}" for item in items[:shown]), *more]


def _pairs(what: str, pairs: dict[tuple[str, str], int]) -> list[str]:
    ordered = sorted(pairs.items(), key=lambda item: -item[1])
    return [f"{what}: {sum(pairs.values()) or 'none'}", *(f"  {a} and {b}: {count}" for (a, b), count in ordered)]
