"""One decision per person, from all cells of its subject group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.findings.names import natural_key
from edge_runtime.scoring.pool import log_of, pooled
from edge_runtime.scoring.ranking import Array
from train.errors import TrainError


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
    """Decides for each subject group by the pooled probability of its cells.

    Args:
        probabilities: float `[n, labels]`, calibrated, of cells.
        targets: int64 `[n]`.
        groups: the subject group of each cell.

    Raises:
        TrainError: a group whose cells have several labels; there is no single truth of that person.
    """
    logs = log_of(probabilities)
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
    return Subjects(pooled(np.array(means)), np.array(labels, np.int64), tuple(names))
