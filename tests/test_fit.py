"""A run that stops early or is stopped: the same network, curves without double steps, a checkpoint that stays good."""

import dataclasses
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from edge_runtime.errors import PictureError
from train.config import Config, read_config, with_values
from train.data import Data, load_data
from train.dataset import read_dataset
from train.errors import DivergedError, TrainError
from train.fit import fit
from train.loop import Loop
from train.run import read_run
from train.tensorboard import FOLDER

EPOCHS = 3


@pytest.fixture(scope="module")
def config(small_settings: tuple[Path, Path]) -> Config:
    """Three epochs with all that draws at random or stops early switched on."""
    small = read_config(small_settings[0])
    return dataclasses.replace(
        small,
        fit=dataclasses.replace(small.fit, epochs=EPOCHS, batch=12, cells_per_group=2, mixup=0.4, patience=EPOCHS),
        augment=dataclasses.replace(small.augment, density=0.2, blur=1.0, jpeg=50, erase=0.2),
    )


@pytest.fixture(scope="module")
def data(many_drawn_cells: Path, config: Config) -> Data:
    return load_data(read_dataset(many_drawn_cells), config, {})


@pytest.fixture(scope="module")
def finished(data: Data, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run; not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    steps: list[tuple[int, int]] = []
    fit(data, config, run, on_step=lambda done, of: steps.append((done, of)))
    assert steps == [(1, 1)] * EPOCHS, "six groups in train, two cells of each"
    return run


def _weights(run: Path) -> list[np.ndarray]:
    with np.load(run / "best.weights.npz") as stored:
        return [stored[name] for name in stored.files]


def _curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard would show: steps and values of each curve."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for path in sorted((run / FOLDER).iterdir()):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                curves.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    return curves


def _assert_same(run: Path, other: Path) -> None:
    for name in ("history.csv", "run.json"):
        assert (run / name).read_text("utf-8") == (other / name).read_text("utf-8")
    for mine, theirs in zip(_weights(run), _weights(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for name in ("loss", "select_auroc", "learning_rate"):
        assert _curves(run)[name] == _curves(other)[name]


def test_the_curves_are_those_of_the_history(finished: Path) -> None:
    header, *rows = [line.split(",") for line in (finished / "history.csv").read_text("utf-8").splitlines()]
    curves = _curves(finished)
    assert set(curves) == {"loss", "select_auroc", "learning_rate", "seconds"}
    for name in header[1:]:
        assert [step for step, _ in curves[name]] == [float(row[0]) for row in rows]
        written = [float(row[header.index(name)]) for row in rows]
        assert [value for _, value in curves[name]] == pytest.approx(written, rel=1e-5)
    rates = [rate for _, rate in curves["learning_rate"]]
    assert rates == sorted(rates, reverse=True) and rates[-1] > 0
    assert min(seconds for _, seconds in curves["seconds"]) > 0


def test_who_else_writes_beside_the_curves_stops_nothing(data: Data, config: Config, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    for name in (".DS_Store", ".nfs0001", "events.of.another"):
        (tmp_path / FOLDER / name).touch()
    fit(data, with_values(config, {"fit.epochs": 1}), tmp_path)
    assert (tmp_path / "run.json").exists()


def test_a_loss_that_is_no_number_ends_the_run(
    data: Data, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Loop, "run_epoch", lambda *_: float("nan"))
    with pytest.raises(DivergedError, match=r"the loss is nan; lower learning_rate or weight_decay"):
        fit(data, config, tmp_path)
    assert not (tmp_path / "checkpoint").exists()


def test_a_resumed_run_is_the_uninterrupted_one_and_no_step_of_its_curves_is_double(
    finished: Path, data: Data, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped once after an epoch and once after its curves are written but not its checkpoint."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(data, config, tmp_path, on_epoch=interrupt)
    with monkeypatch.context() as patched:
        patched.setattr(tf.train.CheckpointManager, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(data, config, tmp_path)
    epochs: list[float] = []
    fit(data, config, tmp_path, on_epoch=lambda row: epochs.append(row["epoch"]))
    assert epochs == [2, 3]
    assert Counter(step for step, _ in _curves(tmp_path)["loss"]) == {1: 1, 2: 1, 3: 1}
    _assert_same(tmp_path, finished)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.json", "[]"),
        ("run.json", "null"),
        ("history.csv", ""),
        ("history.csv", "epoch,loss,select_auroc\n1.0,0.5"),
        ("history.csv", "epoch,loss,select_auroc\n1.0,0.5,0.9\n"),
        ("history.csv", None),
    ],
)
def test_a_damaged_state_is_one_line(
    finished: Path, data: Data, config: Config, tmp_path: Path, name: str, text: str | None
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    if text is None:
        (run / name).unlink()
    else:
        (run / name).write_text(text, "utf-8")
    with pytest.raises(TrainError, match=rf"{name}: damaged.*delete the folder") as caught:
        fit(data, config, run)
    assert "\n" not in str(caught.value)


def test_a_full_disk_after_an_epoch_leaves_that_epoch_s_checkpoint(
    finished: Path, data: Data, config: Config, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for the disk; it fills up once the first epoch is kept."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_disk(_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))

    try:
        with pytest.raises(TrainError, match=r"cannot be written \([A-Z][\w ]+\); make room") as caught:
            fit(data, config, tmp_path, on_epoch=fill_disk)
        assert "\n" not in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    epochs: list[float] = []
    fit(data, config, tmp_path, on_epoch=lambda row: epochs.append(row["epoch"]))
    assert epochs == [2, 3]
    _assert_same(tmp_path, finished)


def test_a_picture_damaged_in_an_epoch_stops_nothing_then_is_one_line_and_whole_again_the_run_goes_on(
    finished: Path, many_drawn_cells: Path, config: Config, tmp_path: Path
) -> None:
    cells = shutil.copytree(many_drawn_cells, tmp_path / "cells")
    picture = read_dataset(cells).cells[0].path
    whole = picture.read_bytes()

    def damage(done: int, steps: int) -> None:
        picture.write_bytes(whole[:100])

    def interrupt(row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        fit(load_data(read_dataset(cells), config, {}), config, run, on_step=damage, on_epoch=interrupt)
    with pytest.raises(PictureError, match=picture.name) as caught:
        load_data(read_dataset(cells), config, {})
    assert "\n" not in str(caught.value)
    picture.write_bytes(whole)
    epochs: list[float] = []
    fit(load_data(read_dataset(cells), config, {}), config, run, on_epoch=lambda row: epochs.append(row["epoch"]))
    assert epochs == [3]
    _assert_same(run, finished)


def test_patience_ends_training_and_a_resumed_run_does_not_go_on(
    data: Data, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.6, 0.8, 0.8, 0.7, 0.9])
    monkeypatch.setattr("train.fit.auroc", lambda *_: next(scores))
    patient = dataclasses.replace(config, fit=dataclasses.replace(config.fit, epochs=10, patience=2))
    epochs: list[float] = []
    for _ in range(2):
        fit(data, patient, tmp_path, on_epoch=lambda row: epochs.append(row["epoch"]))
        assert epochs == [1, 2, 3, 4]
        assert (read_run(tmp_path).best_epoch, read_run(tmp_path).select_auroc) == (2, 0.8)
