"""What a model reaches on the cells it is surest of, when it may abstain from the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.scoring.confusion import accuracy, weighted_f1
from edge_runtime.scoring.ranking import Array
from train.metrics import answers_of


@dataclass(frozen=True)
class Coverage:
    """Scores by the share of the cells that is answered (risk and coverage, El-Yaniv and Wiener 2010).

    Attributes:
        share: of the cells answered, float64 `[k]`, in 0..1, above 0.
        weighted_f1: of the answered cells, float64 `[k]`.
        accuracy: of the answered cells, float64 `[k]`; the risk is 1 - accuracy.
    """

    share: npt.NDArray[np.float64]
    weighted_f1: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]


def abstain(probabilities: Array, targets: npt.NDArray[np.int64], abstained: Sequence[float]) -> Coverage:
    """Scores at given shares of abstention, the least certain cells first.

    Certainty is the probability of the answer, as in the device's abstain band, which is even about 0.5. When only some
    of equally certain cells fit in, each of them counts in part: the order of the cells decides nothing.

    Args:
        probabilities: float `[n, labels]`, calibrated.
        targets: int64 `[n]`.
        abstained: shares of the cells not answered, 0 or more and below 1.

    Returns:
        One entry per given share.

    Raises:
        ValueError: a share that leaves nothing to judge, or is none.
    """
    shares = 1 - np.asarray(abstained, np.float64)
    if not ((shares > 0) & (shares <= 1)).all():
        raise ValueError(f"shares of abstention must be 0 or more and below 1, not {list(abstained)}")
    kept, counts = _surest_first(probabilities, targets)
    columns = counts.reshape(len(kept), -1).T
    wanted = np.stack([np.interp(shares * kept[-1], kept, column) for column in columns], axis=-1)
    return _coverage(shares, wanted.reshape(-1, *counts.shape[1:]))


def coverage_curve(probabilities: Array, targets: npt.NDArray[np.int64]) -> Coverage:
    """Scores at every threshold on the certainty, from the surest cells to all.

    Args:
        probabilities: float `[n, labels]`, calibrated.
        targets: int64 `[n]`.

    Returns:
        One entry per distinct certainty; the last is all cells.
    """
    kept, counts = _surest_first(probabilities, targets)
    return _coverage(kept[1:] / kept[-1], counts[1:])


def _coverage(share: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> Coverage:
    return Coverage(share, weighted_f1(counts), accuracy(counts))


def _surest_first(
    probabilities: Array, targets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cells kept, `[k + 1]`, and their confusion, `[k + 1, labels, labels]`, from none to all, ties together."""
    certainty = probabilities.max(axis=1)
    order = np.argsort(-certainty, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(certainty[order]) != 0, True))
    labels = probabilities.shape[1]
    one_hot = np.eye(labels * labels)[targets * labels + answers_of(probabilities)]
    counts = np.cumsum(one_hot[order], axis=0)[last_of_tie].reshape(-1, labels, labels)
    return np.append(0.0, last_of_tie + 1.0), np.concatenate([np.zeros((1, labels, labels)), counts])
