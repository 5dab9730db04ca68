"""The guard: what is unlike the training cells is uncertain, and few real cells are called so."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.bundle import Bundle
from edge_runtime.classifier import Classifier
from edge_runtime.contract import Guard
from edge_runtime.errors import ModelError
from edge_runtime.findings.groups import read_groups
from edge_runtime.preprocess import PixelArray, prepare, read_picture
from edge_runtime.row import row_of
from edge_runtime.sources.frame import Frame
from edge_runtime.traits import TRAITS, measure
from train.cli import C_NMC_MEASURED
from train.dataset import load_picture, read_dataset
from train.errors import TrainError
from train.groups import C_NMC_GROUPS
from train.guard import alarms_of, alarms_out_of_fold, false_alarms, fit_guard
from train.measured import read_measured

SIDE = 450


@pytest.fixture(scope="module")
def classifier(default_bundle: Bundle) -> Classifier:
    return Classifier(default_bundle)


def noise(seed: int) -> PixelArray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def disc(colour: tuple[int, int, int], radius: int) -> PixelArray:
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    return ((np.hypot(x, y) < radius)[:, :, None] * np.array(colour)).astype(np.uint8)


@pytest.mark.parametrize("value", [0, 60, 128, 255])
def test_an_empty_picture_is_uncertain(classifier: Classifier, value: int) -> None:
    decision = classifier.classify(np.full((SIDE, SIDE, 3), value, np.uint8))
    assert decision.uncertain
    assert decision.doubt.startswith("unlike the training cells: ")
    assert sum(decision.probabilities) == pytest.approx(1)


def test_a_black_picture_says_that_nothing_is_there(classifier: Classifier) -> None:
    assert classifier.classify(np.zeros((SIDE, SIDE, 3), np.uint8)).doubt == "unlike the training cells: area too low"


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_uncertain(classifier: Classifier, seed: int) -> None:
    assert "unlike" in classifier.classify(noise(seed)).doubt


@pytest.mark.parametrize("colour", [(80, 29, 68), (200, 200, 200), (30, 90, 160), (20, 20, 20)])
def test_an_even_disc_is_uncertain(classifier: Classifier, colour: tuple[int, int, int]) -> None:
    assert "unlike" in classifier.classify(disc(colour, 95)).doubt


def test_the_row_says_why_and_keeps_the_probabilities(classifier: Classifier) -> None:
    labels = classifier.contract.labels
    picture = noise(0)
    row = row_of(Frame("a.png", picture), labels, classifier.classify(picture))
    assert (row.status, row.detail.partition(":")[0]) == ("uncertain", "unlike the training cells")
    assert sum(row.probabilities.values()) == pytest.approx(1, abs=1e-3)


def test_few_real_cells_of_people_not_fitted_on_are_called_unlike(classifier: Classifier, c_nmc: Path) -> None:
    """The share in the contract, each person judged by bounds fitted on others, and fewer by the shipped bounds."""
    contract, dataset, known = classifier.contract, read_dataset(c_nmc), read_groups(C_NMC_GROUPS)
    measured = read_measured(C_NMC_MEASURED, dataset, known)
    spec = contract.input
    traits = np.array([measure(prepare(load_picture(cell), spec), spec.colour_order) for cell in dataset.cells])
    targets = np.array([dataset.labels.index(cell.label) for cell in dataset.cells])
    alarms = alarms_out_of_fold(traits, measured.groups, measured.folds, stated=contract.guard.stated)
    share = false_alarms(alarms, targets, measured.groups)
    assert share == contract.guard.false_alarms
    assert share.value <= 0.05
    assert false_alarms(alarms_of(traits, contract.guard), targets, measured.groups).value < share.value


def test_a_whole_field_is_uncertain(classifier: Classifier, data_root: Path) -> None:
    fields = sorted((data_root / "bccd" / "images").glob("*.jpg"))[::15]
    assert len(fields) > 10
    assert np.mean(["unlike" in classifier.classify(read_picture(path)).doubt for path in fields]) >= 0.9


@pytest.mark.parametrize("change", ["halved", "doubled", "inverted", "swapped"])
def test_a_real_cell_made_into_none_is_uncertain(classifier: Classifier, c_nmc: Path, change: str) -> None:
    cells = read_dataset(c_nmc).cells[::200]
    caught = []
    for cell in cells:
        picture = load_picture(cell)
        if change == "halved":
            picture = np.ascontiguousarray(picture[::2, ::2])
        elif change == "doubled":
            picture = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        elif change == "inverted":
            picture = np.where(picture.any(axis=2, keepdims=True), 255 - picture, 0).astype(np.uint8)
        else:
            picture = np.ascontiguousarray(picture[:, :, ::-1])
        caught.append("unlike" in classifier.classify(picture).doubt)
    assert np.mean(caught) >= 0.9


def test_bounds_hold_the_stated_share_of_people_not_fitted_on() -> None:
    """Simulated people: each shifts every trait by an amount of their own."""
    rng = np.random.default_rng(0)
    groups = [f"{i}" for i in range(60) for _ in range(100)]
    shift = rng.normal(0, 0.5, (60, len(TRAITS))).repeat(100, axis=0)
    traits = shift + rng.normal(size=shift.shape)
    known = np.arange(len(groups)) < 30 * 100
    guard = fit_guard(traits[known], groups[: 30 * 100], stated=0.05)
    measured = false_alarms(alarms_of(traits[~known], guard), np.zeros(3000, np.int64), groups[30 * 100 :])
    assert measured.low <= 0.05 <= measured.high
    assert measured.value == pytest.approx(0.05, abs=0.02)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 0.1), st.floats(0, 0.1), st.integers(0, 20))
def test_fewer_false_alarms_never_make_a_bound_narrower(one: float, other: float, seed: int) -> None:
    traits = np.random.default_rng(seed).normal(size=(60, len(TRAITS)))
    groups = [f"{i % 6}" for i in range(60)]
    strict, loose = (fit_guard(traits, groups, stated=share) for share in sorted((one, other)))
    for wide, narrow in zip(strict.bounds, loose.bounds, strict=True):
        assert wide.low <= narrow.low and narrow.high <= wide.high


def test_a_picture_that_cannot_be_measured_is_an_alarm_and_is_not_fitted_on() -> None:
    traits = np.random.default_rng(1).normal(size=(40, len(TRAITS)))
    groups = [f"{i % 4}" for i in range(40)]
    plain = fit_guard(traits, groups, stated=0.1)
    black = np.vstack([traits, [[-9.0] + [np.nan] * (len(TRAITS) - 1)]])
    assert fit_guard(black, [*groups, "0"], stated=0.1) == plain
    assert alarms_of(black, plain)[-1]


@pytest.mark.parametrize("groups", [["1"] * 10, []])
def test_one_person_is_too_few_to_fit_on(groups: list[str]) -> None:
    with pytest.raises(TrainError, match="two subject groups"):
        fit_guard(np.zeros((len(groups), len(TRAITS))), groups, stated=0.01)


def test_a_guard_of_other_traits_is_refused(mean_bundle: Callable[..., Bundle]) -> None:
    bundle = mean_bundle()
    guard: Guard = dataclasses.replace(bundle.contract.guard, bounds=bundle.contract.guard.bounds[1:])
    other = dataclasses.replace(bundle, contract=dataclasses.replace(bundle.contract, guard=guard))
    with pytest.raises(ModelError, match="other traits"):
        Classifier(other)
