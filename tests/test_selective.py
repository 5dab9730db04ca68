"""Abstention: what is left, and how good it is."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from train.selective import abstain, coverage_curve


def _cells(labels: int, seed: int, cells: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated answers: the truth is drawn from the probabilities."""
    rng = np.random.default_rng([seed, labels])
    probabilities = rng.dirichlet(np.full(labels, 0.7), cells)
    return probabilities, np.array([rng.choice(labels, p=row) for row in probabilities])


@pytest.mark.parametrize("labels", [2, 3])
def test_the_least_certain_cells_are_left_out(labels: int) -> None:
    probabilities, targets = _cells(labels, 0)
    wanted = [0.0, 0.1, 0.25, 0.5, 0.9]
    left = abstain(probabilities, targets, wanted)
    surest = np.argsort(-probabilities.max(1))
    for i, share in enumerate(wanted):
        kept = surest[: round(300 * (1 - share))]
        answers = probabilities[kept].argmax(1)
        assert left.share[i] == pytest.approx(1 - share)
        assert left.accuracy[i] == pytest.approx(accuracy_score(targets[kept], answers))
        assert left.weighted_f1[i] == pytest.approx(f1_score(targets[kept], answers, average="weighted"))
    assert left.accuracy[-1] > left.accuracy[0] + 0.05  # calibrated cells gain by abstention


@pytest.mark.parametrize("labels", [2, 3])
def test_the_curve_has_one_point_per_certainty(labels: int) -> None:
    probabilities, targets = _cells(labels, 1, cells=80)
    probabilities = np.round(probabilities * 8) / 8 + 1e-3 * np.arange(labels)  # many tie, no two labels of a cell
    curve = coverage_curve(probabilities, targets)
    certainty = probabilities.max(1)
    thresholds = sorted(set(certainty), reverse=True)
    assert len(curve.share) == len(thresholds) < 40
    for i, threshold in enumerate(thresholds):
        kept = certainty >= threshold
        answers = probabilities[kept].argmax(1)
        assert curve.share[i] == pytest.approx(kept.mean())
        assert curve.accuracy[i] == pytest.approx(accuracy_score(targets[kept], answers))
        assert curve.weighted_f1[i] == pytest.approx(f1_score(targets[kept], answers, average="weighted"))
    assert curve.share[-1] == 1


def test_of_equally_certain_cells_each_counts_in_part() -> None:
    """Four sure and right, then six alike of which two are right; the order of the cells decides nothing."""
    first = np.array([0.9] * 4 + [0.6] * 6)
    targets = np.array([0] * 4 + [0, 0, 1, 1, 1, 1])
    probabilities = np.stack([first, 1 - first], 1)
    for order in (np.arange(10), np.arange(10)[::-1], np.random.default_rng(2).permutation(10)):
        left = abstain(probabilities[order], targets[order], [0.6, 0.3, 0.0])
        assert left.accuracy == pytest.approx([1, (4 + 3 * 2 / 6) / 7, 6 / 10])
    assert coverage_curve(probabilities, targets).share == pytest.approx([0.4, 1])


def test_everything_may_not_be_left_out() -> None:
    probabilities, targets = _cells(2, 3)
    for share in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="below 1"):
            abstain(probabilities, targets, [0.5, share])
