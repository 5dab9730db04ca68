"""Cross-validation on drawn cells: one answer a cell, the same however often it was interrupted."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge_runtime.errors import PictureError
from tests.drawn import changed, draw_data_set
from train.cli import group
from train.config import Config, config_toml, read_config, with_values
from train.crossval import Crossval, crossvalidate
from train.data import Data, load_data
from train.dataset import Dataset, read_dataset
from train.decision import Rule, fit_correction
from train.errors import TrainError
from train.fit import fit
from train.loop import predict
from train.out_of_fold import read_out_of_fold, without_groups
from train.run import load_network, read_run

FOLDS = 2


@pytest.fixture(scope="module")
def dataset(many_drawn_cells: Path) -> Dataset:
    """Five subjects of each class."""
    return read_dataset(many_drawn_cells)


@pytest.fixture(scope="module")
def settings(small_settings: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs of a small network, one step each: every other size of a batch is another trace of the step."""
    path = tmp_path_factory.mktemp("settings") / "config.toml"
    path.write_text(changed(small_settings[0].read_text("utf-8"), batch=64), "utf-8")
    return path


@pytest.fixture(scope="module")
def config(settings: Path) -> Config:
    """As read."""
    return read_config(settings)


@pytest.fixture(scope="module")
def finished(dataset: Dataset, config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Crossval]:
    """A cross-validation and its folder; not to be changed."""
    out = tmp_path_factory.mktemp("crossval") / "made" / "here"
    return out, crossvalidate(dataset, config, {}, out, folds=FOLDS)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _written(out: Path) -> dict[str, str]:
    """What must not depend on how it came about; a `.keras` file holds the time."""
    names = ("predictions.csv", "history.csv", "run.json", "crossval.json")
    return {str(path.relative_to(out)): path.read_text("utf-8") for path in out.rglob("*") if path.name in names}


def _copy(finished: tuple[Path, Crossval], tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished[0], tmp_path / "copy"))


def _refuse_epochs(fold: int, row: dict[str, float]) -> None:
    raise AssertionError(f"fold {fold} was trained: {row}")


def test_every_cell_is_answered_once_by_a_network_that_never_saw_its_subject(
    finished: tuple[Path, Crossval], dataset: Dataset
) -> None:
    out, crossval = finished
    rows = _rows(out / "predictions.csv")
    assert list(rows[0]) == ["path", "subject", "group", "label", "fold", "p_all", "p_hem"]
    assert [row["path"] for row in rows] == [cell.path.as_posix() for cell in dataset.cells]
    assert [int(row["fold"]) for row in rows] == list(crossval.folds)
    assert [float(row["p_all"]) for row in rows] == pytest.approx(crossval.predictions.probabilities[:, 0], abs=1e-6)
    np.testing.assert_allclose(crossval.predictions.probabilities.sum(1), 1, atol=1e-6)
    held = [_rows(folder / "predictions.csv") for folder in crossval.networks]
    assert sorted(map(str, rows)) == sorted(str(row) for part in held for row in part)
    for i, part in enumerate(held):
        assert {row["label"] for row in part} == {"all", "hem"}
        others = [row for j, other in enumerate(held) if j != i for row in other]
        assert not {row["group"] for row in part} & {row["group"] for row in others}


