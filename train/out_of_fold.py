"""Answers of cross-validation: each cell's by a network that never saw its person; read, and kept as a small file."""

import csv
import dataclasses
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from train.config import Config
from train.errors import TrainError
from train.files import differing
from train.weights import cell_weights

Array = npt.NDArray[np.float64]
CROSSVAL_STATE = "crossval.json"


@dataclass(frozen=True)
class OutOfFold:
    """Answers of cross-validation: each cell's by a network that never saw its person.

    Attributes:
        labels: class names.
        groups: the subject group of each cell.
        targets: int64 `[n]`, indices into `labels`.
        folds: int64 `[n]`.
        probabilities: float64 `[n, labels]`, calibrated by the teacher of each fold's network, or on its select part.
    """

    labels: tuple[str, ...]
    groups: tuple[str, ...]
    targets: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    probabilities: Array

    def take(self, chosen: npt.NDArray[np.bool_]) -> "OutOfFold":
        """The chosen cells, bool `[n]`."""
        groups = tuple(group for group, taken in zip(self.groups, chosen, strict=True) if taken)
        return OutOfFold(self.labels, groups, self.targets[chosen], self.folds[chosen], self.probabilities[chosen])

    def weights(self, subject_power: float) -> npt.NDArray[np.float64]:
        """float64 `[n]`, mean 1, as the calibration on the select part weighs."""
        names = [self.labels[target] for target in self.targets]
        return cell_weights(self.groups, names, subject_power=subject_power, balance_classes=False).astype(np.float64)


def read_out_of_fold(path: Path, labels: Sequence[str], *, prefix: str = "") -> OutOfFold:
    """Reads the columns group, label, fold and one probability per label of what `crossval` wrote; others are ignored.

    Args:
        path: of the CSV.
        labels: class names.
        prefix: of the names of the columns of probabilities, before `p_`.

    Raises:
        TrainError: not readable, other labels, or a row that is not of this form.
    """
    wanted = ["group", "label", "fold", *(f"{prefix}p_{label}" for label in labels)]
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in wanted if name not in (reader.fieldnames or ())]
            if missing:
                raise TrainError(f"{path}: has no column {missing[0]!r}; give the predictions.csv of crossval")
            rows = []
            for row in reader:
                try:
                    probabilities = [float(row[f"{prefix}p_{label}"]) for label in labels]
                    known = list(labels).index(row["label"])
                    rows.append((row["group"], known, int(row["fold"]), probabilities))
                except (TypeError, ValueError):
                    raise TrainError(f"{path}: line {reader.line_num} is not a row of crossval's predictions") from None
                if not all(0 <= value <= 1 for value in probabilities):
                    raise TrainError(f"{path}: line {reader.line_num} has a probability that is not 0 to 1")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainError(f"{path}: not a readable CSV ({error}); give the predictions.csv of crossval") from None
    if not rows:
        raise TrainError(f"{path}: holds no predictions; give the predictions.csv of crossval")
    groups, targets, folds, values = zip(*rows, strict=True)
    return OutOfFold(
        tuple(labels), groups, np.array(targets, np.int64), np.array(folds, np.int64), np.array(values, np.float64)
    )


def check_recipe(path: Path, config: Config, data_sha256: str) -> None:
    """Refuses answers of networks of another recipe: the decision that those need is not this network's.

    What only decides, and what only names, may be other.

    Args:
        path: of the answers; their settings are beside them, as `crossval` and `compress crossval` write them.
        config: the settings of the network to be decided on.
        data_sha256: fingerprint of its data.

    Raises:
        TrainError: other settings or data, or none beside the file.
    """
    beside = [path.with_suffix(".json"), path.parent / CROSSVAL_STATE]
    state = next((each for each in beside if each.is_file()), None)
    if state is None:
        raise TrainError(
            f"{path}: the settings it was made with are not beside it ({' or '.join(each.name for each in beside)}); "
            "give it where `crossval` wrote it"
        )
    try:
        known = json.loads(state.read_text("utf-8"))
        theirs = _fitting(known["config"]) | {"data_sha256": known["data_sha256"]}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise TrainError(f"{state}: does not say how {path.name} was made ({error}); make it again") from None
    other = differing(theirs, _fitting(dataclasses.asdict(config)) | {"data_sha256": data_sha256})
    if other:
        raise TrainError(
            f"{path}: was made with other settings or data ({other[0]!r} differs in {state.name}); "
            "`python -m train crossval` with these settings writes one"
        )


def _fitting(settings: dict[str, Any]) -> dict[str, Any]:
    """What of some settings makes a network, by dotted key."""
    sections = ("picture", "network", "augment", "fit", "distillation")
    flat = {f"{section}.{key}": value for section in sections for key, value in settings[section].items()}
    del flat["fit.abstain_share"]
    return flat


def without_groups(cells: OutOfFold, kept_out: Collection[str], known: Collection[str]) -> OutOfFold:
    """Leaves out the subject groups that are reported on: they choose nothing.

    Args:
        cells: of all subject groups.
        kept_out: the report part's groups.
        known: the groups of the data set.

    Raises:
        TrainError: predictions on a group that the data set does not have.
    """
    strange = sorted(set(cells.groups) - set(known))
    if strange:
        raise TrainError(
            f"out-of-fold predictions are of subject group {strange[0]!r}, which is not in the data; "
            "give those of the same data and groups"
        )
    return cells.take(np.array([group not in kept_out for group in cells.groups]))
