"""Summaries by person: who a picture is of, and what their cells say together."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.bundle import Bundle
from edge_runtime.classifier import IN_BAND, Classifier
from edge_runtime.errors import InputError
from edge_runtime.findings.grouping import grouping_of
from edge_runtime.findings.people import People, Person, people_csv, people_table
from edge_runtime.row import Row
from edge_runtime.scoring.wilson import wilson
from train.subjects import by_subject

LABELS = ("all", "hem")


def row(path: str, p_all: float, *, detail: str = "") -> Row:
    label = "all" if p_all >= 0.5 else "hem"
    status = "uncertain" if detail else "ok"
    return Row(path, None, None, 0, None, label, {"all": p_all, "hem": 1 - p_all}, status, detail)


@pytest.fixture(scope="module")
def classifier(default_bundle: Bundle) -> Classifier:
    return Classifier(default_bundle)


def summed(classifier: Classifier, rows: list[Row], rule: str = "folder") -> list[Person]:
    people = People(LABELS, grouping_of(rule, {}), classifier.answer)
    for one in rows:
        people.add(one)
    return people.summaries()


@pytest.mark.parametrize(
    ("rule", "path", "person"),
    [
        ("subject", "a/UID_7_1_2_all.bmp", "7"),
        ("subject", "UID_h3_1_2_hem.png", "H3+H10"),
        ("subject", "a/other.png", None),
        ("folder", "lab/anna/1.png", "lab/anna"),
        (r"slide_(\d+)_", "x/slide_12_4.png", "12"),
        (r"slide_(\d+)_", "x/12.png", None),
        (r"(a*)b", "b", None),
    ],
)
def test_a_path_says_whose_it_is(rule: str, path: str, person: str | None) -> None:
    assert grouping_of(rule, {"H3": "H3+H10"})(path) == person


@pytest.mark.parametrize(
    ("rule", "message"), [("(", "not a regular expression"), ("subjct", "has no group in brackets")]
)
def test_a_rule_that_names_no_person_is_refused(rule: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        grouping_of(rule, {})


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_s_bounds_solve_his_equation(counts: tuple[int, int]) -> None:
    """At each bound b the share lies 1.96 of b's own standard errors away: (share - b)^2 = z^2 b (1 - b) / n."""
    found, total = counts
    interval = wilson(found, total)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    for bound in (interval.low, interval.high):
        assert (interval.value - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / total, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), min_size=1, max_size=60))
def test_a_person_is_decided_as_the_workstation_decides(classifier: Classifier, cells: list[tuple[int, float]]) -> None:
    people = summed(classifier, [row(f"{person}/x.png", p) for person, p in cells])
    expected = by_subject(
        np.array([(p, 1 - p) for _, p in cells]), np.zeros(len(cells), np.int64), [str(person) for person, _ in cells]
    )
    assert [person.name for person in people] == list(expected.groups)
    for person, probabilities in zip(people, expected.probabilities, strict=True):
        assert person.decision is not None
        assert person.decision.probabilities == pytest.approx(tuple(probabilities), abs=1e-9)
        assert person.decision.label == classifier.answer(probabilities).label


def test_uncertain_cells_do_not_count_as_answers_and_strange_ones_do_not_decide(classifier: Classifier) -> None:
    cells = [row("a/1.png", 0.9), row("a/2.png", 0.2), row("a/3.png", 0.52, detail=IN_BAND)]
    (without,) = summed(classifier, cells)
    (person,) = summed(classifier, [*cells, row("a/4.png", 0.01, detail="unlike the training cells: area too low")])
    assert (person.cells, person.answered, person.uncertain) == (4, 2, 0.5)
    assert person.share == wilson(1, 2)
    assert person.mean_probability == without.mean_probability == pytest.approx((0.9 + 0.2 + 0.52) / 3)
    assert person.decision == without.decision


def test_a_person_of_strange_cells_only_gets_no_decision(classifier: Classifier) -> None:
    people = summed(classifier, [row("a/1.png", 0.99, detail="unlike the training cells: area too low")])
    assert people[0].decision is None and people[0].share is None
    assert people_table(people, LABELS).rows[0][-2:] == ("none", "")
    assert next(csv.DictReader(people_csv(people, LABELS).splitlines()))["status"] == "uncertain"


def test_pictures_of_nobody_and_unreadable_ones_are_told_apart(classifier: Classifier) -> None:
    people = People(LABELS, grouping_of("subject", {}), classifier.answer)
    people.add(Row("UID_1_1_1_all.png", None, None, None, None, None, {}, "error", "gone"))
    people.add(row("stray.png", 0.9))
    people.add(row("stray-2.png", 0.9))
    assert (people.summaries(), people.nameless, people.nameless_path) == ([], 2, "stray.png")


def test_a_name_breaks_no_line(classifier: Classifier) -> None:
    people = summed(classifier, [row("a\nb\x1b[2J/1.png", 0.9)])
    assert people_table(people, LABELS).plain().splitlines()[1].startswith("a?b?[2J  1 ")
    assert next(csv.DictReader(io.StringIO(people_csv(people, LABELS), newline="")))["person"] == "a\nb\x1b[2J"


def test_the_table_and_the_file_hold_the_same(classifier: Classifier, tmp_path: Path) -> None:
    people = summed(classifier, [row(f"p{i % 12}/{i}.png", (i % 10) / 10) for i in range(100)])
    table, lines = people_table(people, LABELS), list(csv.DictReader(people_csv(people, LABELS).splitlines()))
    assert [line["person"] for line in lines] == [f"p{i}" for i in range(12)] == [shown[0] for shown in table.rows]
    for line, shown in zip(lines, table.rows, strict=True):
        assert line["cells"] == shown[1]
        numbers = [float(line[f"share_all{end}"]) for end in ("", "_low", "_high")]
        assert [float(text) for text in re.findall(r"[\d.]+", shown[2])] == pytest.approx(numbers, abs=6e-4)
