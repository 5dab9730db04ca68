"""People, not only cells: what the cells of each person say together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.classifier import IN_BAND, Decision
from edge_runtime.contract import Interval
from edge_runtime.findings.grouping import Grouping
from edge_runtime.findings.names import natural_key
from edge_runtime.findings.table import Table, interval_text, percent
from edge_runtime.row import Row
from edge_runtime.scoring.pool import log_of, pooled
from edge_runtime.scoring.wilson import wilson

Answer = Callable[[npt.NDArray[np.float64]], Decision]
NO_ANSWER = "none"


@dataclass(frozen=True)
class Person:
    """What is said of one person.

    Attributes:
        name: as the grouping gave it.
        cells: classified, the uncertain ones included.
        answered: of them, those that are not uncertain.
        share: of the answered cells, the share of the first label, with its Wilson interval; None without answers.
        mean_probability: of the first label, over all cells that are like the training cells; None without such.
        decision: for the person, from the same cells, as `edge_runtime.scoring.pool` pools them; None without such.
    """

    name: str
    cells: int
    answered: int
    share: Interval | None
    mean_probability: float | None
    decision: Decision | None

    @property
    def uncertain(self) -> float:
        """The share of the cells that is uncertain."""
        return 1 - self.answered / self.cells


class _Sums:
    """What is kept of a person while rows come in."""

    __slots__ = ("answered", "cells", "first", "like", "logs", "probability")

    def __init__(self, labels: int) -> None:
        self.cells = self.answered = self.first = self.like = 0
        self.probability = 0.0
        self.logs = np.zeros(labels)


class People:
    """Adds up rows by person; memory grows with the people, not with the cells."""

    def __init__(self, labels: tuple[str, ...], person_of: Grouping, answer: Answer) -> None:
        """Takes the labels, the first of which is counted, the grouping, and what decides (`Classifier.answer`)."""
        self._labels = labels
        self._person_of = person_of
        self._answer = answer
        self._sums: dict[str, _Sums] = {}
        self.nameless = 0
        self.nameless_path = ""

    def add(self, row: Row) -> None:
        """Adds one row; rows without an answer count nowhere."""
        if row.label is None:
            return
        name = self._person_of(row.path)
        if name is None:
            self.nameless += 1
            self.nameless_path = self.nameless_path or row.path
            return
        sums = self._sums.get(name)
        if sums is None:
            sums = self._sums[name] = _Sums(len(self._labels))
        sums.cells += 1
        if row.status == "ok":
            sums.answered += 1
            sums.first += row.label == self._labels[0]
        if row.status == "ok" or row.detail == IN_BAND:  # dirt on the slide must not speak for a person
            sums.like += 1
            sums.probability += row.probabilities[self._labels[0]]
            sums.logs += log_of(np.array([row.probabilities[label] for label in self._labels]))

    def summaries(self) -> list[Person]:
        """Every person, in natural order."""
        return [self._summary(name, self._sums[name]) for name in sorted(self._sums, key=natural_key)]

    def _summary(self, name: str, sums: _Sums) -> Person:
        return Person(
            name,
            sums.cells,
            sums.answered,
            wilson(sums.first, sums.answered) if sums.answered else None,
            sums.probability / sums.like if sums.like else None,
            self._answer(pooled(sums.logs / sums.like)) if sums.like else None,
        )


def people_table(people: list[Person], labels: tuple[str, ...]) -> Table:
    """One row a person, for reading."""
    first = labels[0]
    header = ("person", "cells", f"share of {first}", f"mean p_{first}", "uncertain", "decision", "probability")
    rows = []
    for person in people:
        share, decision = person.share, person.decision
        rows.append(
            (
                person.name,
                str(person.cells),
                interval_text(share) if share else "",
                f"{person.mean_probability:.3f}" if person.mean_probability is not None else "",
                percent(person.uncertain, 1),
                _decision_text(decision),
                f"{max(decision.probabilities):.3f}" if decision else "",
            )
        )
    return Table(header, tuple(rows))


def people_csv(people: list[Person], labels: tuple[str, ...]) -> str:
    """One line a person, for programs; a field is empty where there is nothing to say."""
    first = labels[0]
    header = (
        "person",
        "cells",
        "answered",
        f"share_{first}",
        f"share_{first}_low",
        f"share_{first}_high",
        f"mean_p_{first}",
        "uncertain",
        "label",
        *(f"p_{label}" for label in labels),
        "status",
    )
    rows = []
    for person in people:
        share, decision = person.share, person.decision
        rows.append(
            (
                person.name,
                str(person.cells),
                str(person.answered),
                *(map(_digits, (share.value, share.low, share.high)) if share else ("",) * 3),
                _digits(person.mean_probability),
                _digits(person.uncertain),
                decision.label if decision else "",
                *(map(_digits, decision.probabilities) if decision else ("",) * len(labels)),
                "uncertain" if decision is None or decision.uncertain else "ok",
            )
        )
    return Table(header, tuple(rows)).csv()


def _decision_text(decision: Decision | None) -> str:
    if decision is None:
        return NO_ANSWER
    return f"uncertain ({decision.label})" if decision.uncertain else decision.label


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
