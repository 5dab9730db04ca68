"""Cells in the order of a score, and what every threshold on it gives."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Curve:
    """What the falling threshold lets through, from nothing to everything; the scores are NaN where a side is empty.

    Attributes:
        found: weight of the positive cells at or above each threshold, float64 `[t]`, rising from 0.
        mistaken: weight of the other cells at or above it, float64 `[t]`, rising from 0.
    """

    found: npt.NDArray[np.float64]
    mistaken: npt.NDArray[np.float64]

    @property
    def defined(self) -> bool:
        """Whether there are positive and other cells."""
        return bool(self.found[-1] > 0 and self.mistaken[-1] > 0)

    def auroc(self) -> float:
        """The area under the ROC by trapezoids: ties count half (Hanley and McNeil 1982)."""
        if not self.defined:
            return float("nan")
        corner = np.ones(len(self.found), bool)  # what lies on a straight line adds only rounding
        corner[2:-1] = (np.diff(self.mistaken[1:], 2) != 0) | (np.diff(self.found[1:], 2) != 0)
        true_rate, false_rate = self.found[corner] / self.found[-1], self.mistaken[corner] / self.mistaken[-1]
        return float((np.diff(false_rate) * (true_rate[1:] + true_rate[:-1]) / 2).sum())

    def average_precision(self) -> float:
        """The precision at each threshold, weighted by the recall it adds; not interpolated."""
        if not self.defined:
            return float("nan")
        precision = self.found[1:] / (self.found[1:] + self.mistaken[1:])
        return float((np.diff(self.found) * precision).sum() / self.found[-1])

    def sensitivity_at(self, specificity: float) -> float:
        """The highest sensitivity of any threshold whose specificity reaches the wanted one, 0..1."""
        if not self.defined:
            return float("nan")
        # Right over all, not one minus wrong over all: 9 of 10 is then 0.9 to the last digit.
        enough = (self.mistaken[-1] - self.mistaken) / self.mistaken[-1] >= specificity
        return float(self.found[enough][-1] / self.found[-1])

    def specificity_at(self, sensitivity: float) -> float:
        """The highest specificity of any threshold whose sensitivity reaches the wanted one, 0..1."""
        if not self.defined:
            return float("nan")
        enough = self.found / self.found[-1] >= sensitivity
        return float((self.mistaken[-1] - self.mistaken[enough][0]) / self.mistaken[-1])


class Ranking:
    """Cells sorted once, for curves at many weights.

    Args:
        scores: float `[n]`, higher where positive.
        positive: bool `[n]`.
    """

    def __init__(self, scores: Array, positive: npt.NDArray[np.bool_]) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._positive = positive[self._order]
        falls = np.diff(scores[self._order]) != 0
        self._last_of_tie = np.flatnonzero(np.append(falls, True))

    def curve(self, weights: Array) -> Curve:
        """The curve when each cell counts as float `[n]` says; a cell of weight 0 is as if it were not there."""
        own = np.asarray(weights[self._order], np.float64)
        found = np.cumsum(own * self._positive)[self._last_of_tie]
        mistaken = np.cumsum(own * ~self._positive)[self._last_of_tie]
        moved = np.diff(found + mistaken, prepend=0.0) > 0
        return Curve(np.append(0.0, found[moved]), np.append(0.0, mistaken[moved]))
