"""Variants are declared as data, and compared with the base on the same draws of people."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge_runtime.scoring.bootstrap import group_draws
from train.ablate import SCALES, ablate
from train.cli import group
from train.config import Config, read_config
from train.dataset import read_dataset
from train.errors import TrainError
from train.metrics import draw_scores, measure, values_of
from train.variants import DEFAULT_VARIANTS, folder_of, read_variants


def test_the_shipped_variants_are_settings_that_differ_from_the_base() -> None:
    base = read_config()
    variants = read_variants(DEFAULT_VARIANTS, base)
    assert len(variants) >= 15
    assert variants["no rotation"].augment == dataclasses.replace(base.augment, rotate="none")
    assert all(variant != base for variant in variants.values())


def test_a_variant_that_changes_nothing_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "variants.toml"
    path.write_text(
        'same = { "augment.rotate" = "any" }\nother = { "name" = "x", "network.strides" = [1, 1] }', "utf-8"
    )
    base = read_config()
    base = dataclasses.replace(base, network=dataclasses.replace(base.network, channels=(8, 8), strides=(1, 2)))
    variants = read_variants(path, base)
    assert list(variants) == ["other"]
    assert variants["other"].network.strides == (1, 1) and variants["other"].name == "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"a b" = { "augment.rotat" = false }', "'a b': key 'augment.rotat' is unknown"),
        ('a = { "augment.rotate.x" = false }', "key 'augment.rotate.x' is unknown"),
        ('a = { "augment.scale" = 2.0 }', "'a': key 'augment': scale must be 0 to 1"),
        ('a = { "augment.rotate" = 1 }', "key 'augment.rotate' is 1, must be 'any' or 'quarter' or 'none'"),
        ("a = {}", "'a' must be changes of keys"),
        ('base = { "fit.seed" = 1 }', "'base' and 'base' would share a folder"),
        ('"A!" = { "fit.seed" = 1 }\n"a" = { "fit.seed" = 2 }', "'a' and 'A!' would share a folder"),
        ("a = ", "not TOML"),
    ],
)
def test_a_wrong_variant_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "variants.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(TrainError, match=message) as caught:
        read_variants(path, read_config())
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["no rotation", "../up", "a/b", "..", "ÄÖ", "JPEG from 50"])
def test_a_variant_s_folder_stays_below(name: str) -> None:
    assert folder_of(name) not in ("", ".", "..") and "/" not in folder_of(name)


def _two_models() -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(3)
    targets = np.repeat(np.arange(12) % 2, 20)
    hard = np.repeat(rng.normal(0, 1.5, 12), 20)  # people differ more than the models do
    logits = np.where(targets == 0, 1.0, -1.0) + hard + rng.normal(0, 1, 240)

    def model(logits: np.ndarray) -> np.ndarray:
        first = 1 / (1 + np.exp(-logits))
        return np.stack([first, 1 - first], 1)

    better = model(logits + np.where(targets == 0, 0.2, -0.2))
    return model(logits), better, targets, [str(i // 20) for i in range(240)]


def test_a_difference_is_paired_and_so_surer_than_either_score() -> None:
    base, better, targets, groups = _two_models()
    drawn = draw_scores(better, targets, groups, draws=200)
    found = drawn.minus(draw_scores(base, targets, groups, draws=200))
    assert drawn.intervals() == measure(better, targets, groups, draws=200)
    by_hand = [
        values_of(better, targets, w)["auroc"] - values_of(base, targets, w)["auroc"]
        for w in group_draws(targets, groups, draws=200)
    ]
    assert (found["auroc"].low, found["auroc"].high) == pytest.approx(tuple(np.percentile(by_hand, (2.5, 97.5))))
    own = drawn.intervals()["auroc"]
    assert found["auroc"].low > 0 and found["auroc"].high - found["auroc"].low < (own.high - own.low) / 2
    assert all(abs(same.value) + abs(same.low) + abs(same.high) == 0 for same in drawn.minus(drawn).values())


@pytest.fixture(scope="module")
def config(small_settings: tuple[Path, Path]) -> Config:
    small = read_config(small_settings[0])
    return dataclasses.replace(small, fit=dataclasses.replace(small.fit, epochs=1, batch=64))


def test_each_variant_is_trained_once_on_pixels_read_once_and_stands_beside_the_base(
    many_drawn_cells: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from train import crossval

    loads, load_data = [], crossval.load_data
    monkeypatch.setattr(crossval, "load_data", lambda *args: loads.append(args) or load_data(*args))
    variants = {
        name: dataclasses.replace(config, augment=dataclasses.replace(config.augment, **change))
        for name, change in (("no mirroring", {"mirror": False}), ("no shift", {"shift": 0.0}))
    }
    dataset, trained = read_dataset(many_drawn_cells), []

    def run(*only: str) -> dict[str, object]:
        return dict(
            ablate(
                dataset,
                config,
                variants,
                {},
                tmp_path,
                folds=2,
                only=only,
                on_epoch=lambda name, fold, _: trained.append((name, fold)),
            )
        )

    assert list(run("no shift")) == ["base", "no shift"]
    assert trained == [("base", 1), ("base", 2), ("no shift", 1), ("no shift", 2)] and len(loads) == 1
    rows = run()
    assert list(rows) == ["base", "no mirroring", "no shift"]
    assert trained[4:] == [("no mirroring", 1), ("no mirroring", 2)] and len(loads) == 2
    for name, folder in (("base", "base"), ("no mirroring", "no-mirroring"), ("no shift", "no-shift")):
        stored = json.loads((tmp_path / folder / "crossval.json").read_text("utf-8"))
        assert stored["config"]["augment"]["mirror"] == (name != "no mirroring")
    lines = (tmp_path / "ablation.md").read_text("utf-8").splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "base",
        "no mirroring",
        "no mirroring, minus base",
        "no shift",
        "no shift, minus base",
    ]
    with open(tmp_path / "ablation.csv", encoding="utf-8", newline="") as file:
        numbers = list(csv.DictReader(file))
    value = {(row["variant"], row["score"]): float(row["value"]) for row in numbers}
    assert {score for _, score in value} >= {"weighted F1", "AUROC by subject", *SCALES}
    for row in numbers:
        expected = value[row["variant"], row["score"]] - value["base", row["score"]]
        assert float(row["difference"]) == pytest.approx(expected, abs=2e-6)
    with pytest.raises(TrainError, match="no variant 'no such'; there are 'no mirroring', 'no shift'"):
        run("no such")


def test_a_group_of_two_labels_is_said_before_anything_is_trained(many_drawn_cells: Path, tmp_path: Path) -> None:
    dataset = read_dataset(many_drawn_cells)
    one, other = (next(cell.subject for cell in dataset.cells if cell.label == label) for label in dataset.labels)
    with pytest.raises(TrainError, match=r"subject group both has cells labelled 'all' and 'hem'"):
        ablate(dataset, read_config(), {}, {one: "both", other: "both"}, tmp_path, folds=2)
    assert not list(tmp_path.iterdir())


def test_the_command_names_a_variant_that_is_not_there(many_drawn_cells: Path) -> None:
    done = CliRunner().invoke(group, ["ablate", "--data", str(many_drawn_cells), "--only", "nothing"])
    assert isinstance(done.exception, TrainError) and "no variant 'nothing'" in str(done.exception)
