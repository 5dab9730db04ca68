"""The whole line on drawn cells: train, evaluate, compress, verify, classify, by the commands a person types."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from compress.compress import compress
from compress.errors import CompressError
from compress.recipe import read_recipe
from compress.verify import Parity
from edge_runtime.bundle import read_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.findings.groups import read_groups
from edge_runtime.preprocess import prepare, read_picture
from tests.in_process import run_module
from train.data import load_data
from train.dataset import read_dataset
from train.groups import C_NMC_GROUPS
from train.run import read_run
from train.split import Split

ROOT = Path(__file__).parent.parent


def _module(name: str, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", name, *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def _here(name: str, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """The same, but for the process."""
    done = run_module(name, arguments, ROOT)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def finished(
    small_settings: tuple[Path, Path], many_drawn_cells: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished training run."""
    run = tmp_path_factory.mktemp("run") / "run"
    out = _module("train", "fit", "--data", many_drawn_cells, "--config", small_settings[0], "--run", run).stdout
    assert "epoch 2:" in out
    return run


@pytest.fixture(scope="module")
def made(small_settings: tuple[Path, Path], finished: Path, many_drawn_cells: Path) -> Path:
    """A bundle made of the finished run."""
    bundle = finished / "small.tflite"
    common = ["--data", many_drawn_cells, "--run", finished, "--recipe", small_settings[1]]
    out = _here("compress", "run", *common, "--out", bundle).stdout
    assert "| int8 |" in out and "labels differ" in out
    assert "passed" in _here("compress", "verify", bundle, *common).stdout
    return bundle


def test_a_made_bundle_classifies_and_tests_itself(made: Path, many_drawn_cells: Path) -> None:
    rows = _module("edge_runtime", "--model", made, many_drawn_cells).stdout.splitlines()
    assert len(rows) == 1 + len(list(many_drawn_cells.rglob("*.png")))
    assert "bit-equal" in _module("edge_runtime", "--model", made, "--self-test").stdout


def test_the_network_before_export_answers_as_the_bundle(
    made: Path, finished: Path, many_drawn_cells: Path, tmp_path: Path
) -> None:
    pictures, listed, out = (
        sorted(many_drawn_cells.rglob("*.png"))[:4],
        tmp_path / "list.txt",
        tmp_path / "answers.json",
    )
    listed.write_text("".join(f"{path}\n" for path in pictures), "utf-8")
    asked = ["--run", finished, "--model", made, "--pictures", listed, "--out", out]
    _here("compress", "answers", *asked)
    device = Classifier.from_file(made)
    for path, answer in zip(pictures, json.loads(out.read_text("utf-8")), strict=True):
        pixels = prepare(read_picture(path), device.contract.input)
        assert answer["prepared"] == hashlib.sha256(pixels.tobytes()).hexdigest()
        assert answer["probabilities"] == pytest.approx(device.scores(pixels), abs=0.03)
    listed.write_text("", "utf-8")
    _assert_one_line(_here("compress", "answers", *asked, expect=1), "compress", "names no picture")
    listed.write_bytes(pictures[0].read_bytes())
    _assert_one_line(_here("compress", "answers", *asked, expect=1), "compress", "cannot be read (not text)")


def test_the_bundle_says_what_was_measured_on_whom(made: Path, finished: Path) -> None:
    bundle = read_bundle(made)
    part_of = json.loads((finished / "run.json").read_text())["part_of"]
    report = {group for group, part in part_of.items() if part == "report"}
    assert set(bundle.contract.provenance.report_subjects) == report
    assert "Research use only" in bundle.card
    assert all(subject in bundle.card for subject in report)


def test_half_of_the_pointwise_weights_are_zero_in_the_file(made: Path) -> None:
    interpreter = Interpreter(model_content=read_bundle(made).model)
    kernels = [
        interpreter.tensor(detail["index"])()
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] == np.int8
        and list(detail["shape"][1:3]) == [1, 1]
        and "pointwise" in detail["name"]
        and detail["shape"][0] > 1
    ]
    assert len(kernels) == 2
    zeros = sum(int((kernel == 0).sum()) for kernel in kernels) / sum(kernel.size for kernel in kernels)
    assert 0.45 <= zeros <= 0.6


def test_evaluate_writes_the_report(made: Path, finished: Path, many_drawn_cells: Path, tmp_path: Path) -> None:
    for arguments in (["--run", finished], ["--model", made]):
        out = tmp_path / arguments[0].strip("-")
        printed = _here("train", "evaluate", "--data", many_drawn_cells, *arguments, "--out", out).stdout
        assert "weighted F1" in printed and "area alone" in printed
        names = {path.name for path in out.iterdir()}
        assert names == {"report.md", "scores.json", "predictions.csv", "subjects.csv", "confusion.png", "roc.png"}
        assert "Research use only" in (out / "report.md").read_text("utf-8")
        scores = json.loads((out / "scores.json").read_text("utf-8"))
        assert len(scores) == 2 and all(0 <= s["auroc"]["value"] <= 1 for s in scores.values())


