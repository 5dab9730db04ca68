"""Searching settings on drawn cells: never with the report part, never for another study, on after any interruption."""

import csv
import dataclasses
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from click.testing import CliRunner

import train.trial
from tests.drawn import changed
from train.cli import group
from train.config import Config, read_config, with_values
from train.data import Data
from train.dataset import Dataset, read_dataset
from train.errors import DivergedError, MisfitError, TrainError
from train.predictions import Predictions
from train.shallow import Shallow
from train.space import DEFAULT_SPACE, Space, read_space
from train.split import split_groups
from train.tune import Tuned, tune

FOLDS = 2
SPACE = """
fit.learning_rate = { kind = "log", low = 1e-4, high = 1e-2 }
fit.epochs = { kind = "int", low = 1, high = 2 }
fit.average = { kind = "choice", values = [0.9, 0.99] }
"""


@pytest.fixture(scope="module")
def config(small_settings: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A small network, one step an epoch."""
    path = tmp_path_factory.mktemp("settings") / "config.toml"
    path.write_text(
        changed(small_settings[0].read_text("utf-8"), batch=64, stem=4, channels="[8]", strides="[2]"), "utf-8"
    )
    return read_config(path)


@pytest.fixture(scope="module")
def dataset(many_drawn_cells: Path, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Drawn cells of which those of the report part cannot be read."""
    folder = Path(shutil.copytree(many_drawn_cells, tmp_path_factory.mktemp("tune") / "cells"))
    dataset = read_dataset(folder)
    for i in _report_part(dataset, config):
        dataset.cells[i].path.write_bytes(b"")
    return dataset


def _report_part(dataset: Dataset, config: Config) -> list[int]:
    own, labels = [cell.subject for cell in dataset.cells], [cell.label for cell in dataset.cells]
    return split_groups(own, labels, config.split.shares, config.fit.seed).indices(own, "report")


@pytest.fixture
def space(tmp_path: Path, config: Config) -> Space:
    """Of three kinds."""
    path = tmp_path / "space.toml"
    path.write_text(SPACE, "utf-8")
    return read_space(path, config)


def _rows(out: Path) -> list[dict[str, str]]:
    with open(out / "trials.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_never_sees_the_report_part_and_reads_each_cell_once(
    dataset: Dataset, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real thing by command; asked again for as many trials, it runs none."""
    import train.data

    read: list[int] = []
    load = train.data.load_pixels
    monkeypatch.setattr(train.data, "load_pixels", lambda cells, spec: read.append(len(cells)) or load(cells, spec))
    settings, space, groups = tmp_path / "settings.toml", tmp_path / "space.toml", tmp_path / "groups.csv"
    settings.write_text(_toml(config), "utf-8")
    space.write_text(SPACE, "utf-8")
    groups.write_text("subject,group\n", "utf-8")
    options = {"data": dataset.root, "groups": groups, "config": settings, "space": space, "out": tmp_path / "out"}
    arguments = [
        "tune",
        "--folds",
        str(FOLDS),
        *(text for name in options for text in (f"--{name}", str(options[name]))),
    ]
    done = CliRunner().invoke(group, [*arguments, "--trials", "2"], catch_exceptions=False)
    assert done.exit_code == 0
    seen = len(dataset.cells) - len(_report_part(dataset, config))
    assert read == [seen]
    rows = _rows(tmp_path / "out")
    assert [row["state"] for row in rows] == ["complete", "complete"]
    best = max(rows, key=lambda row: float(row["value"]))
    assert f"trial {best['trial']}, the best of 2, so an optimistic number; the 2 groups" in done.stdout
    assert done.stderr.count("trial ") == 2
    found = read_config(tmp_path / "out" / "best.toml")
    assert found.fit.learning_rate == float(best["fit.learning_rate"])
    assert found.fit.average == float(best["fit.average"]) and found.fit.epochs == int(best["fit.epochs"])
    assert dataclasses.replace(found, fit=config.fit) == config
    assert _report_part(dataset, found) == _report_part(dataset, config)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["best.toml", "study.db", "trials.csv"]
    again = CliRunner().invoke(group, [*arguments, "--trials", "2"], catch_exceptions=False)
    assert again.stdout == done.stdout and not again.stderr
    assert _rows(tmp_path / "out") == rows


def test_a_study_looks_at_the_cells_for_a_teacher_once(
    search: Callable[..., Tuned],
    dataset: Dataset,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many trials want one, and of whatever picture; a trial without a teacher looks at nothing."""
    looked: list[int] = []
    given: list[tuple[float, int, Any]] = []

    def look(cells: Any, weights: Path) -> Shallow:
        looked.append(len(cells))
        return Shallow(np.zeros((len(cells), 1)), np.zeros((len(cells), 1)))

    def answer(_: Dataset, config: Config, *rest: Any, data: Data, **other: Any) -> None:
        given.append((config.distillation.weight, config.picture.size, data.features))
        raise DivergedError("not finite")

    monkeypatch.setattr("train.data.shallow_features", look)
    monkeypatch.setattr("train.trial.crossvalidate", answer)
    path = tmp_path / "teachers.toml"
    weights = "distillation.weight = { kind = 'choice', values = [0.0, 0.5, 1.0] }"
    path.write_text(f"{weights}\npicture.size = {{ kind = 'choice', values = [64, 128] }}\n", "utf-8")
    with pytest.raises(TrainError, match="no trial ran to its end"):
        search(10, space=read_space(path, config))
    assert len({(weight, size) for weight, size, _ in given if weight}) >= 3
    assert looked == [len(dataset.cells) - len(_report_part(dataset, config))]
    assert all(features is not None for weight, _, features in given if weight)
    first = next(i for i, (weight, *_) in enumerate(given) if weight)
    assert all(features is None for *_, features in given[:first])


def _toml(config: Config) -> str:
    from train.config import config_toml

    return config_toml(config)


@pytest.fixture
def crossvalidate(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Config, int]]:
    """Stands in for the networks: the answers get better with the learning rate; notes what was asked for."""
    asked: list[tuple[Config, int]] = []

    def answer(
        dataset: Dataset,
        config: Config,
        groups: dict[str, str],
        out: Path,
        *,
        folds: int,
        on_fold: Callable[[int, Predictions], None],
        **rest: Any,
    ) -> None:
        del groups, rest
        out.mkdir(exist_ok=True)
        targets = np.array([dataset.labels.index(cell.label) for cell in dataset.cells])
        wrong = np.arange(len(targets)) >= round(len(targets) * _share_right(config))
        probabilities = np.eye(2)[np.where(wrong, 1 - targets, targets)]
        for fold in range(1, folds + 1):
            asked.append((config, fold))
            on_fold(
                fold, Predictions(dataset.cells, tuple(c.subject for c in dataset.cells), dataset.labels, probabilities)
            )

    monkeypatch.setattr("train.trial.crossvalidate", answer)
    return asked


def _share_right(config: Config) -> float:
    return float(np.clip((np.log10(config.fit.learning_rate) + 4) / 2, 0, 1))


@pytest.fixture
def search(dataset: Dataset, config: Config, space: Space, tmp_path: Path) -> Callable[..., Tuned]:
    """`tune` with what the tests do not vary."""

    def call(trials: int, **other: Any) -> Tuned:
        given: dict[str, Any] = {"dataset": dataset, "config": config, "groups": {}, "out": tmp_path / "out"}
        return tune(**given | {"space": space, "trials": trials, "folds": FOLDS} | other)

    return call


@pytest.mark.parametrize(("objective", "best"), [("auroc", max), ("weighted_f1", max), ("brier", min)])
def test_the_best_is_the_best_of_the_objective(
    search: Callable[..., Tuned], crossvalidate: list[tuple[Config, int]], tmp_path: Path, objective: str, best: Any
) -> None:
    found = search(4, objective=objective)
    values = {int(row["trial"]): float(row["value"]) for row in _rows(tmp_path / "out") if row["value"]}
    assert found.value == values[found.trial] == best(values.values())
    assert found.trials == 4 and found.searched == 8 and found.held_out == 2
    assert _share_right(found.config) == max(_share_right(config) for config, _ in crossvalidate)


def test_a_bad_trial_is_pruned_after_its_first_fold(
    search: Callable[..., Tuned], crossvalidate: list[tuple[Config, int]], tmp_path: Path
) -> None:
    search(12)
    pruned = [row for row in _rows(tmp_path / "out") if row["state"] == "pruned"]
    assert pruned
    for row in pruned:
        assert row["why"] == "worse than the median after fold 1" and row["fold_1"] and not row["fold_2"]
    assert len(crossvalidate) == 12 * FOLDS - len(pruned)


def test_no_two_trials_of_a_resumed_study_draw_the_same(
    search: Callable[..., Tuned], crossvalidate: list[tuple[Config, int]], tmp_path: Path
) -> None:
    for trials in (1, 3, 4):
        search(trials)
    rates = [row["fit.learning_rate"] for row in _rows(tmp_path / "out")]
    assert len(set(rates)) == 4
    shutil.rmtree(tmp_path / "out")
    search(4)
    assert [row["fit.learning_rate"] for row in _rows(tmp_path / "out")] == rates


def test_a_diverged_trial_is_pruned_and_a_study_of_nothing_else_says_so(
    search: Callable[..., Tuned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any, **__: Any) -> None:
        raise DivergedError("not finite")

    monkeypatch.setattr("train.trial.crossvalidate", diverge)
    with pytest.raises(TrainError, match="no trial ran to its end"):
        search(2)
    assert [row["why"] for row in _rows(tmp_path / "out")] == ["diverged", "diverged"]


def test_values_that_do_not_go_together_are_a_bad_trial(
    search: Callable[..., Tuned], crossvalidate: list[tuple[Config, int]], config: Config, tmp_path: Path
) -> None:
    path = tmp_path / "pictures.toml"
    crops, sizes = "picture.crop = { kind = 'choice', values = [384, 64] }", "values = [64, 128]"
    path.write_text(f"{crops}\npicture.size = {{ kind = 'choice', {sizes} }}\n", "utf-8")
    search(10, space=read_space(path, config))
    refused = [row for row in _rows(tmp_path / "out") if row["state"] == "pruned"]
    assert refused and all(row["why"].startswith("refused: key 'picture'") for row in refused)
    assert {(c.picture.crop, c.picture.size) for c, _ in crossvalidate} == {(384, 64), (384, 128), (64, 64)}


def test_a_network_that_its_pretrained_file_does_not_fit_is_a_bad_trial(
    search: Callable[..., Tuned],
    crossvalidate: list[tuple[Config, int]],
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only what is fitted shows it, and the study goes on."""
    path = tmp_path / "networks.toml"
    path.write_text("network.stem = { kind = 'choice', values = [4, 8] }\n", "utf-8")
    fits = train.trial.crossvalidate

    def refuse(dataset: Dataset, own: Config, *given: Any, **named: Any) -> None:
        if own.network.stem != config.network.stem:
            raise MisfitError("file: convolution 0 is [3, 3, 3, 4], stem is [3, 3, 3, 8]; set stem")
        fits(dataset, own, *given, **named)

    monkeypatch.setattr("train.trial.crossvalidate", refuse)
    search(8, space=read_space(path, config))
    rows = _rows(tmp_path / "out")
    refused = [row for row in rows if row["state"] == "pruned"]
    assert len(rows) == 8 and 0 < len(refused) < 8
    assert all(row["why"].startswith("refused: file: convolution 0 is") for row in refused)
    assert not list((tmp_path / "out").glob("trial-*"))


@pytest.mark.parametrize("taught", [True, False])
def test_the_command_ends_with_commands_that_judge_the_winner(
    many_drawn_cells: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taught: bool
) -> None:
    groups, settings, out = tmp_path / "own groups.csv", tmp_path / "config.toml", tmp_path / "out"
    groups.write_text("subject,group\n", "utf-8")
    config = with_values(config, {"distillation.weight": 0.5 if taught else 0.0})
    settings.write_text(_toml(config), "utf-8")

    def found(*_: object, **__: object) -> Tuned:
        out.mkdir()
        (out / "best.toml").write_text(_toml(config), "utf-8")
        return Tuned(config, trial=3, value=0.9, trials=5, searched=8, held_out=2)

    monkeypatch.setattr("train.tune.tune", found)
    options = {"data": many_drawn_cells, "groups": groups, "config": settings, "out": out, "weights": tmp_path}
    arguments = ["tune", *(text for name, value in options.items() for text in (f"--{name}", str(value)))]
    shown = CliRunner().invoke(group, arguments, catch_exceptions=False).stdout
    typed = [shlex.split(line)[3:] for line in shown.splitlines() if line.startswith("python -m train ")]
    read = {name: group.commands[name].make_context(name, rest).params for name, *rest in typed}
    assert list(read) == (["teach", "fit", "evaluate"] if taught else ["fit", "evaluate"])
    assert read["evaluate"]["folder"] == read["fit"]["folder"] == out / "best"
    assert read["fit"]["config"] == out / "best.toml" and read["fit"]["weights"] == tmp_path
    assert all((own["data"], own["groups"]) == (many_drawn_cells, groups) for own in read.values())
    assert read["fit"]["teaching"] == (read["teach"]["out"] if taught else None)


def test_an_interrupted_trial_is_done_again_and_goes_on_in_its_folder(
    search: Callable[..., Tuned], dataset: Dataset, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real networks: fold 1 is fitted before the interruption, and its history is from then."""
    import train.trial

    def interrupt(*_: Any) -> dict[str, float]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train.trial, "values_of", interrupt)
        with pytest.raises(KeyboardInterrupt):
            search(1)
    history = tmp_path / "out" / "trial-0000" / "fold-1" / "history.csv"
    before = history.stat().st_mtime_ns
    stamps: list[int] = []
    real = train.trial.values_of
    monkeypatch.setattr(
        train.trial, "values_of", lambda *given: stamps.append(history.stat().st_mtime_ns) or real(*given)
    )
    assert search(1).trial == 1
    assert stamps == [before, before]
    interrupted, again = _rows(tmp_path / "out")
    assert (interrupted["state"], again["state"]) == ("fail", "complete")
    assert interrupted["fit.learning_rate"] == again["fit.learning_rate"]
    assert not history.parent.parent.exists()


def test_a_killed_trial_is_done_again_once_its_heart_has_stopped(
    search: Callable[..., Tuned], crossvalidate: list[tuple[Config, int]], tmp_path: Path
) -> None:
    search(1)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'out' / 'study.db'}")
    killed = study.ask()
    rate = killed.suggest_float("fit.learning_rate", 1e-4, 1e-2, log=True)
    study._storage.record_heartbeat(killed._trial_id)
    time.sleep(2.5)
    search(3, grace_s=1)
    rows = _rows(tmp_path / "out")
    assert [row["state"] for row in rows[:2]] == ["complete", "fail"]
    done = [row for row in rows[2:] if row["state"] in ("complete", "pruned")]
    assert len(done) == 2 and float(done[0]["fit.learning_rate"]) == rate


def test_another_study_is_refused(
    search: Callable[..., Tuned],
    crossvalidate: list[tuple[Config, int]],
    many_drawn_cells: Path,
    config: Config,
    tmp_path: Path,
) -> None:
    dataset = read_dataset(many_drawn_cells)
    search(1, dataset=dataset)
    before = _rows(tmp_path / "out")
    narrow = tmp_path / "narrow.toml"
    narrow.write_text('fit.learning_rate = { kind = "log", low = 1e-3, high = 1e-2 }\n', "utf-8")
    fewer = dataclasses.replace(dataset, cells=dataset.cells[1:])
    others: list[tuple[str, dict[str, Any]]] = [
        ("data_sha256", {"dataset": fewer}),
        ("config", {"config": dataclasses.replace(config, fit=dataclasses.replace(config.fit, batch=7))}),
        ("folds", {"folds": 3}),
        ("objective", {"objective": "brier"}),
        ("space", {"space": read_space(narrow, config)}),
    ]
    for key, other in others:
        with pytest.raises(TrainError, match=rf"belongs to other data or settings \('{key}' differs\)") as caught:
            search(2, **{"dataset": dataset} | other)
        assert "\n" not in str(caught.value)
    assert _rows(tmp_path / "out") == before


@pytest.mark.parametrize(
    "storage",
    [
        "postgresql://maria:geheim@127.0.0.1:1/studies?password=geheim",
        "mysql+absent://maria:geheim@127.0.0.1/studies",
        "postgresql://maria:geheim@127.0.0.1:port/studies",
        "sqlite:////absent/folder/study.db",
        "maria:geheim",
    ],
)
def test_a_database_that_cannot_be_used_gets_one_line_without_its_password(
    search: Callable[..., Tuned], storage: str
) -> None:
    with pytest.raises(TrainError, match="cannot keep a study") as caught:
        search(1, storage=storage)
    text = str(caught.value)
    assert "\n" not in text
    assert "geheim" not in text or storage == "maria:geheim"


def test_the_shipped_space_is_one_of_the_shipped_settings() -> None:
    assert len(read_space(DEFAULT_SPACE, read_config()).ranges) > 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fit.epochs = 3", "fit.epochs must be a range"),
        ('fit.epoch = { kind = "int", low = 1, high = 2 }', "fit.epoch: key 'fit.epoch' is unknown to the settings"),
        ('fits.epochs = { kind = "int", low = 1, high = 2 }', "fits.epochs: key 'fits.epochs' is unknown"),
        ('name.first = { kind = "choice", values = [1, 2] }', "name.first may not be searched"),
        ('fit.epochs = { kind = "int", low = 0, high = 2 }', "fit.epochs: key 'fit': epochs and batch must be 1"),
        ('fit.epochs = { kind = "float", low = 1, high = 2 }', "fit.epochs: key 'fit.epochs' is 1.0, must be int"),
        ('fit.epochs = { kind = "int", low = 2, high = 1 }', "fit.epochs: low must be below high"),
        ('fit.epochs = { kind = "int", low = 1 }', "fit.epochs: key 'high' is missing"),
        ('fit.epochs = { kind = "whole", low = 1, high = 2 }', "fit.epochs: key 'kind' is 'whole'"),
        (
            'augment.scale = { kind = "log", low = 0.0, high = 0.1 }',
            "augment.scale: low must be below high, and over 0",
        ),
        ('augment.scale = { kind = "float", low = 0.0, high = 1.5 }', "augment.scale: key 'augment': scale must be 0"),
        ('fit.batch = { kind = "choice", values = [16] }', "fit.batch: a choice has `values`, a list of two or more"),
        ('fit.batch = { kind = "choice", values = [16, "x"] }', "fit.batch: key 'fit.batch' is 'x'"),
        ('split.train = { kind = "float", low = 0.6, high = 0.7 }', "split.train may not be searched"),
        ('fit.seed = { kind = "int", low = 1, high = 7 }', "fit.seed may not be searched"),
        ("", "nothing to search"),
        ("fit.epochs = ", "not TOML"),
    ],
)
def test_a_wrong_space_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "space.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(TrainError, match=message) as caught:
        read_space(path, read_config())
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
