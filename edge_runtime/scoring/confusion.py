"""Counts of the true label against the answer, and the scores they give."""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]


def confusion(
    targets: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], labels: int, weights: npt.NDArray[np.float64]
) -> Counts:
    """Weighted counts, float64 `[labels, labels]`, rows by truth, columns by answer.

    Args:
        targets: int64 `[n]`.
        answers: int64 `[n]`.
        labels: how many labels there are.
        weights: float64 `[n]`.
    """
    counts = np.bincount(targets * labels + answers, weights, labels * labels)
    return np.asarray(counts, np.float64).reshape(labels, labels)


def accuracy(counts: Counts) -> npt.NDArray[np.float64]:
    """The share answered right, `[...]` for counts `[..., labels, labels]`."""
    return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / counts.sum((-2, -1)))


def weighted_f1(counts: Counts) -> npt.NDArray[np.float64]:
    """F1 of each label, averaged with its share of the truth, `[...]` for counts `[..., labels, labels]`."""
    true, answered = counts.sum(-1), counts.sum(-2)
    either = true + answered
    f1 = 2 * np.diagonal(counts, axis1=-2, axis2=-1) / np.where(either, either, 1)
    return np.asarray((f1 * true).sum(-1) / true.sum(-1))


def recalls(counts: Counts) -> npt.NDArray[np.float64]:
    """The share of each label's cells answered right, `[labels]` for counts `[labels, labels]`; NaN without cells."""
    true = counts.sum(1)
    return np.where(true, np.diagonal(counts) / np.where(true, true, 1), np.nan)


def against_rest(counts: Counts) -> Counts:
    """The counts `[2, 2]` of label 0 and of all others taken together."""
    return np.array([[counts[0, 0], counts[0, 1:].sum()], [counts[1:, 0].sum(), counts[1:, 1:].sum()]])
