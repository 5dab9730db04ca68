"""Turns a network's scores into probabilities one can act on: a logit scale and offsets, and the abstain band."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from edge_runtime.classifier import SMALLEST_SCORE
from train.weights import weighted_quantile


def fit_calibration(
    scores: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating],
) -> tuple[float, tuple[float, ...]]:
    """Fits softmax(scale * log(score) + offset) by the least cross-entropy.

    Two labels make this Platt scaling (Platt 1999); more make it vector scaling with one scale (Guo et al. 2017).

    Args:
        scores: float `[n, labels]`, softmax outputs; floored as the device floors them.
        targets: float `[n, labels]`, one-hot labels, or the probabilities of another model to agree with.
        weights: float `[n]`.

    Returns:
        The scale, and one offset per label (the first is 0).
    """
    return _fit(scores, targets, weights, parameters=scores.shape[1])


def fit_scale(
    scores: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating],
) -> float:
    """Fits the scale alone (temperature scaling: Guo et al. 2017, arXiv 1706.04599): no answer turns to another label.

    Arguments are those of `fit_calibration`.
    """
    scale, _ = _fit(scores, targets, weights, parameters=1)
    return scale


def _fit(
    scores: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating],
    *,
    parameters: int,
) -> tuple[float, tuple[float, ...]]:
    """The scale, and the offsets of as many labels after the first as there are parameters left; the others are 0."""
    logits = np.log(np.maximum(scores, SMALLEST_SCORE)).astype(np.float64)
    labels = logits.shape[1]

    def loss(given: npt.NDArray[np.float64]) -> float:
        scale, offset = np.exp(given[0]), np.zeros(labels)
        offset[1:parameters] = given[1:]
        cross_entropy = -(targets * log_softmax(scale * logits + offset, axis=1)).sum(1)
        # The faint pull to (1, 0) keeps the fit finite when the cells are separated perfectly.
        return float((cross_entropy * weights).mean() + 1e-4 * (given**2).sum())

    found = minimize(loss, np.zeros(parameters), method="BFGS").x
    return float(np.exp(found[0])), (0.0, *map(float, found[1:]), *[0.0] * (labels - parameters))


def apply_calibration(
    scores: npt.NDArray[np.floating], scale: float, offset: tuple[float, ...]
) -> npt.NDArray[np.float64]:
    """Calibrated probabilities, float64 `[n, labels]`."""
    logits = np.log(np.maximum(scores, SMALLEST_SCORE)).astype(np.float64)
    return np.asarray(softmax(scale * logits + np.array(offset), axis=1))


def fit_abstain_band(
    probabilities: npt.NDArray[np.floating], share: float, weights: npt.NDArray[np.floating] | None = None
) -> tuple[float, float]:
    """The band about 0.5, even on both sides, that holds a share of the cells.

    Args:
        probabilities: float `[n, labels]`, calibrated.
        share: 0 to 1.
        weights: float `[n]`; None weighs every cell alike.

    Returns:
        `abstain_low`, `abstain_high` as `Decision` has them, rounded to 3 decimals.
    """
    if share <= 0:
        return 0.5, 0.5
    distances = np.maximum(probabilities.max(1) - 0.5, 0.0)
    margin = float(np.quantile(distances, share)) if weights is None else weighted_quantile(distances, weights, share)
    return round(0.5 - margin, 3), round(0.5 + margin, 3)
