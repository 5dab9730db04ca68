"""The decision holds the stated sensitivity and share of uncertain cells on people it was not fitted on."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.config import read_config
from train.decision import Rule, fit_correction, judge_nested
from train.errors import TrainError
from train.out_of_fold import OutOfFold, read_out_of_fold, without_groups

POWER = 0.25


def rule(sensitivity: float, share: float, *, is_taught: bool = False) -> Rule:
    return Rule(sensitivity, share, POWER, is_taught)


HEADER = "path,subject,group,label,fold,p_all,p_hem"


def simulated(seed: int, *, people: int = 40, cells: int = 50, bias: float = 1.5, sharpness: float = 2.0) -> OutOfFold:
    """Overconfident, biased answers of networks; half of the people have each label."""
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(people) % 2, cells)
    truth = (
        np.where(targets == 0, 1.0, -1.0) + rng.normal(0, 0.3, people).repeat(cells) + rng.normal(0, 1, len(targets))
    )
    first = 1 / (1 + np.exp(-(sharpness * 2 * truth + bias)))
    groups = tuple(f"{person}" for person in range(people) for _ in range(cells))
    folds = (np.arange(people) // 2 % 5 + 1).repeat(cells)
    return OutOfFold(("all", "hem"), groups, targets, folds, np.stack([first, 1 - first], axis=1))


@pytest.mark.parametrize("sensitivity", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.2])
def test_stated_numbers_are_reached_on_held_out_people(sensitivity: float, share: float) -> None:
    reached = judge_nested(simulated(0), rule(sensitivity, share))
    assert reached.sensitivity == pytest.approx(sensitivity, abs=0.03)
    assert reached.uncertain == pytest.approx(share, abs=0.03)


def test_without_a_stated_sensitivity_probabilities_become_true() -> None:
    cells = simulated(1)
    reached = judge_nested(cells, rule(0.0, 0.2))
    correction = fit_correction(cells, rule(0.0, 0.2))
    assert reached.ece < 0.03
    assert correction.scale == pytest.approx(0.5, abs=0.1)  # they were twice too sure
    plain = judge_nested(cells, rule(0.0, 0.0))
    assert reached.weighted_f1_of_answered > plain.weighted_f1_of_answered + 0.03


def test_a_teacher_says_where_answers_turn_and_only_how_sure_they_are_is_fitted() -> None:
    cells = simulated(2)
    surer = fit_correction(cells, rule(0.0, 0.1, is_taught=True))
    assert surer.offset == (0.0, 0.0) and surer.scale == pytest.approx(0.5, abs=0.1)  # they were twice too sure
    before, after = (own[:, 0] for own in (cells.probabilities, surer.apply(cells.probabilities)))
    np.testing.assert_array_equal(np.argsort(after), np.argsort(before))
    np.testing.assert_array_equal(after >= 0.5, before >= 0.5)
    moved = fit_correction(cells, rule(0.9, 0.1, is_taught=True))
    assert moved.scale == surer.scale and moved.offset[1] != 0
    reached = judge_nested(cells, rule(0.9, 0.1, is_taught=True))
    assert reached.sensitivity == pytest.approx(0.9, abs=0.03)


def test_a_rule_is_read_as_it_was_named() -> None:
    for wanted in (rule(0.9, 0.1), rule(0.0, 0.25, is_taught=True)):
        assert Rule.from_text({"network": "n", **wanted.as_text()}) == wanted
    with pytest.raises(TrainError, match=r"does not say how it decides \('is_taught'\)"):
        Rule.from_text({"sensitivity": "0", "abstain_share": "0.1", "subject_power": "0.25"})


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), sensitivity=st.floats(0.05, 0.99), share=st.floats(0, 0.5))
def test_on_its_own_cells_the_decision_is_what_was_stated(seed: int, sensitivity: float, share: float) -> None:
    cells = simulated(seed, people=10, cells=20)
    correction = fit_correction(cells, rule(sensitivity, share))
    corrected, weights = correction.apply(cells.probabilities), cells.weights(POWER)
    positive = cells.targets == 0
    hits = weights[positive & (corrected[:, 0] >= 0.5 - 1e-9)].sum() / weights[positive].sum()
    assert sensitivity - 1e-6 <= hits <= sensitivity + 1 / positive.sum() + 0.02  # floored scores are tied
    low, high = correction.band
    assert 0 <= low <= 0.5 <= high <= 1
    # Floored scores are tied, and a band holds all of a tie or none: without those at its edge it holds no more than
    # the share, with them no less. It is rounded to 3 decimals.
    distance = corrected.max(axis=1) - 0.5
    assert np.average(distance < high - 0.5 - 0.001, weights=weights) <= share + 0.05
    assert np.average(distance <= high - 0.5 + 0.001, weights=weights) >= share - 0.05


def written(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_predictions_are_read_as_crossval_writes_them(tmp_path: Path) -> None:
    rows = ["a.png,1,1+2,all,1,0.75,0.25", "b.png,H1,H1,hem,2,0.5,0.5"]
    cells = read_out_of_fold(written(tmp_path / "p.csv", rows), ("all", "hem"))
    assert (cells.groups, cells.targets.tolist(), cells.folds.tolist()) == (("1+2", "H1"), [0, 1], [1, 2])
    assert cells.probabilities.tolist() == [[0.75, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("group,label,p_all,p_hem", "1,all,1,0", "no column 'fold'"),
        (HEADER, "a,1,1,other,1,0.5,0.5", "line 2 is not a row"),
        (HEADER, "a,1,1,all,1,x,0.5", "line 2 is not a row"),
        (HEADER, "a,1,1,all,1,0.5", "line 2 is not a row"),
        (HEADER, "a,1,1,all,1,nan,0.5", "line 2 has a probability"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, header: str, row: str, message: str) -> None:
    with pytest.raises(TrainError, match=message):
        read_out_of_fold(written(tmp_path / "p.csv", [row], header), ("all", "hem"))


def test_an_empty_or_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="holds no predictions"):
        read_out_of_fold(written(tmp_path / "p.csv", []), ("all", "hem"))
    with pytest.raises(TrainError, match="not a readable CSV"):
        read_out_of_fold(tmp_path / "absent.csv", ("all", "hem"))


def test_a_path_that_is_no_unicode_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(HEADER.encode() + b"\ncaf\xe9/a.png,1,1,all,1,0.75,0.25\nb.png,H1,H1,hem,2,0.5,0.5\n")
    assert read_out_of_fold(path, ("all", "hem")).groups == ("1", "H1")


def test_people_who_are_reported_on_choose_nothing() -> None:
    cells = simulated(2, people=10, cells=5)
    rest = without_groups(cells, {"0", "7"}, set(cells.groups))
    assert set(rest.groups) == set(cells.groups) - {"0", "7"}
    assert len(rest.targets) == len(rest.probabilities) == len(rest.folds) == 40


def test_predictions_of_other_people_are_refused() -> None:
    cells = simulated(3, people=4, cells=5)
    with pytest.raises(TrainError, match="subject group '3', which is not in the data"):
        without_groups(cells, set(), {"0", "1", "2"})


def test_a_missing_label_is_named() -> None:
    cells = simulated(4, people=4, cells=5)
    with pytest.raises(TrainError, match="cells of label 'hem'"):
        fit_correction(cells.take(cells.targets == 0), rule(0.9, 0.1))


def test_the_default_settings_state_no_sensitivity() -> None:
    assert read_config().decision.sensitivity == 0.0
