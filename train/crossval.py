"""Cross-validation by subject group: every cell is answered by a network that never saw its person."""

import dataclasses
import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from edge_runtime.findings.names import natural_key
from train.config import Config
from train.data import Data, load_data, with_features
from train.dataset import Cell, Dataset, check_labels, several_labels
from train.errors import TrainError
from train.files import claim
from train.fit import fit
from train.folds import fold_splits
from train.groups import groups_of
from train.loop import predict
from train.out_of_fold import CROSSVAL_STATE
from train.predictions import Predictions
from train.robustness import Change, Prepared
from train.run import NETWORK, load_network, read_run
from train.split import Split
from train.teacher import check_teachable
from train.teaching import AskTeacher, ask_teacher

log = logging.getLogger(__name__)

PREDICTIONS = "predictions.csv"


def fold_folder(folder: Path, fold: int) -> Path:
    """Where a cross-validation in `folder` keeps the run of a fold, counted from 1."""
    return folder / f"fold-{fold}"


@dataclass(frozen=True)
class Crossval:
    """A finished cross-validation.

    Attributes:
        config: the settings.
        data: the cells with their pixels; its split is that of the last fold.
        predictions: for every cell, in the order of the data set, the answer of the network of its fold, calibrated by
            its teacher, or on select subjects outside the fold.
        folds: the fold of each cell, from 1.
        networks: the folder of each fold's run, in the order of the folds; `load_network` reads what is in it.
    """

    config: Config
    data: Data
    predictions: Predictions
    folds: tuple[int, ...]
    networks: list[Path]


