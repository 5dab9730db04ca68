"""The area-only baseline: what the size of the cell alone would answer."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from train.dataset import Cell, load_picture


def areas(cells: Sequence[Cell]) -> npt.NDArray[np.float64]:
    """Non-black pixels of each cell's picture, float64 `[n]`."""
    with ThreadPoolExecutor() as pool:
        return np.array(list(pool.map(_area, cells)), np.float64)


def _area(cell: Cell) -> int:
    return int(np.count_nonzero(load_picture(cell).any(axis=2)))


def area_probabilities(
    fit_areas: npt.NDArray[np.float64],
    fit_targets: npt.NDArray[np.int64],
    fit_weights: npt.NDArray[np.float32],
    areas_: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Logistic regression on area, fitted on other subjects.

    Args:
        fit_areas: `[m]`, of cells outside the report part.
        fit_targets: `[m]`, their labels.
        fit_weights: `[m]`.
        areas_: `[n]`, of the report cells.

    Returns:
        float64 `[n, labels]`.
    """
    centre, spread = fit_areas.mean(), fit_areas.std()
    model = LogisticRegression()
    model.fit(((fit_areas - centre) / spread)[:, None], fit_targets, sample_weight=fit_weights)
    return np.asarray(model.predict_proba(((areas_ - centre) / spread)[:, None]))
