"""Subject groups and the three parts: nobody is on two sides."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import InputError
from edge_runtime.findings.groups import read_groups
from edge_runtime.findings.names import natural_key
from train.errors import TrainError
from train.groups import C_NMC_GROUPS, groups_of, join, write_groups
from train.split import PARTS, split_groups
from train.weights import cell_weights


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Groups and labels of the cells of 3 to 12 groups in each of two or three classes."""
    groups, labels = [], []
    for label in ("all", "hem", "other")[: draw(st.integers(2, 3))]:
        for i in range(draw(st.integers(3, 12))):
            cells = draw(st.integers(1, 60))
            groups += [f"{label}{i}"] * cells
            labels += [label] * cells
    return groups, labels


@given(cohorts(), st.integers(0, 2**31 - 1))
@settings(max_examples=60, deadline=None)
def test_no_group_is_in_two_parts_and_every_class_is_in_each(cohort: tuple[list[str], list[str]], seed: int) -> None:
    groups, labels = cohort
    split = split_groups(groups, labels, (0.7, 0.1, 0.2), seed)
    positions = [split.indices(groups, part) for part in PARTS]
    assert sorted(i for part in positions for i in part) == list(range(len(groups)))
    members = [{groups[i] for i in part} for part in positions]
    assert members[0].isdisjoint(members[1]) and members[0].isdisjoint(members[2]) and members[1].isdisjoint(members[2])
    for part in positions:
        assert {labels[i] for i in part} == set(labels)


def test_the_split_follows_from_the_seed_alone() -> None:
    groups = [f"g{i}" for i in range(12)] * 5
    labels = ["all" if int(group[1:]) % 2 else "hem" for group in groups]
    assert split_groups(groups, labels, (0.6, 0.2, 0.2), 7) == split_groups(groups, labels, (0.6, 0.2, 0.2), 7)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(TrainError, match="label 'hem' has 2 subject groups"):
        split_groups(["a", "b", "c", "d", "e"], ["all", "all", "all", "hem", "hem"], (0.6, 0.2, 0.2), 0)


def test_connected_subjects_are_one_group() -> None:
    found = join(["1", "2", "3", "10", "H2"], [("10", "2"), ("3", "10")])
    assert found == {"2": "2+3+10", "3": "2+3+10", "10": "2+3+10"}


def test_the_groups_file_survives_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    write_groups(path, {"51": "51+75", "75": "51+75"})
    assert read_groups(path) == {"51": "51+75", "75": "51+75"}
    assert groups_of(["75", "6"], read_groups(path)) == ["51+75", "6"]


@pytest.mark.parametrize(
    "text",
    [
        "subject\n1\n",
        "subject,group\n1,\n",
        "subject,group\n1,a\n1,b\n",
        "subject,group\n1, a\n",
        "subject,group\n1 ,a\n",
        "subject,group\n1,a,b\n",
    ],
)
def test_a_groups_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=str(path)):
        read_groups(path)


def test_the_known_c_nmc_people_are_kept_together() -> None:
    known = read_groups(C_NMC_GROUPS)
    for people in (
        ["51", "75", "78"],
        ["43", "44"],
        ["1", "15", "16", "17", "20", "21"],
        ["H3", "H10"],
        ["H14", "H24"],
    ):
        assert len(set(groups_of(people, known))) == 1
    assert groups_of(["6", "H6"], known)[0] != groups_of(["6", "H6"], known)[1]


def test_subjects_are_sorted_as_people_count() -> None:
    assert sorted(["H10", "10", "H2", "2", "slide"], key=natural_key) == ["2", "10", "H2", "H10", "slide"]


def test_weights_balance_classes_and_calm_large_subjects() -> None:
    groups, labels = ["a"] * 100 + ["b"] * 4 + ["c"] * 25, ["all"] * 104 + ["hem"] * 25
    weights = cell_weights(groups, labels, subject_power=0.5, balance_classes=True)
    assert weights[:104].sum() == pytest.approx(weights[104:].sum(), rel=1e-5)
    assert weights[:100].sum() / weights[100:104].sum() == pytest.approx(5, rel=1e-5)  # sqrt(100 / 4)
    shares = cell_weights(groups, labels, subject_power=0.5, balance_classes=False)
    assert shares[:104].mean() == pytest.approx(1, rel=1e-5)