def crossvalidate(
    dataset: Dataset,
    config: Config,
    groups: dict[str, str],
    out: Path,
    *,
    folds: int,
    weights: Path = Path(),
    data: Data | None = None,
    ask: AskTeacher = ask_teacher,
    on_epoch: Callable[[int, dict[str, float]], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    on_fold: Callable[[int, Predictions], None] | None = None,
) -> Crossval:
    """Fits one network a fold on the subjects outside it and answers the cells of the fold.

    A finished fold is not fitted again and an interrupted one goes on, to the same networks and predictions.

    Writes a run to `fold-<k>` for each fold and the predictions on its cells to `predictions.csv` there, and those on
    all cells to `predictions.csv` in the folder.

    Args:
        dataset: the cells.
        config: the settings; of its shares only the ratio of select to train counts.
        groups: the group of each subject that is not alone.
        out: the folder; made when absent.
        folds: how many, 2 or more.
        weights: the folder that holds `config.network.pretrained`.
        data: these cells and groups, read for the same picture before; read now when not given. Its split does not
            count.
        ask: asks the teacher.
        on_epoch: told the fold and the numbers of each finished epoch.
        on_step: told the steps done and the steps of the epoch, after each step.
        on_fold: told each fold and the answers on the cells of all folds so far; what it raises ends the rest.

    Raises:
        TrainError: a subject with several labels, too few subject groups, or a folder that holds a cross-validation of
            other settings, data or folds, or cannot be written.
        PictureError: a cell cannot be read.
    """
    splits = nested_splits(dataset, config, groups, folds=folds)
    data = with_features(data or load_data(dataset, config, groups, splits[0]), config, weights)
    claim(out / CROSSVAL_STATE, crossval_identity(data, config, splits))
    probabilities = np.empty((len(dataset.cells), len(dataset.labels)))
    fold_of = np.zeros(len(dataset.cells), np.int64)
    networks = []
    for fold, split in enumerate(splits, 1):
        data, folder = dataclasses.replace(data, split=split), fold_folder(out, fold)
        if not _is_finished(folder, data, config):
            log.info("fold %d of %d", fold, folds)
            told = on_epoch and partial(on_epoch, fold)
            teaching = None
            if config.distillation.weight and data.features is not None:
                # It has not seen the fold either.
                teaching = ask(data, data.features, seed=config.fit.seed)
            fit(data, config, folder, weights=weights, teaching=teaching, on_epoch=told, on_step=on_step)
        held = data.part("report")
        fold_of[held] = fold
        probabilities[held] = predict(load_network(folder), data.pixels[held])
        part = _predictions(data, held, probabilities)
        part.write_csv(folder / PREDICTIONS, [fold] * len(held))
        networks.append(folder)
        # What Keras and TensorFlow keep of one fold is not carried through the next.
        keras.backend.clear_session()
        gc.collect()
        if on_fold is not None:
            on_fold(fold, _predictions(data, np.flatnonzero(fold_of), probabilities))
    everyone = _predictions(data, np.flatnonzero(fold_of), probabilities)
    finished = Crossval(config, data, everyone, tuple(fold_of.tolist()), networks)
    finished.predictions.write_csv(out / PREDICTIONS, finished.folds)
    return finished


def answer_changed(crossval: Crossval, changes: Mapping[str, Change]) -> dict[str, Predictions]:
    """What the network of each fold answers on changed pictures of its cells.

    Args:
        crossval: a finished one.
        changes: by name.

    Raises:
        TrainError: the network of a fold cannot be read.
        PictureError: a cell cannot be read again.
    """
    predictions, folds = crossval.predictions, np.array(crossval.folds)
    answers = {name: np.empty_like(predictions.probabilities) for name in changes}
    for fold, folder in enumerate(crossval.networks, 1):
        log.info("judging changed pictures, fold %d of %d", fold, len(crossval.networks))
        network, held = load_network(folder), np.flatnonzero(folds == fold)
        prepared = Prepared(
            [predictions.cells[i] for i in held], crossval.config.picture.spec, crossval.data.pixels[held]
        )
        for name, change in changes.items():
            answers[name][held] = predict(network, change(prepared))
    return {name: dataclasses.replace(predictions, probabilities=values) for name, values in answers.items()}


def nested_splits(dataset: Dataset, config: Config, groups: dict[str, str], *, folds: int) -> list[Split]:
    """The split of each fold, for arguments of `crossvalidate`.

    Raises:
        TrainError: a subject with several labels, or too few subject groups, also for the teacher that is asked.
    """
    check_labels(dataset)
    _check_subjects(dataset.cells)
    labels = [cell.label for cell in dataset.cells]
    own = groups_of([cell.subject for cell in dataset.cells], groups)
    select_share = config.split.select / (config.split.train + config.split.select)
    splits = fold_splits(own, labels, folds=folds, select_share=select_share, seed=config.fit.seed)
    if config.distillation.weight:
        for split in splits:
            outside = [i for i, group in enumerate(own) if split.part_of[group] != "report"]
            check_teachable([own[i] for i in outside], [labels[i] for i in outside])
    return splits


def _check_subjects(cells: Sequence[Cell]) -> None:
    """Raises where a subject has cells of several labels: by subject, such a person is on no side of the question."""
    for subject, (one, other) in several_labels(cells).items():
        raise TrainError(
            f"subject {subject!r} has cells labelled {one.label!r} and {other.label!r} ({other.path}); "
            "cross-validation is by subject: correct the label, or give each label a subject, joined by --groups"
        )


def _is_finished(folder: Path, data: Data, config: Config) -> bool:
    try:
        run = read_run(folder)
    except TrainError:
        return False
    same = (run.config, run.data_sha256, run.part_of) == (config, data.fingerprint, data.split.part_of)
    return same and (folder / NETWORK).exists()


def crossval_identity(data: Data, config: Config, splits: Sequence[Split]) -> dict[str, Any]:
    """What makes two cross-validations one; `report_of` names the subject groups of each fold, for a person."""
    return {
        "folds": len(splits),
        "config": dataclasses.asdict(config),
        "data_sha256": data.fingerprint,
        "report_of": [
            sorted((g for g, part in s.part_of.items() if part == "report"), key=natural_key) for s in splits
        ],
    }


def _predictions(data: Data, chosen: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]) -> Predictions:
    cells, groups = tuple(data.dataset.cells[i] for i in chosen), tuple(data.groups[i] for i in chosen)
    return Predictions(cells, groups, data.dataset.labels, probabilities[chosen])
