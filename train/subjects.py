"""One decision per person, from all cells of its subject group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from edge_runtime.classifier import SMALLEST_SCORE
from train.errors import TrainError
from train.groups import natural_key
from train.ranking import Array


@dataclass(frozen=True)
class Subjects:
    """What a model says of each person; `train.metrics.measure` takes the three as they are, each its own group.

    Attributes:
        probabilities: float64 `[m, labels]`.
        targets: int64 `[m]`.
        groups: the subject groups, `[m]`, in natural order.
    """

    probabilities: npt.NDArray[np.float64]
    targets: npt.NDArray[np.int64]
    groups: tuple[str, ...]


def by_subject(probabilities: Array, targets: npt.NDArray[np.int64], groups: Sequence[str]) -> Subjects:
    """Decides for each subject group by the softmax of the mean log-probability of its cells.

    With two labels that is the mean of the log-odds (a logarithmic opinion pool, Genest and Zidek 1986, with equal
    weights). It is the mean, not the sum: the cells of one person are not independent, and a sum would be as sure of a
    person as if they were. Probabilities are floored as the device floors scores, so that no cell decides alone.

    Args:
        probabilities: float `[n, labels]`, calibrated, of cells.
        targets: int64 `[n]`.
        groups: the subject group of each cell.

    Raises:
        TrainError: a group whose cells have several labels; there is no single truth of that person.
    """
    logs = np.log(np.maximum(probabilities, SMALLEST_SCORE)).astype(np.float64)
    own = np.asarray(groups)
    names = sorted(set(groups), key=natural_key)
    means, labels = [], []
    for name in names:
        chosen = own == name
        found = np.unique(targets[chosen])
        if len(found) > 1:
            raise TrainError(
                f"subject group {name}: its cells have labels {', '.join(map(str, found))}; "
                "a decision by person needs one label a person"
            )
        means.append(logs[chosen].mean(axis=0))
        labels.append(found[0])
    return Subjects(np.asarray(softmax(np.array(means), axis=1)), np.array(labels, np.int64), tuple(names))
