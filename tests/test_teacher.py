"""The teacher answers people it has not seen: it cannot tell who they are, and its probabilities mean what they say."""

import numpy as np
import numpy.typing as npt
import pytest

from train.errors import TrainError
from train.metrics import auroc
from train.shallow import Shallow
from train.teacher import teach

LABELS = ("all", "hem")


def _people(groups_per_label: int, cells: int) -> tuple[list[str], npt.NDArray[np.int64]]:
    groups = [f"{label}{i}" for label in LABELS for i in range(groups_per_label) for _ in range(cells)]
    return groups, np.repeat(np.arange(len(LABELS)), groups_per_label * cells)


def _teach(features: npt.NDArray[np.float64], groups: list[str], targets: npt.NDArray[np.int64]) -> np.ndarray:
    half = features.shape[1] // 2
    return teach(Shallow(features[:, :half], features[:, half:]), targets, groups, LABELS, seed=1)


def test_who_a_person_is_helps_nothing() -> None:
    """Each person has a look of their own that no other has: learnt by heart it would answer all cells rightly."""
    groups, targets = _people(10, 12)
    rng = np.random.default_rng(0)
    look = {group: rng.normal(size=8) for group in sorted(set(groups))}
    features = np.array([look[group] for group in groups]) + 0.01 * rng.normal(size=(len(groups), 8))
    assert auroc(_teach(features, groups, targets), targets) < 0.75


def test_what_the_class_shows_is_learnt_and_calibrated() -> None:
    groups, targets = _people(10, 40)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(groups), 8)) + 1.2 * targets[:, np.newaxis] * (np.arange(8) % 2)
    said = _teach(features, groups, targets)
    np.testing.assert_allclose(said.sum(axis=1), 1)
    assert auroc(said, targets) > 0.9
    for low, high in ((0.1, 0.4), (0.6, 0.9)):
        chosen = (said[:, 0] > low) & (said[:, 0] < high)
        assert abs(said[chosen, 0].mean() - (targets[chosen] == 0).mean()) < 0.12


def test_the_same_seed_gives_the_same_answers() -> None:
    groups, targets = _people(4, 6)
    features = np.random.default_rng(0).normal(size=(len(groups), 6))
    np.testing.assert_array_equal(_teach(features, groups, targets), _teach(features, groups, targets))


def test_too_few_people_are_one_line() -> None:
    groups, targets = _people(2, 6)
    with pytest.raises(TrainError, match="subject groups") as caught:
        _teach(np.zeros((len(groups), 4)), groups, targets)
    assert "\n" not in str(caught.value)
