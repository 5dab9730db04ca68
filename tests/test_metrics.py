"""Scores against scikit-learn's plain calls, intervals by subject, calibration."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    recall_score,
    roc_auc_score,
)

from edge_runtime.classifier import SMALLEST_SCORE
from edge_runtime.contract import Decision, Interval
from edge_runtime.errors import ScoreError
from edge_runtime.scoring.ranking import Ranking
from train.calibrate import apply_calibration, fit_abstain_band, fit_calibration
from train.errors import TrainError
from train.metrics import answers_of, auroc, measure, score, values_of


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


def _random(seed: int, labels: int, levels: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities (tied at so many levels), targets, and weights from 0 to 3."""
    rng = np.random.default_rng([seed, labels])
    targets = rng.integers(0, labels, 200)
    probabilities = rng.dirichlet(np.ones(labels), 200)
    probabilities[np.arange(200), targets] += 0.3
    if levels is not None:
        probabilities = np.ceil(probabilities * levels)
    return probabilities / probabilities.sum(1, keepdims=True), targets, rng.integers(0, 4, 200).astype(float)


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_score_is_scikit_learn_s_or_its_definition_s(labels: int, levels: int | None, weighted: bool) -> None:
    for seed in range(5):
        probabilities, targets, weights = _random(seed, labels, levels)
        own = weights if weighted else np.ones(200)
        answers, one_against = probabilities.argmax(1), range(labels) if labels > 2 else [0]
        positive, first = targets == 0, probabilities[:, 0]

        def curves(metric, p=probabilities, t=targets, w=own, chosen=one_against) -> float:
            return float(np.mean([metric(t == i, p[:, i], sample_weight=w) for i in chosen]))

        # Threshold by threshold, the highest first: everything from it on is answered with label 0.
        thresholds = [np.inf, *sorted(set(first), reverse=True)]
        found = [own[positive & (first >= t)].sum() / own[positive].sum() for t in thresholds]
        spared = [own[~positive & (first < t)].sum() / own[~positive].sum() for t in thresholds]
        confidence, ece = probabilities.max(1), 0.0
        for i in range(15):
            inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
            if own[inside].sum():
                right = np.average((answers == targets)[inside], weights=own[inside])
                sure = np.average(confidence[inside], weights=own[inside])
                ece += own[inside].sum() / own.sum() * abs(right - sure)
        wrong_by = ((probabilities - np.eye(labels)[targets]) ** 2).sum(1)
        expected = {
            "weighted_f1": f1_score(targets, answers, average="weighted", sample_weight=own),
            "accuracy": accuracy_score(targets, answers, sample_weight=own),
            "balanced_accuracy": balanced_accuracy_score(targets, answers, sample_weight=own),
            "auroc": curves(roc_auc_score),
            "auprc": curves(average_precision_score),
            "sensitivity": recall_score(positive, answers == 0, sample_weight=own),
            "specificity": recall_score(~positive, answers != 0, sample_weight=own),
            "sensitivity_at_90_specificity": max(f for f, s in zip(found, spared, strict=True) if s >= 0.9),
            "specificity_at_90_sensitivity": max(s for f, s in zip(found, spared, strict=True) if f >= 0.9),
            "ece": ece,
            "brier": np.average(wrong_by, weights=own) / 2,
        }
        values = values_of(probabilities, targets, weights if weighted else None)
        assert list(values) == list(expected)
        assert values == pytest.approx(expected, rel=1e-12)
        assert auroc(probabilities, targets, weights if weighted else None) == values["auroc"]
        if labels == 2:
            assert values["brier"] == pytest.approx(brier_score_loss(positive, first, sample_weight=own))


def test_a_weight_is_so_many_cells() -> None:
    probabilities, targets, weights = _random(9, 3, 20)
    times = weights.astype(int)
    repeated = values_of(np.repeat(probabilities, times, 0), np.repeat(targets, times))
    assert values_of(probabilities, targets, weights) == pytest.approx(repeated, rel=1e-12)


def test_known_cells_have_known_scores() -> None:
    first = np.array([0.9, 0.8, 0.7, 0.6, 0.6, 0.4, 0.3, 0.3, 0.2, 0.1])
    targets = np.array([0, 0, 1, 0, 1, 0, 1, 1, 1, 1])
    values = values_of(np.stack([first, 1 - first], 1), targets)
    assert values["accuracy"] == pytest.approx(7 / 10)
    assert values["sensitivity"] == pytest.approx(3 / 4) and values["specificity"] == pytest.approx(4 / 6)
    assert values["balanced_accuracy"] == pytest.approx((3 / 4 + 4 / 6) / 2)
    assert values["auroc"] == pytest.approx((6 + 6 + 4.5 + 4) / 24)  # pairs in order; the tied pair counts half
    assert values["auprc"] == pytest.approx((1 + 1 + 3 / 5 + 4 / 6) / 4)
    assert values["sensitivity_at_90_specificity"] == pytest.approx(2 / 4)
    assert values["specificity_at_90_sensitivity"] == pytest.approx(4 / 6)
    assert values["brier"] == pytest.approx(((first - (targets == 0)) ** 2).mean())


