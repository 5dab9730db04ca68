"""Folds by subject group: everybody is reported on once, by what was chosen on others."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.findings.groups import read_groups
from train.config import read_config
from train.dataset import read_dataset
from train.errors import TrainError
from train.folds import fold_splits
from train.groups import C_NMC_GROUPS, groups_of
from train.split import PARTS, WANTED_GROUPS, Split, split_groups

SELECT_SHARE = 0.125


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[list[str], list[str], int]:
    """Groups and labels of the cells of enough groups in each of two or three classes, and a number of folds."""
    folds = draw(st.integers(2, 6))
    groups, labels = [], []
    for label in ("all", "hem", "other")[: draw(st.integers(2, 3))]:
        for i in range(draw(st.integers(max(folds, 4), 20))):
            cells = draw(st.integers(1, 60))
            groups += [f"{label}{i}"] * cells
            labels += [label] * cells
    return groups, labels, folds


def _splits(groups: list[str], labels: list[str], folds: int, seed: int = 0) -> list[Split]:
    return fold_splits(groups, labels, folds=folds, select_share=SELECT_SHARE, seed=seed)


@given(cohorts(), st.integers(0, 2**31 - 1))
@settings(max_examples=60, deadline=None)
def test_everybody_is_on_one_side_and_reported_on_once(cohort: tuple[list[str], list[str], int], seed: int) -> None:
    groups, labels, folds = cohort
    reported: Counter[int] = Counter()
    splits = _splits(groups, labels, folds, seed)
    assert len(splits) == folds
    for split in splits:
        positions = [split.indices(groups, part) for part in PARTS]
        assert sorted(i for part in positions for i in part) == list(range(len(groups)))
        members = [{groups[i] for i in part} for part in positions]
        assert sum(map(len, members)) == len(set(groups))
        for part in positions:
            assert {labels[i] for i in part} == set(labels)
        reported.update(positions[2])
    assert reported == Counter(range(len(groups)))


@given(cohorts())
@settings(max_examples=60, deadline=None)
def test_the_groups_of_a_class_are_spread_evenly(cohort: tuple[list[str], list[str], int]) -> None:
    groups, labels, folds = cohort
    label_of = dict(zip(groups, labels, strict=True))
    splits = _splits(groups, labels, folds)
    totals = []
    for label in set(labels):
        own = [group for group in label_of if label_of[group] == label]
        counts = [Counter(split.part_of[group] for group in own) for split in splits]
        held = [count["report"] for count in counts]
        assert max(held) - min(held) <= 1
        totals.append(held)
        for count in counts:
            if len(own) - count["report"] >= WANTED_GROUPS["train"] + WANTED_GROUPS["select"]:
                assert count["train"] >= WANTED_GROUPS["train"] and count["select"] >= WANTED_GROUPS["select"]
    together = [sum(held) for held in zip(*totals, strict=True)]
    assert max(together) - min(together) <= 1


@given(cohorts(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_folds_follow_from_sizes_and_seed_alone(cohort: tuple[list[str], list[str], int], random: Random) -> None:
    """Whatever the order of the cells."""
    groups, labels, folds = cohort
    cells = list(zip(groups, labels, strict=True))
    random.shuffle(cells)
    other_groups, other_labels = (list(column) for column in zip(*cells, strict=True))
    assert _splits(groups, labels, folds) == _splits(other_groups, other_labels, folds)


def test_a_group_of_two_labels_counts_for_the_one_of_most_cells() -> None:
    groups = [f"{label}{i}" for label in "ab" for i in range(4) for _ in range(5)]
    labels = [group[0] for group in groups]
    labels[:2] = "bb"
    splits = _splits(groups, labels, 2)
    assert sorted(split.part_of["a0"] == "report" for split in splits) == [False, True]
    for split in splits:
        assert sum(split.part_of[f"a{i}"] == "report" for i in range(4)) == 2


@pytest.mark.parametrize(("folds", "fewest"), [(2, 4), (3, 3), (4, 4), (5, 5)])
def test_too_few_people_are_refused(folds: int, fewest: int) -> None:
    groups = [f"a{i}" for i in range(20)] + [f"b{i}" for i in range(fewest)]
    labels = [group[0] for group in groups]
    assert len(_splits(groups, labels, folds)) == folds
    with pytest.raises(TrainError, match=f"label 'b' has {fewest - 1} subject groups; {fewest} or more are needed"):
        _splits(groups[:-1], labels[:-1], folds)


def test_one_fold_is_refused() -> None:
    with pytest.raises(TrainError, match="1 folds: give two or more"):
        _splits(["a", "b"], ["a", "b"], 1)


@pytest.fixture(scope="module")
def real(c_nmc: Path) -> tuple[list[str], list[str], list[str]]:
    """Subject, group and label of every real cell."""
    cells = read_dataset(c_nmc).cells
    subjects = [cell.subject for cell in cells]
    return subjects, groups_of(subjects, read_groups(C_NMC_GROUPS)), [cell.label for cell in cells]


def test_the_real_cells_fall_into_five_folds(real: tuple[list[str], list[str], list[str]]) -> None:
    _, groups, labels = real
    share = {label: labels.count(label) / 100 for label in ("all", "hem")}
    groups_held = {"all": [], "hem": []}
    for split in _splits(groups, labels, 5, read_config().fit.seed):
        for part, (low, high) in {"train": (50, 83), "select": (7, 13), "report": (8, 40)}.items():
            chosen = split.indices(groups, part)
            cells = Counter(labels[i] for i in chosen)
            held = {label: len({groups[i] for i in chosen if labels[i] == label}) for label in share}
            for label in share:
                assert low <= cells[label] / share[label] <= high
            if part == "report":
                groups_held["all"].append(held["all"])
                groups_held["hem"].append(held["hem"])
            else:
                assert min(held.values()) >= WANTED_GROUPS[part]
    # Nine groups of normal cells in five folds: one fold has a single one.
    assert sorted(groups_held["all"]) == [4, 4, 4, 4, 5] and sorted(groups_held["hem"]) == [1, 2, 2, 2, 2]


def test_the_report_subjects_of_the_default_settings_stay(real: tuple[list[str], list[str], list[str]]) -> None:
    subjects, groups, labels = real
    config = read_config()
    split = split_groups(groups, labels, config.split.shares, config.fit.seed)
    assert {subjects[i] for i in split.indices(groups, "report")} == {"23", "34", "52", "H9", "H22", "H40"}
