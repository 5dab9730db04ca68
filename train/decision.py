"""Fits the decision on out-of-fold predictions: calibration, operating point and abstain band, judged nested."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.calibrate import apply_calibration, fit_abstain_band, fit_calibration, fit_scale
from train.config import Config
from train.errors import TrainError
from train.metrics import values_of
from train.out_of_fold import OutOfFold
from train.weights import weighted_quantile

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """What is wanted of a decision.

    Attributes:
        sensitivity: wanted for the first of two labels, 0 to 1; 0 leaves 0.5 where calibration puts it.
        abstain_share: share of the cells that the abstain band is to hold.
        subject_power: a subject group of n cells weighs n ** (1 - subject_power).
        is_taught: a teacher that had not seen the people says where answers turn; only how sure they are is fitted.
    """

    sensitivity: float
    abstain_share: float
    subject_power: float
    is_taught: bool

    @classmethod
    def of(cls, config: Config) -> "Rule":
        """The rule of some settings."""
        taught = config.distillation.weight > 0
        return cls(config.decision.sensitivity, config.fit.abstain_share, config.fit.subject_power, taught)

    def as_text(self) -> dict[str, str]:
        """By name, for a model's provenance."""
        return {name: f"{float(value):g}" for name, value in vars(self).items()}

    @classmethod
    def from_text(cls, named: Mapping[str, str]) -> "Rule":
        """The rule that `as_text` put among other names.

        Raises:
            TrainError: a name is missing, or stands for no number.
        """
        try:
            return cls(
                sensitivity=float(named["sensitivity"]),
                abstain_share=float(named["abstain_share"]),
                subject_power=float(named["subject_power"]),
                is_taught=bool(float(named["is_taught"])),
            )
        except (KeyError, ValueError) as error:
            raise TrainError(f"the model does not say how it decides ({error}); make it again") from None


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


def fit_correction(cells: OutOfFold, rule: Rule) -> Correction:
    """Fits the decision that networks of this recipe need.

    Calibration is Platt scaling of the out-of-fold probabilities, or of their scale alone. With a stated sensitivity
    the offset then moves until that share of the first label's cells lies at 0.5 or above; probabilities are then seen
    from that operating point.

    Args:
        cells: of people who are not reported on.
        rule: what is wanted.

    Raises:
        TrainError: a label without cells, or a sensitivity for more than two labels.
    """
    missing = [name for i, name in enumerate(cells.labels) if not (cells.targets == i).any()]
    if missing:
        raise TrainError(f"no out-of-fold predictions on cells of label {missing[0]!r}; cross-validate on both labels")
    if rule.sensitivity and len(cells.labels) != 2:
        raise TrainError(f"a stated sensitivity needs two labels, there are {len(cells.labels)}; set it to 0")
    weights = cells.weights(rule.subject_power)
    answers = (cells.probabilities, np.eye(len(cells.labels))[cells.targets], weights)
    if rule.is_taught:
        scale, offset = fit_scale(*answers), (0.0,) * len(cells.labels)
    else:
        scale, offset = fit_calibration(*answers)
    if rule.sensitivity:
        corrected = apply_calibration(cells.probabilities, scale, offset)
        margin = np.log(corrected[:, 0]) - np.log(corrected[:, 1])
        positive = cells.targets == 0
        # The first label from the margin at which the rest of its cells begins.
        operating_point = -weighted_quantile(-margin[positive], weights[positive], rule.sensitivity)
        offset = (offset[0], offset[1] + operating_point)
    plain = Correction(scale, offset, (0.5, 0.5))
    band = fit_abstain_band(plain.apply(cells.probabilities), rule.abstain_share, weights)
    return Correction(scale, offset, band)


def correct_nested(cells: OutOfFold, rule: Rule) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Fits a decision outside each fold and applies it inside, so that no person sets what is measured on them.

    Args:
        cells: of two folds or more.
        rule: what is wanted.

    Returns:
        Corrected probabilities, float64 `[n, labels]`, and whether the device would be uncertain, bool `[n]`.

    Raises:
        TrainError: a label whose cells are all in one fold.
    """
    corrected, uncertain = np.empty_like(cells.probabilities), np.empty(len(cells.targets), bool)
    for fold in sorted(set(cells.folds.tolist())):
        held = cells.folds == fold
        correction = fit_correction(cells.take(~held), rule)
        corrected[held] = correction.apply(cells.probabilities[held])
        uncertain[held] = correction.abstains(corrected[held])
    return corrected, uncertain


def judge_nested(cells: OutOfFold, rule: Rule) -> Reached:
    """What the decisions of `correct_nested` reach; same arguments and errors."""
    corrected, uncertain = correct_nested(cells, rule)
    weights = cells.weights(rule.subject_power)
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
