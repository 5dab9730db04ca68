"""The shipped model against the float network it was made from, on every cell, as a device runs it, and its scores."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as LiteRt

from compress.errors import CompressError
from compress.identity import measurement_identity
from compress.recipe import read_recipe
from compress.verify import check, compare_answers
from edge_runtime.bundle import Bundle, digest_of
from edge_runtime.classifier import Classifier
from edge_runtime.findings.groups import read_groups
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import prepare, quantise
from tests.in_process import run_module
from train.cli import C_NMC_MEASURED
from train.config import read_config
from train.crossval import nested_splits
from train.dataset import Dataset, load_picture, read_dataset
from train.decision import Rule
from train.evaluate import judged_cells
from train.groups import C_NMC_GROUPS
from train.measured import check_identity, digest_of_file, read_measured
from train.metrics import score
from train.predictions import Predictions, device_scores

ROOT = Path(__file__).parent.parent
FLOAT_MODEL = ROOT / "benchmarks" / "reference" / "float32.tflite"


@pytest.fixture(scope="module")
def dataset(c_nmc: Path) -> Dataset:
    return read_dataset(c_nmc)


@pytest.fixture(scope="module")
def answers(default_bundle: Bundle, dataset: Dataset) -> tuple[Predictions, Predictions]:
    """The shipped model's answers and the float network's, whose calibration is in its last layer."""
    device, float_ = Classifier(default_bundle), Interpreter(FLOAT_MODEL.read_bytes())
    spec = default_bundle.contract.input
    cells, groups = judged_cells(dataset, read_groups(C_NMC_GROUPS), default_bundle.contract)
    scores, rows = [], []
    for cell in cells:
        pixels = prepare(load_picture(cell), spec)
        scores.append(device.scores(pixels))
        rows.append(float_.invoke(quantise(pixels, spec, np.float32)[np.newaxis])[0])
    labels = default_bundle.contract.labels
    return (
        Predictions(cells, groups, labels, device.calibrate(np.array(scores))),
        Predictions(cells, groups, labels, np.array(rows, np.float64)),
    )


@pytest.fixture
def shipped(answers: tuple[Predictions, Predictions]) -> Predictions:
    return answers[0]


@pytest.fixture
def float_(answers: tuple[Predictions, Predictions]) -> Predictions:
    return answers[1]


def test_labels_flip_no_more_than_the_recipe_allows(shipped: Predictions, float_: Predictions) -> None:
    assert len(shipped.cells) > 1000
    flips = float((shipped.probabilities.argmax(1) != float_.probabilities.argmax(1)).mean())
    assert flips <= read_recipe().tolerance.flips


def test_weighted_f1_is_that_of_the_float_network(shipped: Predictions, float_: Predictions) -> None:
    int8, plain = (
        score(own.probabilities, own.targets, own.groups, draws=0).weighted_f1.value for own in (shipped, float_)
    )
    assert abs(int8 - plain) <= read_recipe().tolerance.weighted_f1


def test_the_gate_refuses_a_damaged_model(default_bundle: Bundle, shipped: Predictions, float_: Predictions) -> None:
    """The channels of one depthwise kernel in another order: it loads, shapes are right, and the answers wrong."""
    chosen = slice(None, None, 16)
    cells, groups = shipped.cells[chosen], shipped.groups[chosen]
    damaged = Classifier(_with_kernel_reversed(default_bundle))
    answers = damaged.calibrate(device_scores(damaged, cells))
    wanted = Predictions(cells, groups, float_.labels, float_.probabilities[chosen])
    tolerance = read_recipe().tolerance
    check(compare_answers(wanted, Predictions(cells, groups, shipped.labels, shipped.probabilities[chosen])), tolerance)
    parity = compare_answers(wanted, Predictions(cells, groups, shipped.labels, answers))
    with pytest.raises(CompressError, match=r"change their label, 2.00% are allowed$"):
        check(parity, tolerance)
    with pytest.raises(CompressError, match=r"weighted F1 changes by .*, 0.0100 is allowed$"):
        check(parity, dataclasses.replace(tolerance, flips=1.0))


def _with_kernel_reversed(bundle: Bundle) -> Bundle:
    interpreter = LiteRt(model_content=bundle.model)
    kernels = [
        interpreter.tensor(detail["index"])().copy()
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] == np.int8 and list(detail["shape"][:3]) == [1, 3, 3]
    ]
    kernel = max(kernels, key=lambda own: own.size)
    model = bundle.model.replace(kernel.tobytes(), kernel[..., ::-1].tobytes(), 1)
    assert model != bundle.model
    return dataclasses.replace(
        bundle, model=model, contract=dataclasses.replace(bundle.contract, model=digest_of(model))
    )


def test_the_scores_are_of_people_whom_the_judged_networks_never_saw(default_bundle: Bundle, dataset: Dataset) -> None:
    origin, config, groups = default_bundle.contract.provenance, read_config(), read_groups(C_NMC_GROUPS)
    assert origin.out_of_fold_sha256 == digest_of_file(C_NMC_MEASURED)
    measured = read_measured(C_NMC_MEASURED, dataset, groups)
    folds = [set(np.array(measured.groups)[measured.folds == fold]) for fold in sorted(set(measured.folds.tolist()))]
    splits = nested_splits(dataset, config, groups, folds=len(folds))
    assert folds == [{group for group, part in split.part_of.items() if part == "report"} for split in splits]
    check_identity(C_NMC_MEASURED, measured, measurement_identity(config, read_recipe(), origin.data_sha256))
    assert set(origin.report_subjects) == {cell.subject for cell in dataset.cells}
    judged = measured.decided(Rule.of(config))
    for own, stated in zip(judged, (origin.float_scores, origin.int8_scores), strict=True):
        assert score(own.probabilities, own.targets, own.groups) == stated
    flips = float((judged[0].probabilities.argmax(1) != judged[1].probabilities.argmax(1)).mean())
    assert flips == pytest.approx(origin.flips) and flips <= read_recipe().tolerance.flips


def test_the_file_is_small(default_bundle: Bundle) -> None:
    assert default_bundle.path.stat().st_size <= 300_000


def test_the_output_is_fine_enough_to_act_on(default_bundle: Bundle) -> None:
    """At the operating point one step of the integer output moves the probability by 0.01 at most."""
    classifier = Classifier(default_bundle)
    first = np.arange(256) * classifier.interpreter.output.scale
    probabilities = classifier.calibrate(np.stack([first, 1 - first], 1).clip(0, 1))[:, 0]
    middle = int(np.abs(probabilities - 0.5).argmin())
    assert np.abs(np.diff(probabilities[middle - 1 : middle + 2])).max() <= 0.01


def test_threads_do_not_change_an_answer(default_bundle: Bundle, shipped: Predictions) -> None:
    two = Classifier(default_bundle, threads=2)
    for cell, known in list(zip(shipped.cells, shipped.probabilities, strict=True))[::100]:
        np.testing.assert_array_equal(two.classify(load_picture(cell)).probabilities, known)


def test_evaluate_reproduces_the_scores_in_the_contract(default_bundle: Bundle, c_nmc: Path, tmp_path: Path) -> None:
    done = run_module("train", ["evaluate", "--data", c_nmc, "--out", tmp_path], ROOT)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "scores.json").read_text("utf-8"))
    model, _area_alone = written.values()
    assert model == dataclasses.asdict(default_bundle.contract.provenance.int8_scores)
