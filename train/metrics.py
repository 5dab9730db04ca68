"""Scores of a classifier, each with a 95 % interval from a bootstrap over subject groups."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Interval, Scores
from edge_runtime.scoring.bootstrap import DRAWS, group_draws, percentile_interval
from edge_runtime.scoring.confusion import accuracy, against_rest, confusion, recalls, weighted_f1
from edge_runtime.scoring.ranking import Array, Ranking
from train.errors import DivergedError, TrainError

OPERATING_POINT = 0.9  # the specificity, or sensitivity, at which the other is also given
ECE_BINS = 15  # as in Guo et al. 2017


def answers_of(probabilities: Array) -> npt.NDArray[np.int64]:
    """The label index of each cell at the operating point; at exactly 0.5 the first label, as the device decides."""
    return np.asarray(probabilities.argmax(axis=1), np.int64)


def auroc(probabilities: Array, targets: npt.NDArray[np.int64], weights: Array | None = None) -> float:
    """Area under the ROC of the first label; with more than two labels the mean of each against the rest.

    Raises:
        TrainError: a label without cells, or probabilities that are not numbers.
    """
    _check(probabilities, targets)
    own = np.ones(len(targets)) if weights is None else weights
    return float(np.mean([ranking.curve(own).auroc() for ranking in _rankings(probabilities, targets)]))


def score(
    probabilities: Array, targets: npt.NDArray[np.int64], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0
) -> Scores:
    """The scores a contract holds; arguments and errors are those of `measure`, and so are the values."""
    intervals = measure(probabilities, targets, groups, draws=draws, seed=seed)
    return Scores(**{field.name: intervals[field.name] for field in dataclasses.fields(Scores)})


def measure(
    probabilities: Array, targets: npt.NDArray[np.int64], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Interval]:
    """Scores a classifier in every way `values_of` knows.

    The interval is the percentile bootstrap (Efron 1979) that draws subject groups with replacement, as many of each
    class as there are, because cells of one person are not independent. A draw on which a score is undefined, because
    the cells of a label stood only in groups that were not drawn, is left out for that score.

    Args:
        probabilities: float `[n, labels]`, calibrated.
        targets: int64 `[n]`.
        groups: the subject group of each cell.
        draws: bootstrap resamples.
        seed: of the resampling.

    Raises:
        TrainError: a label without cells, a score undefined on most draws, or probabilities that are not numbers.
    """
    return draw_scores(probabilities, targets, groups, draws=draws, seed=seed).intervals()


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Every score on all cells and on each bootstrap draw.

    Attributes:
        values: on all cells, by name.
        draws: on each draw of subject groups, by name; NaN where undefined.
    """

    values: dict[str, float]
    draws: list[dict[str, float]]

    def intervals(self) -> dict[str, Interval]:
        """Each score with its interval; errors are those of `measure`."""
        return {name: percentile_interval(v, [draw[name] for draw in self.draws]) for name, v in self.values.items()}

    def minus(self, other: "Drawn") -> dict[str, Interval]:
        """The difference from another model on the same cells and the same draws (paired bootstrap).

        What is hard or easy about the people drawn is so for both models and falls out of the difference.
        """
        return Drawn(
            {name: value - other.values[name] for name, value in self.values.items()},
            [
                {name: value - theirs[name] for name, value in own.items()}
                for own, theirs in zip(self.draws, other.draws, strict=True)
            ],
        ).intervals()


def draw_scores(
    probabilities: Array, targets: npt.NDArray[np.int64], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0
) -> Drawn:
    """Scores a classifier on all cells and on each draw; arguments are those of `measure`.

    Two models on the same cells get the same draws.

    Raises:
        TrainError: a label without cells, or probabilities that are not numbers.
    """
    _check(probabilities, targets)
    judged = _Judged(probabilities, targets)
    drawn = [judged.values(weights) for weights in group_draws(targets, groups, draws=draws, seed=seed)]
    return Drawn(judged.values(np.ones(len(targets))), drawn)