def test_an_interrupted_run_goes_on_to_the_same_network(
    small_settings: tuple[Path, Path], finished: Path, many_drawn_cells: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "train",
        "fit",
        "--data",
        many_drawn_cells,
        "--config",
        small_settings[0],
        "--run",
        run,
    ]
    process = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 1:"):
            process.kill()
            break
    process.wait()
    process.stdout.close()
    done = _here("train", "fit", "--data", many_drawn_cells, "--config", small_settings[0], "--run", run)
    assert "epoch 1:" not in done.stdout
    for name in ("history.csv", "run.json"):
        assert (run / name).read_text() == (finished / name).read_text()


def test_a_bundle_beyond_tolerance_is_not_written(
    small_settings: tuple[Path, Path],
    finished: Path,
    many_drawn_cells: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the gate measures on a damaged model is in test_parity; here it measures too much."""
    run, out, kept = read_run(finished), tmp_path / "refused.tflite", sorted(finished.iterdir())
    data = load_data(read_dataset(many_drawn_cells), run.config, read_groups(C_NMC_GROUPS), Split(run.part_of))
    recipe = dataclasses.replace(read_recipe(small_settings[1]), tolerance=read_recipe().tolerance)
    monkeypatch.setitem(compress.__globals__, "compare_answers", lambda *_: Parity(6, 0.5, 0.0, 0.3))
    with pytest.raises(CompressError, match=r"50.00% of 6 cells change their label, .* no bundle written"):
        compress(finished, run, data, recipe, ROOT / "samples" / "cell-02.png", out)
    assert not out.exists() and sorted(finished.iterdir()) == kept


def test_other_data_than_the_runs_are_refused(
    small_settings: tuple[Path, Path], finished: Path, many_drawn_cells: Path, tmp_path: Path
) -> None:
    other = tmp_path / "cells"
    shutil.copytree(many_drawn_cells, other)
    next(other.rglob("*.png")).unlink()
    fit = _here("train", "fit", "--data", other, "--config", small_settings[0], "--run", finished, expect=1)
    assert "other settings or data" in fit.stderr
    run = _here("compress", "run", "--data", other, "--run", finished, "--recipe", small_settings[1], expect=1)
    assert "was trained on other cells" in run.stderr
    sensitivity = _here("compress", "sensitivity", "--data", other, "--run", finished, expect=1)
    assert "was trained on other cells" in sensitivity.stderr


def test_a_probe_that_no_bundle_could_carry_is_said_before_training(
    finished: Path, many_drawn_cells: Path, tmp_path: Path
) -> None:
    large, photo = tmp_path / "large.png", tmp_path / "photo.jpg"
    cv2.imwrite(str(large), np.random.default_rng(0).integers(0, 255, (1300, 1300, 3), np.uint8))
    cv2.imwrite(str(photo), np.zeros((450, 450, 3), np.uint8))
    for probe in (large, photo):
        arguments = ("--data", many_drawn_cells, "--run", finished, "--probe", probe)
        done = _here("compress", "run", *arguments, "--out", tmp_path / "made.tflite", expect=1)
        _assert_one_line(done, "compress", f"{probe}: must be a PNG of at most 4 MB")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "fit", "--data", "samples"], "no cells named UID_"),
        (["train", "audit", "absent"], "absent: no such folder"),
        (["train", "evaluate", "--data", "samples", "--model", "samples/cell-01.png"], "no cells named UID_"),
        (["compress", "run", "--data", "samples", "--run", "absent"], "absent: no training run"),
        (["compress", "verify", "absent.tflite", "--data", "samples"], "absent.tflite: cannot be read"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    if "fit" in arguments:
        arguments = [*arguments, "--run", str(tmp_path / "run")]
    _assert_one_line(_here(*arguments, expect=1), arguments[0], message)


def test_an_absent_path_is_said_before_tensorflow_starts() -> None:
    without = "import sys; sys.modules['tensorflow'] = None; from train.cli import *; run_group(group, 'train')"
    for arguments, message in (
        (["--data", "absent"], "absent: no such folder"),
        (["--groups", "absent.csv"], "absent.csv: not a readable CSV"),
        (["--config", "absent.toml"], "absent.toml: cannot be read"),
    ):
        command = [sys.executable, "-c", without, "fit", "--data", "samples", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        _assert_one_line(done, "train", message)


def _assert_one_line(done: subprocess.CompletedProcess[str], room: str, message: str) -> None:
    ours = [line for line in done.stderr.splitlines() if line.startswith(f"{room}: ")]
    assert len(ours) == 1 and message in ours[0]
    assert "Traceback" not in done.stderr
