"""Follows several recipes on the same networks and judges each on people that the networks never saw; goes on."""

import gc
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

from compress.draft import draft_bundle
from compress.errors import CompressError
from compress.folds import Fold
from compress.identity import measurement_identity
from compress.invoke_latency import Files, Latency, measure_latency
from compress.recipe import Recipe
from compress.size import Size
from compress.verify import Parity, check, compare_answers
from edge_runtime.classifier import Classifier
from edge_runtime.contract import Interval
from edge_runtime.preprocess import prepare
from edge_runtime.strict_json import read_value
from train.dataset import load_picture
from train.files import claim, read_array, write_array, write_json, write_whole
from train.loop import predict
from train.metrics import Drawn, draw_scores
from train.out_of_fold import Array
from train.predictions import Predictions, device_scores
from train.run import load_network
from train.sampling import spread_evenly

log = logging.getLogger(__name__)

_STATE, _MODEL, _TWIN, _SIZE, _ANSWERS = "sweep.json", "model.tflite", "twin.tflite", "size.json", "answers.npy"
_TIMED_CELLS = 16


@dataclass(frozen=True)
class Row:
    """One recipe.

    Attributes:
        recipe: by name.
        size: of its file: the mean over the folds.
        scores: of the file, run as a device runs it, by name, each with its interval.
        difference: of weighted F1 from the float network's, on the same draws of subject groups.
        parity: with the float network.
        refusal: why the parity gate refuses it; empty where it passes.
        latency: of one inference of the first fold's file.
    """

    recipe: str
    size: Size
    scores: dict[str, Interval]
    difference: Interval
    parity: Parity
    refusal: str
    latency: Latency


@dataclass(frozen=True)
class Swept:
    """What came of a sweep.

    Attributes:
        rows: one a recipe, in the order asked for.
        failed: recipes that could not be followed, and why.
        float_: what the float networks answer on the cells judged.
    """

    rows: list[Row]
    failed: dict[str, str]
    float_: Predictions


@dataclass(frozen=True)
class _Measured:
    """What does not change from one look at the clock to the next."""

    size: Size
    scores: dict[str, Interval]
    difference: Interval
    parity: Parity
    refusal: str


