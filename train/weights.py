"""How much each cell counts, so that neither large subjects nor the frequent class decide."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Label = TypeVar("Label", str, int)
_ROUNDING = 1e-9


def cell_weights(
    groups: Sequence[str], labels: Sequence[Label], *, subject_power: float, balance_classes: bool
) -> npt.NDArray[np.float32]:
    """Weighs the cells.

    Args:
        groups: the subject group of each cell.
        labels: the label of each cell.
        subject_power: a group of n cells weighs n ** (1 - subject_power).
        balance_classes: every class weighs the same; otherwise each keeps its share of the cells.

    Returns:
        float32 `[n]`, mean 1.
    """
    size = Counter(groups)
    weights = np.array([size[group] ** -subject_power for group in groups], np.float64)
    label_array = np.array(labels)
    classes = sorted(set(labels))
    for label in classes:
        of_label = label_array == label
        share = 1 / len(classes) if balance_classes else of_label.mean()
        weights[of_label] *= share * len(weights) / weights[of_label].sum()
    return weights.astype(np.float32)


def weighted_quantile(values: npt.NDArray[np.floating], weights: npt.NDArray[np.floating], share: float) -> float:
    """The smallest of the values that at least a share of the weight does not exceed.

    Args:
        values: float `[n]`, one or more.
        weights: float `[n]`, 0 or more, not all 0.
        share: 0 to 1.
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order], dtype=np.float64)
    # Sums of floats may fall short of the share by a rounding.
    place = int(np.searchsorted(reached, share * reached[-1] * (1 - _ROUNDING)))
    return float(values[order][min(place, len(values) - 1)])
