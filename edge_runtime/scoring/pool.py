"""One probability of many cells: what is known of a person from all cells of theirs."""

import numpy as np
import numpy.typing as npt

from edge_runtime.classifier import SMALLEST_SCORE

Array = npt.NDArray[np.floating]


def log_of(probabilities: Array) -> npt.NDArray[np.float64]:
    """The logarithm of calibrated probabilities, floored as the device floors scores: no cell decides alone."""
    return np.asarray(np.log(np.maximum(probabilities, SMALLEST_SCORE)), np.float64)


def pooled(mean_logs: Array) -> npt.NDArray[np.float64]:
    """The softmax of the mean log-probability of some cells.

    With two labels that is the mean of the log-odds (a logarithmic opinion pool, Genest and Zidek 1986, with equal
    weights). It is the mean, not the sum: the cells of one person are not independent, and a sum would be as sure of a
    person as if they were.

    Args:
        mean_logs: float `[..., labels]`, the mean of `log_of` over the cells.

    Returns:
        float64 `[..., labels]`, sums to 1.
    """
    odds = np.exp(mean_logs - mean_logs.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True), np.float64)
