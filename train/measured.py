"""What networks of a recipe answered on people they never saw, in float and as a device runs them: a small file."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from train.dataset import Cell, Dataset
from train.decision import Rule, correct_nested
from train.errors import TrainError
from train.files import differing, write_json, write_whole, writing
from train.groups import groups_of
from train.out_of_fold import Array, OutOfFold, read_out_of_fold
from train.predictions import Predictions

# Of a probability; finer than a step of an 8-bit answer.
_DECIMALS = 5
DEVICE_PREFIX = "device_"


@dataclass(frozen=True)
class Measured:
    """Answers on every cell of a data set, each by networks fitted without its person.

    Attributes:
        cells: in the order of the data set.
        groups: the subject group of each.
        labels: class names.
        folds: int64 `[n]`, from 1.
        float_: the float networks' probabilities, float64 `[n, labels]`.
        device: those of their exported twins, run as a device runs them, float64 `[n, labels]`.
        identity: settings, compression and data they were made with, as JSON.
    """

    cells: tuple[Cell, ...]
    groups: tuple[str, ...]
    labels: tuple[str, ...]
    folds: npt.NDArray[np.int64]
    float_: Array
    device: Array
    identity: dict[str, Any]

    def decided(self, rule: Rule) -> tuple[Predictions, Predictions]:
        """Both kinds of answers, float first, after a decision by this rule was fitted outside each fold.

        Raises:
            TrainError: a label whose cells are all in one fold.
        """
        return self._decided(self.float_, rule), self._decided(self.device, rule)

    def _decided(self, probabilities: Array, rule: Rule) -> Predictions:
        corrected, _ = correct_nested(self._out_of_fold(probabilities), rule)
        return Predictions(self.cells, self.groups, self.labels, corrected)

    def _out_of_fold(self, probabilities: Array) -> OutOfFold:
        targets = np.array([self.labels.index(cell.label) for cell in self.cells], np.int64)
        return OutOfFold(self.labels, self.groups, targets, self.folds, probabilities)


def write_measured(path: Path, measured: Measured, dataset: Dataset) -> None:
    """Writes `cell,group,label,fold,p_<label>...,device_p_<label>...`, and beside it the identity as JSON.

    A cell is named by its path in the data set without suffix, so that the file serves the same cells in another
    format.

    Raises:
        TrainError: it cannot be written.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    names = [f"p_{label}" for label in measured.labels]
    writer.writerow(["cell", "group", "label", "fold", *names, *(DEVICE_PREFIX + name for name in names)])
    for cell, group, fold, *both in zip(
        measured.cells, measured.groups, measured.folds, measured.float_, measured.device, strict=True
    ):
        values = [f"{value:.{_DECIMALS}f}" for value in np.concatenate(both)]
        writer.writerow([dataset.name_of(cell), group, cell.label, fold, *values])
    identity = _identity_file(path)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        identity.unlink(missing_ok=True)  # whatever ends this half way, no identity stands beside answers of another
    write_whole(path, file.getvalue().encode("utf-8", "surrogateescape"))
    write_json(identity, measured.identity)


def read_measured(path: Path, dataset: Dataset, groups: dict[str, str]) -> Measured:
    """Reads what `write_measured` wrote.

    Args:
        path: of the CSV.
        dataset: the cells it is of.
        groups: the group of each subject that is not alone.

    Raises:
        TrainError: not such a file, or of other cells or groups than these.
    """
    again = "`python -m compress crossval` writes it"
    float_, device = (read_out_of_fold(path, dataset.labels, prefix=prefix) for prefix in ("", DEVICE_PREFIX))
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            names = [row["cell"] for row in csv.DictReader(file, strict=True)]
        identity = json.loads(_identity_file(path).read_text("utf-8"))
        if not isinstance(identity, dict):
            raise ValueError(f"{_identity_file(path).name} is no object")
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise TrainError(f"{path}: not a measurement with its .json beside it ({error}); {again}") from None
    at = {name: i for i, name in enumerate(names)}
    own = groups_of([cell.subject for cell in dataset.cells], groups)
    wanted = [dataset.name_of(cell) for cell in dataset.cells]
    strange = sorted(set(at) ^ set(wanted))
    if strange:
        raise TrainError(f"{path}: the cell {strange[0]} is only here or only in the data; {again} for these cells")
    order = np.array([at[name] for name in wanted], np.int64)
    for cell, group, i in zip(dataset.cells, own, order, strict=True):
        if (float_.groups[i], dataset.labels[float_.targets[i]]) != (group, cell.label):
            raise TrainError(f"{path}: {dataset.name_of(cell)} has another label or group here; {again} for this data")
    return Measured(
        dataset.cells,
        tuple(own),
        dataset.labels,
        float_.folds[order],
        float_.probabilities[order],
        device.probabilities[order],
        identity,
    )


def check_identity(path: Path, measured: Measured, identity: dict[str, Any]) -> None:
    """Refuses answers of networks of other settings.

    Args:
        path: of the file, to name it.
        measured: what was read from it.
        identity: what it must have been made with.

    Raises:
        TrainError: says what differs.
    """
    other = differing(measured.identity, identity)
    if other:
        raise TrainError(
            f"{path}: was measured with other settings or data ({other[0]!r} differs); "
            "`python -m train crossval` and `python -m compress crossval` measure these"
        )


def digest_of_file(path: Path) -> str:
    """The SHA-256 by which a model names the file its scores come from.

    Raises:
        TrainError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainError(
            f"{path}: cannot be read ({error.strerror}); `python -m compress crossval` writes it"
        ) from None


def _identity_file(path: Path) -> Path:
    return path.with_suffix(".json")
