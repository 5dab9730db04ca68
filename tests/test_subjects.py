"""One decision per person from many cells."""

import numpy as np
import pytest

from edge_runtime.classifier import SMALLEST_SCORE
from train.errors import TrainError
from train.metrics import measure
from train.subjects import by_subject


def _two(first: list[float]) -> np.ndarray:
    return np.stack([np.array(first), 1 - np.array(first)], 1)


def test_two_labels_are_decided_by_the_mean_log_odds() -> None:
    first = [0.9, 0.6, 0.2, 0.3, 0.45]
    subjects = by_subject(_two(first), np.array([0, 0, 1, 0, 1]), ["10", "10", "H2", "10", "H2"])
    assert subjects.groups == ("10", "H2")
    assert subjects.targets.tolist() == [0, 1] and subjects.targets.dtype == np.int64
    for row, cells in enumerate(([0.9, 0.6, 0.3], [0.2, 0.45])):
        odds = np.mean([np.log(p / (1 - p)) for p in cells])
        assert subjects.probabilities[row] == pytest.approx([1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))])


def test_three_labels_are_decided_by_the_normalised_geometric_mean() -> None:
    cells = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    decided = by_subject(cells, np.array([2, 2]), ["a", "a"])
    expected = np.sqrt(cells[0] * cells[1])
    assert decided.probabilities == pytest.approx((expected / expected.sum())[None])
    assert decided.targets.tolist() == [2]


def test_no_single_cell_decides() -> None:
    decided = by_subject(_two([0.0, 0.9, 0.9, 0.9]), np.zeros(4, int), ["a"] * 4).probabilities[0, 0]
    odds = (np.log(SMALLEST_SCORE) + 3 * np.log(9)) / 4
    assert decided == pytest.approx(1 / (1 + np.exp(-odds))) and decided > 0.5


def test_more_cells_of_the_same_make_a_person_no_surer() -> None:
    one = by_subject(_two([0.8]), np.zeros(1, int), ["a"]).probabilities
    hundred = by_subject(_two([0.8] * 100), np.zeros(100, int), ["a"] * 100).probabilities
    assert hundred == pytest.approx(one) and one[0, 0] == pytest.approx(0.8)


def test_people_stand_in_natural_order_and_are_judged_each_as_a_group() -> None:
    rng = np.random.default_rng(0)
    names = [*(str(i) for i in range(1, 13)), *(f"H{i}" for i in range(1, 13))]
    groups = np.repeat(names, 20)
    shuffled = rng.permutation(len(groups))
    targets = np.repeat([0, 1], 240)
    cells = _two((1 / (1 + np.exp(-((1 - 2 * targets) + rng.normal(0, 2, 480))))).tolist())
    subjects = by_subject(cells[shuffled], targets[shuffled], groups[shuffled].tolist())
    assert list(subjects.groups) == names
    assert subjects.targets.tolist() == [0] * 12 + [1] * 12
    person = measure(subjects.probabilities, subjects.targets, subjects.groups, draws=50)
    cell = measure(cells, targets, groups.tolist(), draws=50)
    assert person["auroc"].value > cell["auroc"].value + 0.1  # many cells of one person know more than one
    right = (subjects.probabilities.argmax(1) == subjects.targets).mean()
    assert person["accuracy"].value == pytest.approx(right)


def test_a_person_with_two_labels_is_refused() -> None:
    with pytest.raises(TrainError, match="subject group b: its cells have labels 0, 1"):
        by_subject(_two([0.2, 0.3, 0.4]), np.array([0, 0, 1]), ["a", "b", "b"])
