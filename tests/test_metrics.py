"""Scores against scikit-learn's plain calls, intervals by subject, calibration."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from edge_runtime.classifier import SMALLEST_SCORE
from edge_runtime.contract import Decision
from train.baseline import area_probabilities
from train.calibrate import apply_calibration, fit_abstain_band, fit_calibration
from train.metrics import answers_of, auroc, score


def _simulated(rng: np.random.Generator, groups: int = 20, cells: int = 30) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Cells whose logit depends on their class, their person and chance."""
    targets, names, logits = [], [], []
    for group in range(groups):
        label = group % 2
        person = rng.normal(0, 0.7)
        targets += [label] * cells
        names += [f"g{group}"] * cells
        logits += list((1 - 2 * label) * 0.8 + person + rng.normal(0, 1, cells))
    first = 1 / (1 + np.exp(-np.array(logits)))
    return np.stack([first, 1 - first], axis=1), np.array(targets), names


def test_scores_are_those_of_scikit_learn() -> None:
    probabilities, targets, groups = _simulated(np.random.default_rng(0))
    scores = score(probabilities, targets, groups, draws=50)
    answers = probabilities.argmax(1)
    assert scores.weighted_f1.value == pytest.approx(f1_score(targets, answers, average="weighted"))
    assert scores.auroc.value == pytest.approx(roc_auc_score(targets == 0, probabilities[:, 0]))
    assert scores.accuracy.value == pytest.approx((answers == targets).mean())
    assert scores.sensitivity.value == pytest.approx((answers[targets == 0] == 0).mean())
    assert scores.specificity.value == pytest.approx((answers[targets == 1] == 1).mean())
    for interval in (scores.weighted_f1, scores.auroc, scores.accuracy):
        assert interval.low <= interval.value <= interval.high


def test_intervals_follow_people_not_cells() -> None:
    """Showing every cell ten times adds no people, so the interval stays as wide."""
    probabilities, targets, groups = _simulated(np.random.default_rng(1))
    once = score(probabilities, targets, groups, draws=200).auroc
    tenfold = score(
        np.repeat(probabilities, 10, 0), np.repeat(targets, 10), np.repeat(groups, 10).tolist(), draws=200
    ).auroc
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=1e-6)
    shuffled = [f"c{i}" for i in range(len(targets))]  # every cell a person of its own
    naive = score(probabilities, targets, shuffled, draws=200).auroc
    assert naive.high - naive.low < 0.7 * (once.high - once.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = auroc(*_simulated(np.random.default_rng(2), groups=4000, cells=10)[:2])
    hits = 0
    for i in range(40):
        interval = score(*_simulated(np.random.default_rng([3, i])), draws=100).auroc
        hits += interval.low <= truth <= interval.high
    assert hits >= 32  # 95 % of 40 is 38; the percentile bootstrap of 20 people runs a little short


def test_three_labels_are_scored() -> None:
    rng = np.random.default_rng(4)
    targets = np.repeat([0, 1, 2], 40)
    probabilities = rng.dirichlet(np.ones(3), 120)
    probabilities[np.arange(120), targets] += 0.5
    probabilities /= probabilities.sum(1, keepdims=True)
    scores = score(probabilities, targets, [str(i // 5) for i in range(120)], draws=20)
    assert scores.auroc.value == pytest.approx(roc_auc_score(targets, probabilities, multi_class="ovr"))
    assert scores.accuracy.value == pytest.approx((answers_of(probabilities) == targets).mean())


def test_calibration_undoes_a_known_distortion() -> None:
    rng = np.random.default_rng(5)
    logit = rng.normal(0, 1, 20_000)
    targets = (rng.random(20_000) >= 1 / (1 + np.exp(-logit))).astype(int)  # label 0 with the true probability
    distorted = 1 / (1 + np.exp(-(logit * 2 + 1)))
    scores = np.stack([distorted, 1 - distorted], 1)
    scale, offset = fit_calibration(scores, np.eye(2)[targets], np.ones(20_000))
    assert scale == pytest.approx(0.5, abs=0.03)
    assert offset[0] - offset[1] == pytest.approx(-0.5, abs=0.06)
    above_floor = scores.min(axis=1) > SMALLEST_SCORE  # what an 8-bit score cannot tell apart stays together
    true = 1 / (1 + np.exp(-logit))
    assert np.abs(apply_calibration(scores, scale, offset)[:, 0] - true)[above_floor].max() < 0.03


def test_perfect_separation_stays_finite() -> None:
    scores = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.9]] * 5)
    scale, offset = fit_calibration(scores, np.eye(2)[[0] * 5 + [1] * 5], np.ones(10))
    assert 1 < scale < 100 and abs(offset[1]) < 1


def test_the_abstain_band_holds_the_wanted_share() -> None:
    first = np.random.default_rng(6).random(10_000)
    low, high = fit_abstain_band(np.stack([first, 1 - first], 1), 0.1)
    assert ((first > low) & (first < high)).mean() == pytest.approx(0.1, abs=0.01)
    assert low + high == pytest.approx(1)
    Decision(1.0, (0.0, 0.0), low, high)
    assert fit_abstain_band(np.stack([first, 1 - first], 1), 0.0) == (0.5, 0.5)


def test_the_area_baseline_learns_that_large_cells_are_leukemic() -> None:
    rng = np.random.default_rng(7)
    areas = np.concatenate([rng.normal(36_000, 4_000, 200), rng.normal(25_000, 4_000, 200)])
    targets = np.repeat([0, 1], 200)
    probabilities = area_probabilities(areas, targets, np.ones(400, np.float32), np.array([40_000.0, 20_000.0]))
    assert probabilities[0, 0] > 0.9 and probabilities[1, 1] > 0.9
