"""Answers out of fold are kept as they were, and belong to these cells; no person decides about themselves."""

import dataclasses
import errno
import json
from pathlib import Path

import numpy as np
import pytest

from train.dataset import Dataset, read_dataset
from train.decision import Rule
from train.errors import TrainError
from train.measured import Measured, check_identity, read_measured, write_measured

RULE = Rule(sensitivity=0.0, abstain_share=0.1, subject_power=0.25, is_taught=False)


@pytest.fixture(scope="module")
def dataset(many_drawn_cells: Path) -> Dataset:
    return read_dataset(many_drawn_cells)


@pytest.fixture(scope="module")
def measured(dataset: Dataset) -> Measured:
    """Noisy answers that are mostly right; every fold holds people of both labels."""
    rng = np.random.default_rng(0)
    subjects = [cell.subject for cell in dataset.cells]
    folds = np.array([int(subject.strip("H")) % 2 + 1 for subject in subjects], np.int64)
    sign = np.array([1.0 if cell.label == dataset.labels[0] else -1.0 for cell in dataset.cells])
    first = 1 / (1 + np.exp(-(sign + rng.normal(size=(2, len(sign))))))
    float_, device = (np.stack([p, 1 - p], axis=1).round(5) for p in first)
    return Measured(dataset.cells, tuple(subjects), dataset.labels, folds, float_, device, {"config": {"epochs": 2}})


def test_a_file_gives_back_what_was_answered(dataset: Dataset, measured: Measured, tmp_path: Path) -> None:
    write_measured(tmp_path / "new" / "m.csv", measured, dataset)
    again = read_measured(tmp_path / "new" / "m.csv", dataset, {})
    assert (again.cells, again.groups, again.labels) == (measured.cells, measured.groups, measured.labels)
    assert again.identity == measured.identity
    for name in ("folds", "float_", "device"):
        np.testing.assert_allclose(getattr(again, name), getattr(measured, name), atol=1e-9)


def test_the_order_of_its_rows_is_nothing(dataset: Dataset, measured: Measured, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write_measured(path, measured, dataset)
    header, *rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([header, *reversed(rows)]) + "\n", "utf-8")
    np.testing.assert_allclose(read_measured(path, dataset, {}).device, measured.device, atol=1e-9)


def test_no_person_decides_what_is_measured_on_them(measured: Measured) -> None:
    """Other answers and other labels in one fold change nothing about how that fold's answers are corrected."""
    held = measured.folds == 1
    before = measured.decided(RULE)[1].probabilities
    swapped = tuple(
        dataclasses.replace(cell, label=measured.labels[1 - measured.labels.index(cell.label)]) if own else cell
        for cell, own in zip(measured.cells, held, strict=True)
    )
    after = dataclasses.replace(measured, cells=swapped).decided(RULE)[1].probabilities
    np.testing.assert_array_equal(before[held], after[held])
    assert not np.allclose(before[~held], after[~held]), "the other fold's decision was fitted on them"


def _refusal(path: Path, dataset: Dataset) -> str:
    with pytest.raises(TrainError) as caught:
        read_measured(path, dataset, {})
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


def test_what_is_not_of_these_cells_is_one_line(dataset: Dataset, measured: Measured, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    assert "not a readable CSV" in _refusal(path, dataset)
    write_measured(path, measured, dataset)
    header, first, *rest = path.read_text("utf-8").splitlines()
    cell, group, *others = first.split(",")
    for lines, word in (
        ([header, *rest], cell),
        ([header, first, *rest, ",".join(["elsewhere/UID_1_1_1_all", group, *others])], "elsewhere"),
        ([header, ",".join([cell, "another", *others]), *rest], "another label or group"),
        ([header.replace("device_", ""), first, *rest], "device_p_"),
    ):
        path.write_text("\n".join(lines) + "\n", "utf-8")
        assert word in _refusal(path, dataset)
    write_measured(path, measured, dataset)
    path.with_suffix(".json").unlink()
    assert ".json beside it" in _refusal(path, dataset)


def test_no_identity_stands_beside_answers_of_another(
    dataset: Dataset, measured: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "measured.csv"
    write_measured(path, measured, dataset)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("train.files.replace_whole", full)
    with pytest.raises(TrainError, match="No space left"):
        write_measured(path, dataclasses.replace(measured, identity={"another": 1}), dataset)
    monkeypatch.undo()
    with pytest.raises(TrainError, match="compress crossval"):
        read_measured(path, dataset, {})


def test_answers_of_other_settings_are_refused(measured: Measured, tmp_path: Path) -> None:
    check_identity(tmp_path / "m.csv", measured, json.loads(json.dumps(measured.identity)))
    with pytest.raises(TrainError, match="'config' differs"):
        check_identity(tmp_path / "m.csv", measured, {"config": {"epochs": 3}})
