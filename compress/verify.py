"""Holds the exported file, run as a device runs it, against the float network on the same cells."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compress.errors import CompressError
from compress.recipe import Tolerance
from edge_runtime.classifier import Classifier
from edge_runtime.contract import Contract, Scores
from edge_runtime.preprocess import prepare
from train.dataset import Dataset, load_picture
from train.evaluate import bundle_predictions, judged_cells, run_predictions
from train.metrics import answers_of, score
from train.predictions import Predictions
from train.run import Run
from train.sampling import spread_evenly


@dataclass(frozen=True)
class Parity:
    """How far two models are apart on the same cells.

    Attributes:
        cells: how many were compared.
        flips: share of cells whose label differs.
        weighted_f1: exported minus float.
        largest: largest difference in the probability of any label.
    """

    cells: int
    flips: float
    weighted_f1: float
    largest: float


def compare(float_: Predictions, exported: Predictions, float_scores: Scores, exported_scores: Scores) -> Parity:
    """Compares two models' answers on the same cells."""
    a: npt.NDArray[np.float64] = float_.probabilities
    b = exported.probabilities
    return Parity(
        cells=len(a),
        flips=float((answers_of(a) != answers_of(b)).mean()),
        weighted_f1=exported_scores.weighted_f1.value - float_scores.weighted_f1.value,
        largest=float(np.abs(a - b).max()),
    )


def compare_answers(float_: Predictions, exported: Predictions) -> Parity:
    """Compares two models' answers on the same cells, their scores worked out here."""
    return compare(
        float_, exported, *(score(own.probabilities, own.targets, own.groups, draws=0) for own in (float_, exported))
    )


def verify_bundle(classifier: Classifier, folder: Path, run: Run, dataset: Dataset, groups: dict[str, str]) -> Parity:
    """Compares a written bundle with the float network of its run on the cells of every subject its contract names.

    Raises:
        CompressError: the bundle and the run have other report subjects, or read other pixels.
        EdgeClassifyError: something cannot be read.
    """
    made_for, reads = classifier.contract.input, run.config.device_input
    if (made_for.crop, made_for.size, made_for.optical_density_table) != (
        reads.crop,
        reads.size,
        reads.optical_density_table,
    ):
        raise CompressError(
            f"{classifier.bundle.path}: reads {made_for.size} pixels of {made_for.crop}, the network in {folder} reads "
            f"{reads.size} of {reads.crop}, or another colour; give the --run that the bundle was made from"
        )
    float_ = run_predictions(folder, run, dataset, groups)
    exported = bundle_predictions(classifier, dataset, groups)
    if float_.cells != exported.cells:
        raise CompressError(f"{classifier.bundle.path}: was not made from the run in {folder}; give its --run")
    return compare_answers(float_, exported)


def held_pixels(
    contract: Contract, dataset: Dataset, groups: dict[str, str], *, count: int
) -> list[npt.NDArray[np.uint8]]:
    """Cells of the subjects that a contract names, spread evenly, uint8 `[size, size, 3]`, as a device prepares them.

    Raises:
        TrainError: the data are not those of the model.
    """
    cells, _ = judged_cells(dataset, groups, contract)
    return [prepare(load_picture(cells[i]), contract.input) for i in spread_evenly(len(cells), count)]


def check(parity: Parity, tolerance: Tolerance) -> None:
    """Refuses what is beyond tolerance.

    Raises:
        CompressError: says what was measured and what is allowed.
    """
    if parity.flips > tolerance.flips:
        raise CompressError(
            f"{parity.flips:.2%} of {parity.cells} cells change their label, {tolerance.flips:.2%} are allowed"
        )
    if abs(parity.weighted_f1) > tolerance.weighted_f1:
        raise CompressError(f"weighted F1 changes by {parity.weighted_f1:+.4f}, {tolerance.weighted_f1:.4f} is allowed")


def parity_text(parity: Parity) -> str:
    """One line."""
    return (
        f"{parity.cells} cells: {parity.flips:.2%} labels differ, weighted F1 {parity.weighted_f1:+.4f}, "
        f"largest difference in probability {parity.largest:.3f}"
    )
