"""Compresses the network of each fold of a cross-validation and answers, as a device does, people it never saw."""

import gc
import logging
from pathlib import Path

import numpy as np
import tf_keras as keras

from compress.draft import draft_bundle
from compress.folds import Fold, read_folds
from compress.identity import measurement_identity
from compress.recipe import Recipe
from compress.verify import Parity, compare_answers
from edge_runtime.classifier import Classifier
from train.dataset import Dataset
from train.files import claim, read_array, write_array
from train.loop import predict
from train.measured import Measured
from train.out_of_fold import Array
from train.predictions import Predictions, device_scores
from train.run import load_network

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
    runs = read_folds(folder, dataset, groups)
    float_ = np.empty((len(dataset.cells), len(dataset.labels)))
    device, folds = np.empty_like(float_), np.zeros(len(float_), np.int64)
    for fold in runs:
        log.info("fold %d of %d", fold.number, len(runs))
        folds[fold.held] = fold.number
        float_[fold.held] = predict(load_network(fold.folder), fold.data.pixels[fold.held])
        device[fold.held] = _device_answers(fold, recipe, probe)
        keras.backend.clear_session()
        gc.collect()
    data = runs[0].data
    identity = measurement_identity(runs[0].run.config, recipe, data.fingerprint)
    return Measured(dataset.cells, tuple(data.groups), dataset.labels, folds, float_, device, identity)


def parity_out_of_fold(measured: Measured) -> Parity:
    """How far the compressed networks are from their float twins on people neither saw."""
    float_, device = (
        Predictions(measured.cells, measured.groups, measured.labels, probabilities)
        for probabilities in (measured.float_, measured.device)
    )
    return compare_answers(float_, device)


def _device_answers(fold: Fold, recipe: Recipe, probe: Path) -> Array:
    answers = fold.folder / _ANSWERS
    identity = measurement_identity(fold.run.config, recipe, fold.data.fingerprint)
    remedy = f"delete {_STATE} and {_ANSWERS} there, and in the other folds, to measure another recipe"
    claim(fold.folder / _STATE, identity, remedy=remedy)
    cells = [fold.data.dataset.cells[i] for i in fold.held]
    if not answers.exists():
        classifier = Classifier(draft_bundle(fold.folder, fold.run, fold.data, recipe, probe).bundle)
        write_array(answers, classifier.calibrate(device_scores(classifier, cells)))
    return np.asarray(read_array(answers).reshape(len(cells), len(fold.run.labels)))