def test_the_wanted_specificity_may_be_met_exactly() -> None:
    """One of ten is 0.1, though 1 - 9/10 is less in binary."""
    first = np.array([0.95, *np.linspace(0.8, 0.1, 9), 0.9, 0.85])
    positive = np.array([*[False] * 10, True, True])
    curve = Ranking(first, positive).curve(np.ones(12))
    assert curve.sensitivity_at(0.9) == 1 and curve.sensitivity_at(0.91) == 0 and curve.specificity_at(0.9) == 0.9
    backwards = Ranking(-first, positive).curve(np.ones(12))
    assert backwards.sensitivity_at(0.1) == 1 and backwards.sensitivity_at(0.11) == 0


def test_measure_and_score_agree() -> None:
    simulated = _simulated(np.random.default_rng(8))
    measured, scores = measure(*simulated, draws=30, seed=3), score(*simulated, draws=30, seed=3)
    for name, interval in dataclasses.asdict(scores).items():
        assert dataclasses.asdict(measured[name]) == interval
    assert measured != measure(*simulated, draws=30, seed=4)
    nothing_drawn = measure(*simulated, draws=0)["ece"]
    assert (nothing_drawn.low, nothing_drawn.high) == (0, 1)


def test_intervals_are_those_of_cells_drawn_one_by_one() -> None:
    """The same draws, with the drawn groups' cells copied instead of weighted, and scikit-learn's scores."""
    probabilities, targets, groups = _simulated(np.random.default_rng(10), groups=8, cells=12)
    names = np.unique(groups)
    reached = []
    for draw in range(25):
        rng, chosen = np.random.default_rng([5, draw]), []
        for label in (0, 1):
            members = [i for i, name in enumerate(names) if targets[groups.index(name)] == label]
            chosen += list(rng.choice(members, len(members)))
        cells = np.concatenate([np.flatnonzero(np.array(groups) == names[i]) for i in chosen])
        reached.append(average_precision_score(targets[cells] == 0, probabilities[cells, 0]))
    interval = measure(probabilities, targets, groups, draws=25, seed=5)["auprc"]
    assert (interval.low, interval.high) == pytest.approx(tuple(np.percentile(reached, (2.5, 97.5))))


def test_a_draw_without_a_label_is_left_out() -> None:
    """Label 1 stands in one group only, where label 0 is more frequent: a third of the draws have no cell of it."""
    targets = np.zeros(40, int)
    targets[[0, 1, 2]] = 1
    first = np.where(targets == 1, 0.1, np.random.default_rng(11).random(40))
    measured = measure(np.stack([first, 1 - first], 1), targets, [str(i // 10) for i in range(40)], draws=100)
    for name, interval in measured.items():
        assert np.isfinite(dataclasses.astuple(interval)).all(), name
    assert measured["specificity"] == Interval(1, 1, 1)  # always right where there is anything to be right about
    assert measured["balanced_accuracy"].low > 0.5


def test_scores_undefined_on_most_draws_are_refused() -> None:
    targets = np.zeros(60, int)
    targets[[0, 1]], targets[[10, 11]], targets[[20, 21]] = 1, 2, 3
    probabilities = np.random.default_rng(12).dirichlet(np.ones(4), 60)
    with pytest.raises(ScoreError, match="bootstrap draws lack a label"):
        measure(probabilities, targets, [str(i // 10) for i in range(60)], draws=100)


def test_what_cannot_be_scored_is_refused() -> None:
    probabilities, targets, groups = _simulated(np.random.default_rng(13))
    with pytest.raises(TrainError, match="no cells of label 1"):
        measure(probabilities[targets == 0], targets[targets == 0], groups[: (targets == 0).sum()])
    with pytest.raises(TrainError, match="no cells of label 0"):
        auroc(probabilities[:0], targets[:0])
    broken = probabilities.copy()
    broken[7] = np.nan
    for call in (lambda: score(broken, targets, groups), lambda: auroc(broken, targets)):
        with pytest.raises(TrainError, match="not a finite number"):
            call()
    with pytest.raises(ValueError, match="not of the same cells"):
        values_of(probabilities[1:], targets)


def test_intervals_of_many_small_studies_cover_the_truth() -> None:
    """Twenty people a study; what is true is known from very many people."""
    truth = values_of(*_simulated(np.random.default_rng(14), groups=10_000, cells=10)[:2])
    studies, covered = 200, dict.fromkeys(("auroc", "auprc", "accuracy", "weighted_f1", "sensitivity", "brier"), 0)
    for i in range(studies):
        measured = measure(*_simulated(np.random.default_rng([15, i])), draws=200)
        for name in covered:
            covered[name] += measured[name].low <= truth[name] <= measured[name].high
    # 95 % is the promise; the percentile bootstrap of ten people a class runs a little short of it.
    assert all(0.85 * studies <= hits <= 0.99 * studies for hits in covered.values()), covered


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