def test_a_second_call_trains_nothing(
    finished: tuple[Path, Crossval], dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    out = _copy(finished, tmp_path)
    again = crossvalidate(dataset, config, {}, out, folds=FOLDS, on_epoch=_refuse_epochs)
    np.testing.assert_array_equal(again.predictions.probabilities, finished[1].predictions.probabilities)
    assert _written(out) == _written(finished[0])


def test_after_any_interruption_it_goes_on_to_the_same(
    finished: tuple[Path, Crossval], dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    trained: list[tuple[int, float]] = []

    def interrupt(fold: int, row: dict[str, float]) -> None:
        trained.append((fold, row["epoch"]))
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            crossvalidate(dataset, config, {}, tmp_path, folds=FOLDS, on_epoch=interrupt)
    crossvalidate(
        dataset, config, {}, tmp_path, folds=FOLDS, on_epoch=lambda fold, row: trained.append((fold, row["epoch"]))
    )
    assert trained == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert _written(tmp_path) == _written(finished[0])


def test_a_network_that_was_lost_is_made_again_without_training(
    finished: tuple[Path, Crossval], dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    out = _copy(finished, tmp_path)
    (out / "fold-1" / "network.keras").unlink()
    crossvalidate(dataset, config, {}, out, folds=FOLDS, on_epoch=_refuse_epochs)
    assert _written(out) == _written(finished[0])


def test_a_folder_of_another_cross_validation_is_refused(
    finished: tuple[Path, Crossval],
    dataset: Dataset,
    config: Config,
    settings: Path,
    many_drawn_cells: Path,
    tmp_path: Path,
) -> None:
    out, before = _copy(finished, tmp_path), _written(finished[0])
    (tmp_path / "other.toml").write_text(changed(settings.read_text("utf-8"), epochs=3), "utf-8")
    fewer = Path(shutil.copytree(many_drawn_cells, tmp_path / "cells"))
    next(fewer.rglob("*.png")).unlink()
    calls: list[tuple[str, Callable[[], object]]] = [
        ("'folds' differs", lambda: crossvalidate(dataset, config, {}, out, folds=3)),
        (
            "'config' differs",
            lambda: crossvalidate(dataset, read_config(tmp_path / "other.toml"), {}, out, folds=FOLDS),
        ),
        ("'data_sha256' differs", lambda: crossvalidate(read_dataset(fewer), config, {}, out, folds=FOLDS)),
        ("'report_of' differs", lambda: crossvalidate(dataset, config, {"1": "1+2", "2": "1+2"}, out, folds=FOLDS)),
    ]
    for message, call in calls:
        with pytest.raises(TrainError, match=rf"other settings or data \({message}"):
            call()
    assert _written(out) == before


def test_a_run_of_another_fold_is_not_taken(
    finished: tuple[Path, Crossval], dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    out = _copy(finished, tmp_path)
    shutil.rmtree(out / "fold-2")
    (out / "fold-1").rename(out / "fold-2")
    with pytest.raises(TrainError, match=r"fold-2: holds a run with other settings or data \('part_of' differs"):
        crossvalidate(dataset, config, {}, out, folds=FOLDS, on_epoch=lambda *_: None)


def test_a_subject_of_two_labels_is_refused(many_drawn_cells: Path, config: Config, tmp_path: Path) -> None:
    cells = read_dataset(many_drawn_cells).cells
    lines = [f"{cell.path},{cell.subject},{'hem' if i == 1 else cell.label}" for i, cell in enumerate(cells)]
    table = tmp_path / "slides.csv"
    table.write_text("\n".join(["path,subject,label", *lines]) + "\n", "utf-8")
    with pytest.raises(TrainError, match="subject '1' has cells labelled 'all' and 'hem'"):
        crossvalidate(read_dataset(table), config, {}, tmp_path / "out", folds=FOLDS)
    assert not (tmp_path / "out").exists()


def test_too_few_people_are_refused_before_a_picture_is_read(config: Config, tmp_path: Path) -> None:
    cells = draw_data_set(tmp_path / "cells", subjects=4, cells=1)
    for path in cells.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(TrainError, match="label 'all' has 4 subject groups; 5 or more are needed for 5 folds"):
        crossvalidate(read_dataset(cells), config, {}, tmp_path / "out", folds=5)
    with pytest.raises(PictureError, match=r"UID_1_1_1_all\.png"):
        crossvalidate(read_dataset(cells), config, {}, tmp_path / "out", folds=4)


def test_a_folder_that_cannot_be_made_is_named(dataset: Dataset, config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainError, match=r"file/out: cannot be written \(Not a directory"):
        crossvalidate(dataset, config, {}, tmp_path / "file" / "out", folds=FOLDS)


def test_a_full_disk_gets_one_line_and_then_it_goes_on(
    finished: tuple[Path, Crossval], dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for the disk: as the weights, the checkpoint and the network meet it."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    out = _copy(finished, tmp_path)
    shutil.rmtree(out / "fold-2")
    refused = 0
    for limit in (5_000, 30_000, 60_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(TrainError, match=r"fold-2: cannot be written \([A-Z][\w ]+\); make room"):
                crossvalidate(dataset, config, {}, out, folds=FOLDS)
            refused += 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused == 3
    crossvalidate(dataset, config, {}, out, folds=FOLDS)
    assert _written(out) == _written(finished[0])


@pytest.fixture(scope="module")
def fitted(dataset: Dataset, config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Data]:
    """A run of the same settings, decided on its select part; not to be changed."""
    run, data = tmp_path_factory.mktemp("fitted") / "run", load_data(dataset, config, {})
    fit(data, config, run)
    return run, data


def test_out_of_fold_answers_decide_what_the_network_says_and_when_it_abstains(
    finished: tuple[Path, Crossval], fitted: tuple[Path, Data], config: Config, tmp_path: Path
) -> None:
    """Nothing is trained again, and what only decides may be other than when the answers were made."""
    run, data = Path(shutil.copytree(fitted[0], tmp_path / "run")), fitted[1]
    answers = finished[0] / "predictions.csv"
    before = predict(load_network(run), data.pixels)
    report = {group for group, part in data.split.part_of.items() if part == "report"}
    cells = without_groups(read_out_of_fold(answers, data.dataset.labels), report, data.split.part_of)
    correction = fit_correction(cells, Rule.of(config))
    fit(data, config, run, out_of_fold=answers, on_epoch=lambda row: _refuse_epochs(0, row))
    np.testing.assert_allclose(predict(load_network(run), data.pixels), correction.apply(before), atol=1e-4)
    assert read_run(run).abstain_band == pytest.approx(correction.band)
    assert read_run(run).decided_on.endswith("out-of-fold predictions")
    stated = with_values(config, {"decision.sensitivity": 0.9, "fit.abstain_share": 0.2})
    fit(data, stated, tmp_path / "stated", out_of_fold=answers)
    sensitive = fit_correction(cells, Rule.of(stated))
    assert read_run(tmp_path / "stated").abstain_band == pytest.approx(sensitive.band) != pytest.approx(correction.band)


def test_out_of_fold_answers_of_another_recipe_decide_nothing(
    finished: tuple[Path, Crossval], fitted: tuple[Path, Data], config: Config, tmp_path: Path
) -> None:
    answers = finished[0] / "predictions.csv"
    other = with_values(config, {"fit.batch": config.fit.batch // 2})
    with pytest.raises(TrainError, match=r"other settings or data \('fit.batch' differs in crossval.json\)"):
        fit(fitted[1], other, tmp_path / "run", out_of_fold=answers)
    alone = Path(shutil.copy(answers, tmp_path / "answers.csv"))
    with pytest.raises(TrainError, match=r"settings .* are not beside it \(answers.json or crossval.json\)"):
        fit(fitted[1], config, tmp_path / "run", out_of_fold=alone)
    for text in ("[]", "{}", "{"):
        (tmp_path / "answers.json").write_text(text, "utf-8")
        with pytest.raises(TrainError, match=r"answers.json: does not say how answers.csv was made") as caught:
            fit(fitted[1], config, tmp_path / "run", out_of_fold=alone)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_sensitivity_that_nothing_is_fitted_on_is_refused(
    many_drawn_cells: Path, config: Config, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config_toml(with_values(config, {"decision.sensitivity": 0.9})), "utf-8")
    asked = ["fit", "--data", str(many_drawn_cells), "--config", str(path), "--run", str(tmp_path / "run")]
    error = CliRunner().invoke(group, asked).exception
    assert isinstance(error, TrainError) and "give --out-of-fold" in str(error)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("people", "folds"), [(4, 2), (4, 3)])
def test_too_few_people_for_a_teacher_are_refused_before_a_picture_is_read(
    config: Config, tmp_path: Path, people: int, folds: int
) -> None:
    cells = draw_data_set(tmp_path / "cells", subjects=people, cells=1)
    for path in cells.rglob("*.bmp"):
        path.write_bytes(b"")
    taught = with_values(config, {"distillation.weight": 0.5})
    with pytest.raises(TrainError, match=r"label '\w+' has 2 subject groups to learn from; a teacher needs 3"):
        crossvalidate(read_dataset(cells), taught, {}, tmp_path / "run", folds=folds)


def test_the_command_prints_the_scores_and_writes_the_report(
    finished: tuple[Path, Crossval], many_drawn_cells: Path, settings: Path, tmp_path: Path
) -> None:
    out, groups = _copy(finished, tmp_path), tmp_path / "groups.csv"
    shutil.rmtree(out / "fold-2")
    groups.write_text("subject,group\n", "utf-8")
    options = {"data": many_drawn_cells, "groups": groups, "config": settings, "out": out}
    arguments = ["crossval", *(text for name, value in options.items() for text in (f"--{name}", str(value)))]
    done = CliRunner().invoke(group, [*arguments, "--folds", str(FOLDS)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "| weighted F1 |" in done.stdout and "| area alone | colours alone |" in done.stdout
    assert "fold 2 of 2, epoch 1: loss" in done.stderr and "epoch" not in done.stdout
    page = (out / "report.html").read_text("utf-8")
    for text in ("Research use only", "area alone", "JPEG quality 50", "fit.epochs", f"--folds {FOLDS}", "Worst"):
        assert text in page
    assert _written(out) == _written(finished[0])
    assert "'folds' differs" in str(CliRunner().invoke(group, [*arguments, "--folds", "3"]).exception)
    assert CliRunner().invoke(group, [*arguments, "--folds", "1"]).exit_code == 2
