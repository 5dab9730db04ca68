"""What a teacher said is kept as it was, belongs to these cells and parts only, and is what a network learns."""

import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge_runtime.findings.groups import read_groups
from train.cli import C_NMC_TEACHING, C_NMC_TEACHING_EVERYONE, group
from train.config import Config, DistillationConfig, read_config
from train.crossval import crossvalidate
from train.data import Data, load_data
from train.dataset import read_dataset
from train.errors import TrainError
from train.fit import fit
from train.groups import C_NMC_GROUPS, groups_of
from train.loop import predict
from train.metrics import auroc
from train.run import load_network, read_run
from train.shallow import Shallow
from train.split import Split, learn_from_everyone, split_groups
from train.teaching import RememberingTeacher, Teaching, ask_teacher, read_teaching, write_teaching


@pytest.fixture(scope="module")
def config(small_settings: tuple[Path, Path]) -> Config:
    return dataclasses.replace(read_config(small_settings[0]), distillation=DistillationConfig(1.0))


@pytest.fixture(scope="module")
def data(many_drawn_cells: Path, config: Config) -> Data:
    read = load_data(read_dataset(many_drawn_cells), config, {})
    drawn = np.random.default_rng(0).normal(size=(len(read.targets), 4)) + read.targets[:, np.newaxis]
    return dataclasses.replace(read, features=Shallow(drawn[:, :2], drawn[:, 2:]))


@pytest.fixture(scope="module")
def teaching(data: Data) -> Teaching:
    assert data.features is not None
    return ask_teacher(data, data.features, seed=1)


def test_the_report_part_teaches_nothing(data: Data, teaching: Teaching) -> None:
    assert data.features is not None
    report = data.part("report")
    assert set(teaching.cells) == set(range(len(data.targets))) - set(report)
    spoilt = dataclasses.replace(data.features, first=data.features.first.copy())
    spoilt.first[report] = 1e6
    np.testing.assert_array_equal(ask_teacher(data, spoilt, seed=1).probabilities, teaching.probabilities)


