"""Compresses the network of each fold of a cross-validation and answers, as a device does, people it never saw."""

import dataclasses
import gc
import json
import logging
from pathlib import Path

import numpy as np
import tf_keras as keras

from compress.draft import draft_bundle
from compress.errors import CompressError
from compress.identity import measurement_identity
from compress.recipe import Recipe
from compress.verify import Parity, compare_answers
from edge_runtime.classifier import Classifier
from train.crossval import STATE, crossval_identity, fold_folder, nested_splits
from train.data import Data, load_data
from train.dataset import Dataset
from train.errors import TrainError
from train.files import claim, differing
from train.loop import predict
from train.measured import Measured
from train.out_of_fold import Array
from train.predictions import Predictions, device_scores
from train.run import Run, load_network, read_run

log = logging.getLogger(__name__)

_STATE, _ANSWERS = "compress.json", "compress.npy"


def compress_folds(folder: Path, dataset: Dataset, groups: dict[str, str], recipe: Recipe, probe: Path) -> Measured:
    """Compresses every fold's network as `compress` does, and lets both answer the cells of the fold.

    A finished fold is not done again. Its answers are kept beside its run.

    Args:
        folder: of a finished `train crossval`.
        dataset: the same cells.
        groups: the group of each subject that is not alone.
        recipe: how to compress.
        probe: a picture, PNG, for the drafts.

    Raises:
        CompressError: no finished cross-validation of these cells there.
        EdgeClassifyError: something cannot be read, or a folder holds what another recipe made.
    """
    runs = _runs(folder)
    config = runs[0].config
    splits = nested_splits(dataset, config, groups, folds=len(runs))
    data = load_data(dataset, config, groups, splits[0])
    if differing(json.loads((folder / STATE).read_text("utf-8")), crossval_identity(data, config, splits)):
        raise CompressError(f"{folder}: is a cross-validation of other cells or groups; give the same --data")
    float_ = np.empty((len(dataset.cells), len(dataset.labels)))
    device, folds = np.empty_like(float_), np.zeros(len(float_), np.int64)
    for fold, (split, run) in enumerate(zip(splits, runs, strict=True), 1):
        log.info("fold %d of %d", fold, len(runs))
        own = dataclasses.replace(data, split=split)
        held = own.part("report")
        folds[held] = fold
        float_[held] = predict(load_network(fold_folder(folder, fold)), own.pixels[held])
        device[held] = _device_answers(fold_folder(folder, fold), run, own, recipe, probe)
        keras.backend.clear_session()
        gc.collect()
    identity = measurement_identity(config, recipe, data.fingerprint)
    return Measured(dataset.cells, tuple(data.groups), dataset.labels, folds, float_, device, identity)


def parity_out_of_fold(measured: Measured) -> Parity:
    """How far the compressed networks are from their float twins on people neither saw."""
    float_, device = (
        Predictions(measured.cells, measured.groups, measured.labels, probabilities)
        for probabilities in (measured.float_, measured.device)
    )
    return compare_answers(float_, device)


def _device_answers(folder: Path, run: Run, data: Data, recipe: Recipe, probe: Path) -> Array:
    claim(folder / _STATE, measurement_identity(run.config, recipe, data.fingerprint))
    answers = folder / _ANSWERS
    cells = [data.dataset.cells[i] for i in data.part("report")]
    if not answers.exists():
        classifier = Classifier(draft_bundle(folder, run, data, recipe, probe).bundle)
        partial = answers.with_suffix(".partial.npy")
        np.save(partial, classifier.calibrate(device_scores(classifier, cells)))
        partial.replace(answers)
    return np.asarray(np.load(answers).reshape(len(cells), len(run.labels)))


def _runs(folder: Path) -> list[Run]:
    try:
        folds = json.loads((folder / STATE).read_text("utf-8"))["folds"]
        return [read_run(fold_folder(folder, fold)) for fold in range(1, folds + 1)]
    except (OSError, ValueError, KeyError, TrainError):
        raise CompressError(
            f"{folder}: no finished cross-validation; `python -m train crossval --out {folder}` makes one"
        ) from None
