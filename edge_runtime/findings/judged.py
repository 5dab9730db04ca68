"""Answers against the truth: confusion, ROC and scores, with intervals by person."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Interval
from edge_runtime.errors import ScoreError
from edge_runtime.findings.grouping import Grouping
from edge_runtime.findings.truth import Truth
from edge_runtime.row import Row
from edge_runtime.scoring.bootstrap import group_draws, percentile_interval
from edge_runtime.scoring.confusion import Counts, accuracy, against_rest, confusion, recalls, weighted_f1
from edge_runtime.scoring.ranking import Curve, Ranking

Floats = npt.NDArray[np.float64]

_FEWEST_PEOPLE = 2  # of each label: of one alone every draw is the same
_COARSE_DECIMALS = 2  # of the probabilities of three labels or more, so that few different ones are kept


@dataclass(frozen=True)
class Judgement:
    """What the answers are worth.

    Attributes:
        counts: rows by truth, columns by answer, float64 `[labels, labels]`; uncertain answers count as given.
        scores: value and 95 % interval by name, 0..1; NaN where undefined; the interval None without people.
        curve: of the first label; None unless there are cells with and without it.
        point: 1 - specificity and sensitivity of the answers.
        no_intervals: why there are none; empty when there are.
        people: how many people the intervals are over.
        unknown: classified cells whose truth is not known.
        unknown_path: the first of them.
    """

    counts: Counts
    scores: dict[str, tuple[float, Interval | None]]
    curve: Curve | None
    point: tuple[float, float]
    no_intervals: str
    people: int
    unknown: int
    unknown_path: str


class Judged:
    """Counts equal answers of a person together: memory grows with people and different probabilities, not cells."""

    def __init__(self, labels: tuple[str, ...], truth: Truth, person_of: Grouping | None) -> None:
        """Takes labels, truth, and the grouping that intervals are by; without it there are none."""
        self._labels = labels
        self._truth = truth
        self._person_of = person_of
        self._counts: Counter[tuple[str, int, int, bool, tuple[float, ...]]] = Counter()
        self._unknown = 0
        self._unknown_path = ""

    def target(self, row: Row) -> int | None:
        """The index of a row's true label, where it is known."""
        return self._truth(row.path)

    def add(self, row: Row) -> None:
        """Adds one row; rows without an answer count nowhere."""
        if row.label is None:
            return
        target = self._truth(row.path)
        if target is None:
            self._unknown += 1
            self._unknown_path = self._unknown_path or row.path
            return
        person = (self._person_of(row.path) or "") if self._person_of else ""
        probabilities = tuple(row.probabilities[label] for label in self._labels)
        if len(self._labels) > 2:
            probabilities = tuple(round(value, _COARSE_DECIMALS) for value in probabilities)
        self._counts[person, target, self._labels.index(row.label), row.status == "ok", probabilities] += 1

    def judge(self) -> Judgement | None:
        """The scores of all rows so far; None if the truth of none is known."""
        if not self._counts:
            return None
        cells = _Cells(self._counts, len(self._labels))
        values = cells.values(cells.weights)
        draws, reason = self._draws(cells)
        scores: dict[str, tuple[float, Interval | None]] = {}
        for name, value in values.items():
            try:
                interval = percentile_interval(value, [draw[name] for draw in draws]) if draws else None
            except ScoreError:
                interval = None  # undefined in most draws; the value stands alone
            scores[name] = (value, interval)
        curve = cells.rankings[0].curve(cells.weights)
        counts = cells.confusion(cells.weights)
        sensitivity, specificity = recalls(against_rest(counts))
        return Judgement(
            counts,
            scores,
            curve if curve.defined else None,
            (1 - float(specificity), float(sensitivity)),
            reason,
            len(cells.people) if draws else 0,
            self._unknown,
            self._unknown_path,
        )

    def _draws(self, cells: "_Cells") -> tuple[list[dict[str, float]], str]:
        """The scores of each draw of people, or why there are none."""
        if self._person_of is None:
            return [], "intervals are by person, so they need --group-by"
        majority = [int(np.bincount(cells.targets[own], cells.weights[own]).argmax()) for own in cells.cells_of]
        few = [label for i, label in enumerate(self._labels) if 0 < majority.count(i) < _FEWEST_PEOPLE]
        if few or len(set(majority)) < 2:
            return [], f"intervals need {_FEWEST_PEOPLE} people of each label or more"
        times = group_draws(np.array(majority), [str(name) for name in cells.people])
        return [cells.values(cells.weights * drawn[cells.person]) for drawn in times], ""


class _Cells:
    """The counted answers as arrays `[n]`, one entry for each different one."""

    def __init__(self, counts: "Counter[tuple[str, int, int, bool, tuple[float, ...]]]", labels: int) -> None:
        keys = list(counts)
        self._labels = labels
        self.weights: Floats = np.array([counts[key] for key in keys], np.float64)
        self.people, self.person = np.unique(np.array([key[0] for key in keys]), return_inverse=True)
        self.cells_of = [np.flatnonzero(self.person == i) for i in range(len(self.people))]
        self.targets = np.array([key[1] for key in keys], np.int64)
        self._answers = np.array([key[2] for key in keys], np.int64)
        self._answered = np.array([key[3] for key in keys], np.float64)
        probabilities = np.array([key[4] for key in keys])
        ranked = (0,) if labels == 2 else range(labels)
        self.rankings = [Ranking(probabilities[:, i], self.targets == i) for i in ranked]

    def confusion(self, weights: Floats) -> Counts:
        return confusion(self.targets, self._answers, self._labels, weights)

    def values(self, weights: Floats) -> dict[str, float]:
        """Every score at these weights; NaN where undefined."""
        counts = self.confusion(weights)
        answered = self.confusion(weights * self._answered)
        sensitivity, specificity = recalls(against_rest(counts))
        return {
            "weighted_f1": float(weighted_f1(counts)),
            "accuracy": float(accuracy(counts)),
            "auroc": float(np.mean([ranking.curve(weights).auroc() for ranking in self.rankings])),
            "sensitivity": float(sensitivity),
            "specificity": float(specificity),
            "answered": float(answered.sum() / counts.sum()),
            "weighted_f1_of_answered": float(weighted_f1(answered)) if answered.any() else float("nan"),
        }