def test_who_remembers_asks_once_for_each_split_and_seed(
    data: Data, teaching: Teaching, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.features is not None
    asked: list[int] = []

    def ask_and_count(data: Data, features: Shallow, *, seed: int) -> Teaching:
        asked.append(seed)
        return ask_teacher(data, features, seed=seed)

    monkeypatch.setattr("train.teaching.ask_teacher", ask_and_count)
    ask = RememberingTeacher()
    for _ in range(2):
        np.testing.assert_array_equal(ask(data, data.features, seed=1).probabilities, teaching.probabilities)
    assert asked == [1]
    others = {group: "report" if part == "select" else part for group, part in data.split.part_of.items()}
    fewer = dataclasses.replace(data, split=Split(others))
    assert set(ask(fewer, data.features, seed=1).cells) == set(fewer.part("train"))
    ask(data, data.features, seed=2)
    assert asked == [1, 1, 2]


def test_a_file_gives_back_what_was_said(data: Data, teaching: Teaching, tmp_path: Path) -> None:
    write_teaching(tmp_path / "said.csv", teaching, data)
    again = read_teaching(tmp_path / "said.csv", data)
    np.testing.assert_array_equal(again.cells, teaching.cells)
    np.testing.assert_array_equal(again.probabilities, teaching.probabilities)
    assert again.sha256 == teaching.sha256


def test_a_cell_in_two_formats_has_one_answer(many_drawn_cells: Path, config: Config, tmp_path: Path) -> None:
    shutil.copytree(many_drawn_cells, tmp_path / "cells")
    first = load_data(read_dataset(many_drawn_cells), config, {})
    learnt = first.dataset.cells[first.part("train")[0]].path
    png = tmp_path / "cells" / learnt.relative_to(many_drawn_cells)
    cv2.imwrite(str(png.with_suffix(".bmp")), cv2.imread(str(png)))
    data = load_data(read_dataset(tmp_path / "cells"), config, {})
    cells = data.part("train", "select").tolist()
    said = np.random.default_rng(0).uniform(0.1, 0.9, len(cells)).round(4)
    write_teaching(tmp_path / "said.csv", Teaching(np.array(cells), np.stack([said, 1 - said], axis=1)), data)
    again = read_teaching(tmp_path / "said.csv", data)
    pair = [k for k, i in enumerate(cells) if data.dataset.cells[i].path.stem == png.stem]
    assert len(pair) == 2, "of a person to learn from"
    np.testing.assert_array_equal(again.probabilities[pair, 0], said[pair[0]])
    assert (again.probabilities[:, 0] == said).sum() == len(cells) - 1


@pytest.mark.parametrize(
    ("path", "everyone", "reached"), [(C_NMC_TEACHING, False, 0.849), (C_NMC_TEACHING_EVERYONE, True, 0.881)], ids=str
)
def test_the_answers_kept_for_c_nmc_are_of_its_cells_and_parts(
    c_nmc: Path, path: Path, everyone: bool, reached: float
) -> None:
    """The AUROC is what docs/decisions.md says of a teacher of everyone; who reports here has no answer there."""
    dataset, settings = read_dataset(c_nmc), read_config()
    groups = groups_of([cell.subject for cell in dataset.cells], read_groups(C_NMC_GROUPS))
    labels = [cell.label for cell in dataset.cells]
    parts = (
        learn_from_everyone(groups)
        if everyone
        else split_groups(groups, labels, settings.split.shares, settings.fit.seed)
    )
    data = Data(dataset, np.zeros((len(groups), 1, 1, 3), np.uint8), groups, parts, fingerprint="")
    said = read_teaching(path, data)
    assert len(said.cells) == len(data.not_reported) > 0.75 * len(groups)
    assert auroc(said.probabilities, data.targets[said.cells]) == pytest.approx(reached, abs=0.001)


def _is_named_in(path: Path, data: Data, *words: str) -> None:
    with pytest.raises(TrainError) as caught:
        read_teaching(path, data)
    message = str(caught.value)
    assert all(word in message for word in (str(path), "python -m train teach", *words)) and "\n" not in message


def test_what_is_no_such_file_is_one_line(data: Data, teaching: Teaching, tmp_path: Path) -> None:
    path = tmp_path / "said.csv"
    _is_named_in(path, data, "cannot be read")
    write_teaching(path, teaching, data)
    header, first, *rest = path.read_text("utf-8").splitlines()
    cell = first.partition(",")[0]
    for lines, word in (
        ([], "line 1"),
        (["cell,p_cat,p_dog", first, *rest], "line 1"),
        ([header, f"{cell},much,little", *rest], "not a teacher's answers"),
        ([header, f"{cell},0.5", *rest], "not a teacher's answers"),
        ([header, f"{cell},0.9,0.9", *rest], "no probabilities"),
        ([header], "no probabilities"),
        ([header, *rest], cell),
    ):
        path.write_text("\n".join(lines) + "\n", "utf-8")
        _is_named_in(path, data, word)


def test_own_data_never_overwrite_the_answers_for_c_nmc(many_drawn_cells: Path) -> None:
    done = CliRunner().invoke(group, ["teach", "--data", str(many_drawn_cells)])
    assert done.exit_code == 2 and "--out is needed with --data" in done.output


def test_a_teacher_who_saw_the_report_part_is_refused(data: Data, teaching: Teaching, tmp_path: Path) -> None:
    seen = Teaching(np.append(teaching.cells, data.part("report")[:1]), np.vstack([teaching.probabilities, [0.5, 0.5]]))
    write_teaching(tmp_path / "said.csv", seen, data)
    _is_named_in(tmp_path / "said.csv", data, "reported on")


@pytest.mark.parametrize("said", [0.9, 0.1])
def test_a_network_learns_what_the_teacher_says(
    said: float, data: Data, teaching: Teaching, config: Config, tmp_path: Path
) -> None:
    """Whatever the labels are: a teacher at full weight who says the same of every cell is followed."""
    quick = dataclasses.replace(config, fit=dataclasses.replace(config.fit, epochs=10, learning_rate=0.02, average=0.5))
    same = np.full(teaching.probabilities.shape, [said, 1 - said])
    fit(data, quick, tmp_path / "run", teaching=Teaching(teaching.cells, same))
    answered = predict(load_network(tmp_path / "run"), data.pixels[teaching.cells])[:, 0]
    assert abs(answered.mean() - said) < 0.15
    run = read_run(tmp_path / "run")
    assert (run.best_epoch, run.select_auroc, run.decided_on) == (10, None, "the teacher's probabilities")


def test_a_run_keeps_to_its_teacher(data: Data, teaching: Teaching, config: Config, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="python -m train teach"):
        fit(data, config, tmp_path / "run")
    fit(data, config, tmp_path / "run", teaching=teaching)
    other = Teaching(teaching.cells, teaching.probabilities[:, ::-1])
    with pytest.raises(TrainError, match="'teaching_sha256' differs"):
        fit(data, config, tmp_path / "run", teaching=other)


def test_cross_validation_asks_a_teacher_for_each_fold_that_has_not_seen_it(
    data: Data, config: Config, tmp_path: Path
) -> None:
    """The features of one fold's people become nonsense: only the networks that judge others' folds notice."""
    shown = crossvalidate(data.dataset, config, {}, tmp_path / "a", folds=3, data=data)
    held = np.array(shown.folds) == 1
    assert data.features is not None
    spoilt = dataclasses.replace(data.features, first=data.features.first.copy())
    spoilt.first[held] = np.random.default_rng(1).normal(size=spoilt.first[held].shape) * 100
    again = crossvalidate(
        data.dataset, config, {}, tmp_path / "b", folds=3, data=dataclasses.replace(data, features=spoilt)
    )
    changed = (shown.predictions.probabilities != again.predictions.probabilities).any(axis=1)
    assert not changed[held].any(), "the fold's own network never met these features"
    assert changed[~held].any(), "the other fold's teacher learnt from them"
