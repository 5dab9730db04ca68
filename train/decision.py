"""Fits the decision on out-of-fold predictions: calibration, operating point and abstain band, judged nested."""

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from train.calibrate import apply_calibration, fit_abstain_band, fit_calibration
from train.errors import TrainError
from train.metrics import values_of
from train.weights import cell_weights, weighted_quantile

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OutOfFold:
    """Answers of cross-validation: each cell's by a network that never saw its person.

    Attributes:
        labels: class names.
        groups: the subject group of each cell.
        targets: int64 `[n]`, indices into `labels`.
        folds: int64 `[n]`.
        probabilities: float64 `[n, labels]`, calibrated on the select part of each fold's network.
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


@dataclass(frozen=True)
class Correction:
    """What brings a network's calibrated probabilities to the decision wanted of them.

    Attributes:
        scale: factor on the logarithms of the probabilities.
        offset: added to these, one per label.
        band: `abstain_low` and `abstain_high` of the corrected probabilities, as the contract has them.
    """

    scale: float
    offset: tuple[float, ...]
    band: tuple[float, float]

    def apply(self, probabilities: Array) -> Array:
        """Corrected probabilities, float64 `[n, labels]`."""
        return apply_calibration(probabilities, self.scale, self.offset)

    def abstains(self, corrected: Array) -> npt.NDArray[np.bool_]:
        """Whether the device would be uncertain of corrected probabilities `[n, labels]`, bool `[n]`."""
        low, high = self.band
        if corrected.shape[1] == 2:
            return np.asarray((low < corrected[:, 0]) & (corrected[:, 0] < high))
        return np.asarray(corrected.max(axis=1) < high)


@dataclass(frozen=True)
class Reached:
    """What decisions reached on folds that they were not fitted on; cells weighed as in the fit, all in 0..1."""

    sensitivity: float
    specificity: float
    uncertain: float
    weighted_f1_of_answered: float
    ece: float


def fit_correction(cells: OutOfFold, *, sensitivity: float, abstain_share: float, subject_power: float) -> Correction:
    """Fits the decision that networks of this recipe need.

    Calibration is Platt scaling of the out-of-fold probabilities. With a stated sensitivity the offset then moves until
    that share of the first label's cells lies at 0.5 or above; probabilities are then seen from that operating point.

    Args:
        cells: of people who are not reported on.
        sensitivity: wanted for the first of two labels, 0 to 1; 0 leaves 0.5 where calibration puts it.
        abstain_share: share of the cells that the abstain band is to hold.
        subject_power: a subject group of n cells weighs n ** (1 - subject_power).

    Raises:
        TrainError: a label without cells, or a sensitivity for more than two labels.
    """
    missing = [name for i, name in enumerate(cells.labels) if not (cells.targets == i).any()]
    if missing:
        raise TrainError(f"no out-of-fold predictions on cells of label {missing[0]!r}; cross-validate on both labels")
    if sensitivity and len(cells.labels) != 2:
        raise TrainError(f"a stated sensitivity needs two labels, there are {len(cells.labels)}; set it to 0")
    weights = cells.weights(subject_power)
    scale, offset = fit_calibration(cells.probabilities, np.eye(len(cells.labels))[cells.targets], weights)
    if sensitivity:
        corrected = apply_calibration(cells.probabilities, scale, offset)
        margin = np.log(corrected[:, 0]) - np.log(corrected[:, 1])
        positive = cells.targets == 0
        # The first label from the margin at which the rest of its cells begins.
        operating_point = -weighted_quantile(-margin[positive], weights[positive], sensitivity)
        offset = (offset[0], offset[1] + operating_point)
    plain = Correction(scale, offset, (0.5, 0.5))
    band = fit_abstain_band(plain.apply(cells.probabilities), abstain_share, weights)
    return Correction(scale, offset, band)


def judge_nested(cells: OutOfFold, *, sensitivity: float, abstain_share: float, subject_power: float) -> Reached:
    """Fits a decision outside each fold and judges it inside, so that no person sets what is measured on them.

    Args:
        cells: of two folds or more.
        sensitivity: as for `fit_correction`.
        abstain_share: as for `fit_correction`.
        subject_power: as for `fit_correction`.

    Raises:
        TrainError: a label whose cells are all in one fold.
    """
    corrected, uncertain = np.empty_like(cells.probabilities), np.empty(len(cells.targets), bool)
    for fold in sorted(set(cells.folds.tolist())):
        held = cells.folds == fold
        correction = fit_correction(
            cells.take(~held), sensitivity=sensitivity, abstain_share=abstain_share, subject_power=subject_power
        )
        corrected[held] = correction.apply(cells.probabilities[held])
        uncertain[held] = correction.abstains(corrected[held])
    weights = cells.weights(subject_power)
    every = values_of(corrected, cells.targets, weights)
    answered = ~uncertain
    kept = values_of(corrected[answered], cells.targets[answered], weights[answered])
    return Reached(
        sensitivity=every["sensitivity"],
        specificity=every["specificity"],
        uncertain=float(np.average(uncertain, weights=weights)),
        weighted_f1_of_answered=kept["weighted_f1"],
        ece=every["ece"],
    )


def read_out_of_fold(path: Path, labels: Sequence[str]) -> OutOfFold:
    """Reads the columns group, label, fold and one probability per label of what `crossval` wrote; others are ignored.

    Raises:
        TrainError: not readable, other labels, or a row that is not of this form.
    """
    wanted = ["group", "label", "fold", *(f"p_{label}" for label in labels)]
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in wanted if name not in (reader.fieldnames or ())]
            if missing:
                raise TrainError(f"{path}: has no column {missing[0]!r}; give the predictions.csv of crossval")
            rows = []
            for row in reader:
                try:
                    probabilities = [float(row[f"p_{label}"]) for label in labels]
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