def sweep(
    folds: Sequence[Fold],
    recipes: Sequence[Recipe],
    probe: Path,
    out: Path,
    *,
    on_recipe: Callable[[Swept], None] | None = None,
) -> Swept:
    """Follows each recipe on the network of each fold; an interrupted sweep goes on, to the same files and answers.

    A recipe that cannot be followed is left out, with its reason, and the others go on.

    Args:
        folds: the networks, and whom they are judged on.
        recipes: of different names.
        probe: a picture, PNG, for the drafts.
        out: the folder; made when absent. `RECIPE/fold-K` holds the file, its float twin and its answers.
        on_recipe: told what there is after each recipe, once there is anything.

    Raises:
        CompressError: a name twice, or a folder of another sweep.
        EdgeClassifyError: something cannot be read or written.
    """
    names = [recipe.name for recipe in recipes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CompressError(f"recipe {twice[0]!r} is asked for twice; give each once")
    if not recipes:
        raise CompressError("no recipes; name one")
    networks = [_answer(fold) for fold in folds]
    float_ = _together(folds, [answers for _, answers in networks])
    drawn = _draw(float_)
    pixels = _pictures(folds[0])
    measured: dict[str, _Measured] = {}
    failed: dict[str, str] = {}
    swept = Swept([], failed, float_)
    for recipe in recipes:
        log.info("%s", recipe.name)
        try:
            for fold, (digest, _) in zip(folds, networks, strict=True):
                _follow(recipe, fold, digest, probe, out)
            measured[recipe.name] = _measure(recipe, folds, out, float_, drawn)
        except CompressError as error:
            log.info("%s: left out: %s", recipe.name, error)
            failed[recipe.name] = str(error)
        latencies = measure_latency({name: _files(out / name, folds[0]) for name in measured}, pixels)
        rows = [Row(name, **vars(found), latency=latencies[name]) for name, found in measured.items()]
        swept = Swept(rows, failed, float_)
        if rows and on_recipe is not None:
            on_recipe(swept)
    return swept


def _answer(fold: Fold) -> tuple[str, Array]:
    """Which network it is, and what it answers."""
    network = load_network(fold.folder)
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest(), predict(network, fold.data.pixels[fold.held]).astype(np.float64)


def _folder(of_recipe: Path, fold: Fold) -> Path:
    return of_recipe / f"fold-{fold.number}"


def _follow(recipe: Recipe, fold: Fold, network: str, probe: Path, out: Path) -> None:
    """Compresses one network and lets the file answer; the answers are written last and say that all is there."""
    folder = _folder(out / recipe.name, fold)
    identity: dict[str, Any] = measurement_identity(fold.run.config, recipe, fold.data.fingerprint)
    claim(folder / _STATE, identity | {"part_of": fold.run.part_of, "network_sha256": network})
    if (folder / _ANSWERS).exists():
        return
    log.info("%s, fold %d", recipe.name, fold.number)
    draft = draft_bundle(fold.folder, fold.run, fold.data, recipe, probe)
    classifier = Classifier(draft.bundle)
    cells = [fold.data.dataset.cells[i] for i in fold.held]
    write_whole(folder / _MODEL, draft.bundle.model)
    write_whole(folder / _TWIN, draft.twin_model)
    write_json(folder / _SIZE, asdict(draft.sizes[-1]))
    write_array(folder / _ANSWERS, classifier.calibrate(device_scores(classifier, cells)))
    keras.backend.clear_session()
    gc.collect()


def _together(folds: Sequence[Fold], answers: Sequence[Array]) -> Predictions:
    """Answers on the cells of all folds."""
    cells = tuple(fold.data.dataset.cells[i] for fold in folds for i in fold.held)
    groups = tuple(fold.data.groups[i] for fold in folds for i in fold.held)
    return Predictions(cells, groups, folds[0].run.labels, np.concatenate(answers))


def _draw(predictions: Predictions) -> Drawn:
    return draw_scores(predictions.probabilities, predictions.targets, predictions.groups)


def _measure(recipe: Recipe, folds: Sequence[Fold], out: Path, float_: Predictions, drawn: Drawn) -> _Measured:
    folders = [_folder(out / recipe.name, fold) for fold in folds]
    device = _together(folds, [read_array(folder / _ANSWERS) for folder in folders])
    own, parity = _draw(device), compare_answers(float_, device)
    try:
        check(parity, recipe.tolerance)
        refusal = ""
    except CompressError as error:
        refusal = str(error)
    sizes = [read_value(json.loads((folder / _SIZE).read_text("utf-8")), Size) for folder in folders]
    return _Measured(_mean(recipe.name, sizes), own.intervals(), own.minus(drawn)["weighted_f1"], parity, refusal)


def _mean(name: str, sizes: Sequence[Size]) -> Size:
    columns = list(zip(*(tuple(asdict(size).values())[1:] for size in sizes), strict=True))
    file_bytes, gzip_bytes, parameters, zeros, multiply_adds = (float(np.mean(column)) for column in columns)
    return Size(name, round(file_bytes), round(gzip_bytes), round(parameters), zeros, round(multiply_adds))


def _files(of_recipe: Path, fold: Fold) -> Files:
    folder = _folder(of_recipe, fold)
    return Files((folder / _MODEL).read_bytes(), (folder / _TWIN).read_bytes())


def _pictures(fold: Fold) -> list[Any]:
    """Some of the cells, as a device prepares them."""
    chosen = spread_evenly(len(fold.held), _TIMED_CELLS)
    spec = fold.run.config.device_input
    return [prepare(load_picture(fold.data.dataset.cells[i]), spec) for i in fold.held[chosen]]
