"""The teacher: trees and a line on shallow features, which answer each cell without having seen its person."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from train.calibrate import apply_calibration, fit_calibration
from train.errors import TrainError
from train.folds import fold_splits
from train.shallow import Array, Shallow
from train.split import sizes_by_label
from train.weights import cell_weights

# Folds within the people that a network learns from, or as many as the rarest class has groups.
FOLDS = 4
# Of each label; with fewer a fold would leave one person to learn from.
_FEWEST_GROUPS = 3
# Nearly equal people in the fits, so that no large subject decides; as the fine-tuned network is calibrated, by cells.
_FIT_POWER, _CALIBRATION_POWER = 0.75, 0.25
_TREES, _SMALLEST_LEAF = 200, 8
_LINE_PULL, _LINE_STEPS = 0.003, 1000
# Trees never say 0 or 1 of people they do not know.
_SUREST = 0.99
# A line is surer than trees; so it does not outvote them.
_LINE_SHARE = 0.3


def teach(
    features: Shallow, targets: npt.NDArray[np.int64], groups: Sequence[str], labels: Sequence[str], *, seed: int
) -> Array:
    """Answers each cell by models fitted on other people, calibrated over all of them.

    Extremely randomised trees (Geurts et al. 2006, doi 10.1007/s10994-006-6226-1) and logistic regression vote.

    Args:
        features: of the cells, `[n]`.
        targets: int64 `[n]`, indices into `labels`.
        groups: the subject group of each cell.
        labels: class names.
        seed: of folds and trees.

    Returns:
        Out-of-fold probabilities, float64 `[n, labels]`.

    Raises:
        TrainError: too few subject groups of a class.
    """
    names = [labels[target] for target in targets]
    check_teachable(groups, names)
    votes = np.empty((len(targets), len(labels)))
    fewest = min(len(sizes) for sizes in sizes_by_label(groups, names).values())
    # Only who is held out counts here: nothing is selected, so train and select both are learnt from.
    for split in fold_splits(groups, names, folds=min(FOLDS, fewest), select_share=0.5, seed=seed):
        held = np.array([split.part_of[group] == "report" for group in groups])
        votes[held] = _vote(features, targets, groups, names, learn=~held, answer=held, seed=seed)
    probabilities = apply_calibration(votes, 1.0, (0.0,) * len(labels))
    weights = cell_weights(groups, names, subject_power=_CALIBRATION_POWER, balance_classes=False)
    scale, offset = fit_calibration(probabilities, np.eye(len(labels))[targets], weights)
    return apply_calibration(probabilities, scale, offset)


def check_teachable(groups: Sequence[str], labels: Sequence[str]) -> None:
    """Refuses cells of too few people, before anybody has looked at one.

    Args:
        groups: the subject group of each cell to learn from.
        labels: the label of each.

    Raises:
        TrainError: names the label.
    """
    for label, sizes in sizes_by_label(groups, labels).items():
        if len(sizes) < _FEWEST_GROUPS:
            raise TrainError(
                f"label {label!r} has {len(sizes)} subject groups to learn from; a teacher needs {_FEWEST_GROUPS} or "
                "more: give other people's cells too, more --folds where there are any, or set distillation.weight to 0"
            )


def _vote(
    features: Shallow,
    targets: npt.NDArray[np.int64],
    groups: Sequence[str],
    names: Sequence[str],
    *,
    learn: npt.NDArray[np.bool_],
    answer: npt.NDArray[np.bool_],
    seed: int,
) -> Array:
    """Unnormalised scores of the cells to answer, float64 `[cells, labels]`."""
    at = np.flatnonzero(learn).tolist()
    asked = features.take(np.flatnonzero(answer))
    known, truth = features.take(np.flatnonzero(learn)), targets[learn]
    weights = cell_weights(
        [groups[i] for i in at], [names[i] for i in at], subject_power=_FIT_POWER, balance_classes=True
    )
    trees = ExtraTreesClassifier(_TREES, min_samples_leaf=_SMALLEST_LEAF, random_state=seed, n_jobs=-1)
    trees.fit(known.first, truth, sample_weight=weights)
    trees.set_params(n_jobs=1)  # several threads would add up the trees' answers in another order each time
    line = make_pipeline(StandardScaler(), LogisticRegression(C=_LINE_PULL, max_iter=_LINE_STEPS))
    line.fit(_all(known), truth, logisticregression__sample_weight=weights)
    said = np.clip(trees.predict_proba(asked.first), 1 - _SUREST, _SUREST)
    return np.asarray(np.exp(np.log(said) + _LINE_SHARE * line.predict_log_proba(_all(asked))))


def _all(features: Shallow) -> Array:
    return np.concatenate([features.first, features.deeper], axis=1)
