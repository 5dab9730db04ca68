"""Scores of a classifier, each with a 95 % interval from a bootstrap over subject groups."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

from edge_runtime.contract import Interval, Scores

Array = npt.NDArray[np.floating]
DRAWS = 1000
_PERCENTILES = (2.5, 97.5)


def answers_of(probabilities: Array) -> npt.NDArray[np.int64]:
    """The label index of each cell at the operating point; at exactly 0.5 the first label, as the device decides."""
    return np.asarray(probabilities.argmax(axis=1), np.int64)


def auroc(probabilities: Array, targets: npt.NDArray[np.int64], weights: Array | None = None) -> float:
    """Area under the ROC of the first label; with more than two labels the mean of each against the rest."""
    labels = probabilities.shape[1]
    chosen = (0,) if labels == 2 else range(labels)
    return float(np.mean([roc_auc_score(targets == i, probabilities[:, i], sample_weight=weights) for i in chosen]))


def _weighted_f1(probabilities: Array, targets: npt.NDArray[np.int64], weights: Array | None) -> float:
    return float(f1_score(targets, answers_of(probabilities), average="weighted", sample_weight=weights))


def _accuracy(probabilities: Array, targets: npt.NDArray[np.int64], weights: Array | None) -> float:
    return float(accuracy_score(targets, answers_of(probabilities), sample_weight=weights))


def _sensitivity(probabilities: Array, targets: npt.NDArray[np.int64], weights: Array | None) -> float:
    return float(recall_score(targets == 0, answers_of(probabilities) == 0, sample_weight=weights))


def _specificity(probabilities: Array, targets: npt.NDArray[np.int64], weights: Array | None) -> float:
    return float(recall_score(targets != 0, answers_of(probabilities) != 0, sample_weight=weights))


_METRICS: dict[str, Callable[[Array, npt.NDArray[np.int64], Array | None], float]] = {
    "weighted_f1": _weighted_f1,
    "accuracy": _accuracy,
    "auroc": auroc,
    "sensitivity": _sensitivity,
    "specificity": _specificity,
}


def score(
    probabilities: Array, targets: npt.NDArray[np.int64], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0
) -> Scores:
    """Scores a classifier.

    The interval is the percentile bootstrap (Efron 1979) that draws subject groups with replacement, as many of each
    class as there are, because cells of one person are not independent.

    Args:
        probabilities: float `[n, labels]`, calibrated.
        targets: int64 `[n]`; sensitivity and specificity take label 0 as positive.
        groups: the subject group of each cell.
        draws: bootstrap resamples.
        seed: of the resampling.
    """
    drawn = [_resample(targets, groups, np.random.default_rng([seed, i])) for i in range(draws)]
    intervals = {}
    for name, metric in _METRICS.items():
        values = [metric(probabilities[w > 0], targets[w > 0], w[w > 0]) for w in drawn]
        low, high = np.percentile(values, _PERCENTILES) if values else (0.0, 1.0)
        intervals[name] = Interval(metric(probabilities, targets, None), float(low), float(high))
    return Scores(**intervals)


def _resample(targets: npt.NDArray[np.int64], groups: Sequence[str], rng: np.random.Generator) -> Array:
    """How often each cell is drawn, float64 `[n]`, when whole groups are drawn within their class."""
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    class_of = [Counter(targets[index == i].tolist()).most_common(1)[0][0] for i in range(len(names))]
    times = np.zeros(len(names))
    for label in sorted(set(class_of)):
        members = [i for i, own in enumerate(class_of) if own == label]
        np.add.at(times, rng.choice(members, len(members)), 1)
    return times[index]
