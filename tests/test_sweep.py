"""A sweep on drawn cells: every recipe's file, the table, the plot, going on after a stop, and what is refused."""

import csv
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as LiteRt
from click.testing import CliRunner

from compress.cli import group
from compress.draft import draft_bundle
from compress.errors import CompressError
from compress.folds import Fold, choose_folds, read_folds, read_selecting
from compress.layer_errors import layer_errors, worst_layers, worst_text
from compress.pareto import front
from compress.recipe import Recipe, read_recipe
from compress.recipe_names import recipe_named
from compress.sweep import Swept, sweep
from compress.sweep_report import write_sweep
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import prepare
from tests.operators import assert_all_int8, operators_of
from train.config import read_config
from train.crossval import crossvalidate
from train.dataset import Dataset, load_picture, read_dataset

PROBE = Path(__file__).parent.parent / "samples" / "cell-02.png"
NAMES = ("fp32", "ptq8", "sp50_ptq8_hard")


@pytest.fixture(scope="module")
def dataset(many_drawn_cells: Path) -> Dataset:
    return read_dataset(many_drawn_cells)


@pytest.fixture(scope="module")
def crossval(small_settings: tuple[Path, Path], dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cross-validation of two folds."""
    folder = tmp_path_factory.mktemp("sweep") / "crossval"
    config = read_config(small_settings[0])
    # Weights enough that int8 saves more bytes than it writes scales.
    network = dataclasses.replace(config.network, channels=(16, 16, 16, 16), strides=(2, 2, 2, 1))
    config = dataclasses.replace(config, network=network, fit=dataclasses.replace(config.fit, epochs=1))
    crossvalidate(dataset, config, {}, folder, folds=2)
    return folder


@pytest.fixture(scope="module")
def folds(crossval: Path, dataset: Dataset) -> list[Fold]:
    return read_folds(crossval, dataset, {})


@pytest.fixture(scope="module")
def recipes(small_settings: tuple[Path, Path]) -> list[Recipe]:
    base = read_recipe(small_settings[1])
    return [recipe_named(name, base) for name in NAMES]


@pytest.fixture(scope="module")
def swept(
    folds: list[Fold], recipes: list[Recipe], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Swept]]:
    out = tmp_path_factory.mktemp("swept") / "sweep"
    yield out, sweep(folds, recipes, PROBE, out, on_recipe=lambda so_far: write_sweep(out, so_far, folds))


def _files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("fold-*/*"))}


def test_it_tells_size_accuracy_and_time_of_each_recipe(swept: tuple[Path, Swept]) -> None:
    out, found = swept
    assert [row.recipe for row in found.rows] == list(NAMES) and not found.failed
    plain, ptq, zeros = found.rows
    assert plain.parity.flips == 0 and plain.difference.value == 0
    assert ptq.size.file_bytes < plain.size.file_bytes and ptq.size.multiply_adds == plain.size.multiply_adds
    assert zeros.size.zeros > 0.2 > ptq.size.zeros and zeros.size.gzip_bytes < ptq.size.gzip_bytes
    assert all(value > 0 for row in found.rows for value in (*row.latency.model_ms, *row.latency.float_ms))
    assert all(row.scores["weighted_f1"].low <= row.scores["weighted_f1"].high for row in found.rows)
    text = (out / "sweep.md").read_text("utf-8")
    assert "Research use only" in text and all(name in text for name in NAMES)
    with open(out / "sweep.csv", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["recipe"] for line in lines] == list(NAMES)
    assert float(lines[1]["weighted_f1"]) == ptq.scores["weighted_f1"].value
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_after_a_stop_it_goes_on_to_the_same(
    swept: tuple[Path, Swept], folds: list[Fold], recipes: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while the second fold of a recipe is judged, its files written and its answers not."""
    whole, found = swept
    out = tmp_path / "sweep"
    shutil.copytree(whole, out)
    shutil.rmtree(out / NAMES[1])
    (out / NAMES[2] / "fold-2" / "answers.npy").unlink()
    done: list[str] = []

    def counted(folder: Path, run: object, data: object, recipe: Recipe, probe: Path) -> object:
        done.append(f"{recipe.name}/{folder.name}")
        return draft_bundle(folder, run, data, recipe, probe)  # type: ignore[arg-type]

    monkeypatch.setattr("compress.sweep.draft_bundle", counted)
    again = sweep(folds, recipes, PROBE, out)
    assert done == [f"{NAMES[1]}/fold-1", f"{NAMES[1]}/fold-2", f"{NAMES[2]}/fold-2"]
    assert _files(out) == _files(whole)
    for row, other in zip(again.rows, found.rows, strict=True):
        assert dataclasses.replace(row, latency=other.latency) == other


def test_a_folder_of_another_sweep_is_refused(
    swept: tuple[Path, Swept], folds: list[Fold], recipes: list[Recipe]
) -> None:
    other = dataclasses.replace(recipes[1], calibration_cells=3)
    with pytest.raises(Exception, match=r"ptq8/fold-1: holds a run with other settings"):
        sweep(folds, [other], PROBE, swept[0])


def test_what_cannot_be_followed_is_left_out_and_the_rest_goes_on(
    swept: tuple[Path, Swept], folds: list[Fold], recipes: list[Recipe], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "sweep"
    shutil.copytree(swept[0] / "fp32", out / "fp32")

    def refuse(*_: object) -> None:
        raise CompressError("the output moves in steps of 0.1")

    monkeypatch.setattr("compress.sweep.draft_bundle", refuse)
    found = sweep(folds, [recipes[1], recipes[0]], PROBE, out, on_recipe=lambda so: write_sweep(out, so, folds))
    assert [row.recipe for row in found.rows] == ["fp32"]
    assert found.failed == {"ptq8": "the output moves in steps of 0.1"}
    assert "`ptq8`: the output moves in steps" in (out / "sweep.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES[1:])
def test_every_operator_is_int8_and_pixels_enter_as_they_are(swept: tuple[Path, Swept], name: str) -> None:
    model = (swept[0] / name / "fold-1" / "model.tflite").read_bytes()
    assert_all_int8(model)
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "SOFTMAX"} <= {operator for operator, _ in operators_of(model)}
    interpreter = Interpreter(model)
    assert interpreter.input.dtype == np.uint8 and interpreter.input.zero_point == 0
    assert interpreter.input.scale == pytest.approx(1 / 255, rel=1e-6)


def test_each_layer_is_held_against_its_float_twin(swept: tuple[Path, Swept], folds: list[Fold]) -> None:
    fold = folds[0]
    spec = fold.run.config.device_input
    pixels = [prepare(load_picture(fold.data.dataset.cells[i]), spec) for i in fold.held[:4]]
    folder = swept[0] / "ptq8" / "fold-1"
    model, twin = ((folder / name).read_bytes() for name in ("model.tflite", "twin.tflite"))
    errors = layer_errors(model, twin, spec, pixels)
    names = [error.layer for error in errors]
    assert names[:3] == ["stem", "block0_depthwise", "block0_pointwise"] and "logits" in names and "mean" in names
    assert all(error.sqnr_db > 10 for error in errors)
    assert np.isnan(errors[0].lost_db), "it reads pixels, which are exact"

    broken = layer_errors(_with_kernel_reversed(model, "block1_pointwise"), twin, spec, pixels)
    assert "block1_pointwise" in [error.layer for error in worst_layers(broken)]
    assert "block1_pointwise (" in worst_text(broken)
    for wrong, message in (((twin, twin), "computes in float"), ((model, twin), "no cells")):
        with pytest.raises(CompressError, match=message):
            layer_errors(*wrong, spec, [] if message == "no cells" else pixels)


def _with_kernel_reversed(model: bytes, layer: str) -> bytes:
    interpreter = LiteRt(model_content=model)
    (kernel,) = (
        interpreter.tensor(detail["index"])().copy()
        for detail in interpreter.get_tensor_details()
        if layer in detail["name"] and detail["dtype"] == np.int8 and list(detail["shape"]) == [16, 1, 1, 16]
    )
    assert model.count(kernel.tobytes()) == 1
    return model.replace(kernel.tobytes(), kernel[..., ::-1].tobytes())


def test_folds_and_parts_that_are_not_there_are_one_line(
    folds: list[Fold], crossval: Path, dataset: Dataset, tmp_path: Path
) -> None:
    assert [fold.number for fold in choose_folds(folds, ())] == [1, 2]
    assert [fold.number for fold in choose_folds(folds, (2,))] == [2]
    with pytest.raises(CompressError, match="no fold 3; there are folds 1 to 2"):
        choose_folds(folds, (1, 3))
    with pytest.raises(CompressError, match="no finished cross-validation"):
        read_folds(tmp_path, dataset, {})
    selecting = read_selecting(crossval / "fold-1", dataset, {})
    held = {selecting.data.groups[i] for i in selecting.held}
    assert held == {name for name, part in selecting.run.part_of.items() if part == "select"}


def test_an_empty_train_part_calibrates_nothing(folds: list[Fold], recipes: list[Recipe]) -> None:
    fold = folds[0]
    nobody = {name: "report" if part == "train" else part for name, part in fold.data.split.part_of.items()}
    data = dataclasses.replace(fold.data, split=dataclasses.replace(fold.data.split, part_of=nobody))
    with pytest.raises(CompressError, match="train part is empty: nothing to calibrate"):
        draft_bundle(fold.folder, fold.run, data, recipes[1], PROBE)


def test_the_front_is_what_nothing_beats() -> None:
    assert front([3.0, 1.0, 2.0, 2.0, 4.0], [0.9, 0.5, 0.7, 0.8, 0.9]) == [1, 3, 0]
    assert front([1.0], [0.2]) == [0]


def test_the_command_sweeps_what_it_is_asked_for(
    swept: tuple[Path, Swept], crossval: Path, small_settings: tuple[Path, Path], many_drawn_cells: Path, tmp_path: Path
) -> None:
    out, groups = tmp_path / "sweep", tmp_path / "groups.csv"
    shutil.copytree(swept[0], out)
    groups.write_text("subject,group\n", "utf-8")
    options = {
        "data": many_drawn_cells,
        "groups": groups,
        "crossval": crossval,
        "recipe": small_settings[1],
        "out": out,
    }
    common = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    done = CliRunner().invoke(group, ["sweep", *NAMES, *common], catch_exceptions=False)
    assert done.exit_code == 0 and "| sp50_ptq8_hard |" in done.stdout and "sweep.md" in done.stdout
    for arguments, message in (
        (["qat9"], "no recipe 'qat9'; a name is"),
        (["ptq8", "ptq8"], "asked for twice"),
        (["ptq8", "--fold", "7"], "no fold 7"),
    ):
        refused = CliRunner().invoke(group, ["sweep", *arguments, *common])
        assert refused.exit_code == 1 and message in str(refused.exception)
