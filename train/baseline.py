"""The baselines: what the size or the colours of the cell alone would answer."""

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edge_runtime.preprocess import PixelArray
from train.dataset import Cell, load_picture
from train.predictions import Predictions
from train.weights import cell_weights

Features = npt.NDArray[np.float64]

COLOUR_BINS = 16  # a channel
_DENSEST = 1.2  # of the bins; what is denser falls into the last
_STEPS = 1000  # of the fit; scikit-learn's 100 are too few for 48 features


def areas(cells: Sequence[Cell]) -> Features:
    """Non-black pixels of each cell's picture, float64 `[n, 1]`."""
    return _of_each(cells, area)


def colours(cells: Sequence[Cell]) -> Features:
    """The colour histogram of each cell, float64 `[n, 48]`, as `colour_histogram` says."""
    return _of_each(cells, colour_histogram)


def _of_each(cells: Sequence[Cell], feature: Callable[[PixelArray], Features]) -> Features:
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(lambda cell: feature(load_picture(cell)), cells)))


def area(picture: PixelArray) -> Features:
    """The number of non-black pixels of uint8 `[height, width, 3]`, float64 `[1]`."""
    return np.array([np.count_nonzero(picture.any(axis=2))], np.float64)


def colour_histogram(picture: PixelArray) -> Features:
    """How the optical density of the non-black pixels is spread in each channel.

    Optical density, -log10(value / 255), is proportional to the amount of stain (Beer-Lambert; Ruifrok and Johnston
    2001). The histogram knows neither size nor form.

    Args:
        picture: uint8 `[height, width, 3]`, BGR.

    Returns:
        float64 `[48]`, 16 bins of density 0 to 1.2 each for B, G, R; each channel sums to 1, or to 0 when all is black.
    """
    density = -np.log10(np.maximum(np.arange(256), 1) / 255)
    bin_of = np.minimum((density / _DENSEST * COLOUR_BINS).astype(np.int64), COLOUR_BINS - 1)
    pixels = bin_of[picture[picture.any(axis=2)]] + COLOUR_BINS * np.arange(3)
    counts = np.bincount(pixels.ravel(), minlength=3 * COLOUR_BINS)
    return counts / max(len(pixels), 1)


def answer_folds(features: Features, judged: Predictions, folds: Sequence[int], *, subject_power: float) -> Predictions:
    """What features alone answer on each fold, fitted on the subjects of all others.

    Args:
        features: float64 `[n, features]`, of the judged cells.
        judged: the cells.
        folds: the fold of each.
        subject_power: a subject group of n cells weighs n ** (1 - subject_power), as in training.
    """
    fold_of, probabilities = np.array(folds), np.empty_like(judged.probabilities)
    for fold in sorted(set(fold_of.tolist())):
        held = fold_of == fold
        probabilities[held] = answer_held(features, judged.targets, judged.groups, held, subject_power=subject_power)
    return dataclasses.replace(judged, probabilities=probabilities)


def answer_held(
    features: Features,
    targets: npt.NDArray[np.int64],
    groups: Sequence[str],
    held: npt.NDArray[np.bool_],
    *,
    subject_power: float,
) -> Features:
    """What features alone answer on some cells, fitted on all others.

    Args:
        features: float64 `[n, features]`, of all cells.
        targets: int64 `[n]`, their labels; every label occurs among the others.
        groups: the subject group of each.
        held: bool `[n]`, whom to answer; of whole groups.
        subject_power: a subject group of n cells weighs n ** (1 - subject_power), as in training.

    Returns:
        Probabilities of the cells held, float64 `[held, labels]`.
    """
    others = np.flatnonzero(~held).tolist()
    weights = cell_weights(
        [groups[i] for i in others], targets[others].tolist(), subject_power=subject_power, balance_classes=False
    )
    return fit_and_answer(features[others], targets[others], weights, features[held])


def fit_and_answer(
    fit_features: Features,
    fit_targets: npt.NDArray[np.int64],
    fit_weights: npt.NDArray[np.float32],
    features: Features,
) -> npt.NDArray[np.float64]:
    """Multinomial logistic regression on standardised features, fitted on other subjects.

    Args:
        fit_features: float64 `[m, features]`, of cells outside the judged part.
        fit_targets: int64 `[m]`, their labels; every label occurs.
        fit_weights: float32 `[m]`.
        features: float64 `[n, features]`, of the judged cells.

    Returns:
        Probabilities, float64 `[n, labels]`.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_STEPS))
    model.fit(fit_features, fit_targets, logisticregression__sample_weight=fit_weights)
    return np.asarray(model.predict_proba(features))