def values_of(
    probabilities: Array, targets: npt.NDArray[np.int64], weights: npt.NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Every score, without interval; all in 0..1.

    - `weighted_f1`, `accuracy`, `balanced_accuracy` (mean recall of the labels), `sensitivity` and `specificity` are of
      the answers. Sensitivity and specificity take label 0 as positive, all others as negative.
    - `auroc` and `auprc` (average precision) are of label 0; with more than two labels the mean of each against the
      rest. Chance gives an `auprc` as high as the share of the label.
    - `sensitivity_at_90_specificity` is the highest sensitivity for label 0 of any threshold on its probability that
      keeps 90 % specificity on these same cells, `specificity_at_90_sensitivity` the reverse. The threshold was
      chosen on the cells it is judged on: these say how good the ranking is, not what a device would reach.
    - `ece` is the expected calibration error of the answer's probability in 15 bins of equal width (Guo et al. 2017).
      Chance differences between bins add up, so of few people it is too high even if the probabilities are perfect,
      and so is its interval (20 simulated people: truth 0.01, never covered); compare models by `brier`.
    - `brier` is half the squared distance between probabilities and truth (Brier 1950), which with two labels is
      (probability - truth)^2.

    Args:
        probabilities: float `[n, labels]`, calibrated.
        targets: int64 `[n]`.
        weights: float64 `[n]`, 0 or more; None weighs every cell alike.

    Raises:
        TrainError: a label without cells, or probabilities that are not numbers.
    """
    _check(probabilities, targets)
    return _Judged(probabilities, targets).values(np.ones(len(targets)) if weights is None else weights)


def ece_bins(confidence: Array) -> npt.NDArray[np.int64]:
    """The bin of each answer, int64 `[n]`, 0 to `ECE_BINS - 1`; a bin has its upper edge, not its lower.

    Args:
        confidence: float `[n]`, the probability of the answer.
    """
    return np.searchsorted(np.linspace(0, 1, ECE_BINS + 1)[1:-1], confidence, side="left").astype(np.int64)


class _Judged:
    """What does not depend on the weights of the cells, worked out once for all draws."""

    def __init__(self, probabilities: Array, targets: npt.NDArray[np.int64]) -> None:
        self._labels = probabilities.shape[1]
        self._targets, self._answers = targets, answers_of(probabilities)
        self._rankings = _rankings(probabilities, targets)
        confidence = probabilities.max(axis=1)
        self._bins = ece_bins(confidence)
        self._overconfidence = confidence - (self._answers == targets)
        self._distances = ((probabilities - np.eye(self._labels)[targets]) ** 2).sum(axis=1) / 2

    def values(self, weights: npt.NDArray[np.float64]) -> dict[str, float]:
        """Every score at the weights float64 `[n]`; NaN where a label has no weight and the score needs it."""
        counts = confusion(self._targets, self._answers, self._labels, weights)
        sensitivity, specificity = recalls(against_rest(counts))
        curves = [ranking.curve(weights) for ranking in self._rankings]
        gaps = np.bincount(self._bins, weights * self._overconfidence)
        total = weights.sum()
        return {
            "weighted_f1": float(weighted_f1(counts)),
            "accuracy": float(accuracy(counts)),
            "balanced_accuracy": float(recalls(counts).mean()),
            "auroc": float(np.mean([curve.auroc() for curve in curves])),
            "auprc": float(np.mean([curve.average_precision() for curve in curves])),
            "sensitivity": float(sensitivity),
            "specificity": float(specificity),
            "sensitivity_at_90_specificity": curves[0].sensitivity_at(OPERATING_POINT),
            "specificity_at_90_sensitivity": curves[0].specificity_at(OPERATING_POINT),
            "ece": float(np.abs(gaps).sum() / total),
            "brier": float(weights @ self._distances / total),
        }


def _rankings(probabilities: Array, targets: npt.NDArray[np.int64]) -> list[Ranking]:
    """By label 0; with more than two labels by each."""
    labels = probabilities.shape[1]
    return [Ranking(probabilities[:, i], targets == i) for i in ((0,) if labels == 2 else range(labels))]


def _check(probabilities: Array, targets: npt.NDArray[np.int64]) -> None:
    if probabilities.ndim != 2 or targets.shape != probabilities.shape[:1]:
        raise ValueError(f"probabilities {probabilities.shape} and targets {targets.shape} are not of the same cells")
    if not np.isfinite(probabilities).all():
        raise DivergedError(
            "a probability is not a finite number; the network that gave it has diverged, train it anew"
        )
    missing = sorted(set(range(probabilities.shape[1])) - set(targets.tolist()))
    if missing:
        raise TrainError(f"no cells of label {missing[0]} to judge on; judge on subjects of every label")
