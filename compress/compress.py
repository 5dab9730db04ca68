"""From a finished training run to a verified bundle: draft it, hold it against the float network, measure, pack."""

import dataclasses
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compress.answers import quantised_file, save_quantised
from compress.card import model_card
from compress.draft import Draft, draft_bundle
from compress.errors import CompressError
from compress.identity import measurement_identity
from compress.recipe import Recipe
from compress.size import Size
from compress.twin import twin_file
from compress.verify import Parity, check, compare, compare_answers
from edge_runtime.bundle import Bundle, ProbeAnswer, write_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.contract import Interval
from edge_runtime.preprocess import decode, prepare
from train.baseline import answer_folds, areas
from train.data import Data
from train.decision import Rule
from train.evaluate import area_predictions
from train.files import write_whole
from train.guard import alarms_of, alarms_out_of_fold, false_alarms
from train.loop import predict
from train.measured import Measured, check_identity, digest_of_file, read_measured
from train.metrics import score
from train.predictions import Predictions, device_scores
from train.run import Run

log = logging.getLogger(__name__)

# The float network as a plain flatbuffer, in the run's folder: what parity tests and benchmarks compare with.
FLOAT_MODEL = "float32.tflite"


@dataclass(frozen=True)
class Compressed:
    """What came out.

    Attributes:
        bundle: as written.
        parity: against the float network, on the report part, or on everyone where it learnt from everyone.
        sizes: of the float network and of the bundle's.
    """

    bundle: Bundle
    parity: Parity
    sizes: list[Size]


@dataclass(frozen=True)
class _Judged:
    """The answers that the scores in the contract are of, and where they come from."""

    float_: Predictions
    device: Predictions
    area: Predictions
    false_alarms: Interval
    out_of_fold_sha256: str | None


def compress(
    folder: Path,
    run: Run,
    data: Data,
    recipe: Recipe,
    probe: Path,
    out: Path,
    *,
    measured: Path | None = None,
    groups: dict[str, str] | None = None,
) -> Compressed:
    """Makes a bundle of a training run.

    Args:
        folder: of the run.
        run: what it holds.
        data: the same data and parts, read again.
        recipe: how to compress.
        probe: a drawn picture, PNG, to be shipped as the self-test.
        out: the bundle to write; untouched when anything fails.
        measured: what `compress.crossval` wrote for these settings; the scores of a run that learnt from everyone.
        groups: the group of each subject that is not alone, to read `measured` with.

    Raises:
        CompressError: other data than the run's, a result beyond tolerance, or nothing measured for a run that learnt
            from everyone.
        EdgeClassifyError: a run, picture, measurement or model that cannot be read.
    """
    answers = None
    if data.split.is_everyone:  # looked at before hours of work
        if measured is None:
            raise CompressError(f"{folder}: has learnt from everyone; give --measured, which compress crossval writes")
        answers = read_measured(measured, data.dataset, groups or {})
        check_identity(measured, answers, measurement_identity(run.config, recipe, data.fingerprint))
    draft = draft_bundle(folder, run, data, recipe, probe)
    log.info("verifying through the runtime")
    float_, device = _own_answers(draft, data)
    parity = _checked(float_, device, recipe)
    if answers is None or measured is None:
        area = area_predictions(device, data.dataset, data.groups, subject_power=run.config.fit.subject_power)
        judged = _Judged(float_, device, area, _false_alarms(draft, data), None)
    else:
        judged = _out_of_fold(answers, draft, data, run, digest_of_file(measured))
        _checked(judged.float_, judged.device, recipe)
    write_whole(folder / FLOAT_MODEL, draft.float_model)
    write_whole(twin_file(folder, draft.bundle), draft.twin_model)
    if draft.aware is not None:
        save_quantised(draft.aware, quantised_file(folder, draft.bundle))
    return Compressed(_write(draft, judged, parity, data, out), parity, draft.sizes)


def _own_answers(draft: Draft, data: Data) -> tuple[Predictions, Predictions]:
    """The float network's answers and the exported model's on the report part, or on everyone if that is empty."""
    chosen = data.part("train") if data.split.is_everyone else data.part("report")
    cells, groups = tuple(data.dataset.cells[i] for i in chosen), tuple(data.groups[i] for i in chosen)
    classifier = Classifier(draft.bundle)
    float_ = predict(draft.network, data.pixels[chosen]).astype(np.float64)
    device = classifier.calibrate(device_scores(classifier, cells))
    labels = draft.bundle.contract.labels
    return Predictions(cells, groups, labels, float_), Predictions(cells, groups, labels, device)


def _checked(float_: Predictions, device: Predictions, recipe: Recipe) -> Parity:
    parity = compare_answers(float_, device)
    try:
        check(parity, recipe.tolerance)
    except CompressError as error:
        raise CompressError(
            f"{error}; no bundle written: remove less, train longer, or train for int8 where the recipe does not"
        ) from None
    return parity


def _false_alarms(draft: Draft, data: Data) -> Interval:
    """Of the guard, on the report part."""
    report = data.part("report")
    alarms = alarms_of(draft.traits[report], draft.bundle.contract.guard)
    return false_alarms(alarms, data.targets[report], [data.groups[i] for i in report])


def _out_of_fold(answers: Measured, draft: Draft, data: Data, run: Run, sha256: str) -> _Judged:
    """Of networks of the same recipe, on people they never saw; guards too are fitted outside each fold."""
    config = run.config
    float_, device = answers.decided(Rule.of(config))
    area = answer_folds(areas(device.cells), device, answers.folds.tolist(), subject_power=config.fit.subject_power)
    alarms = alarms_out_of_fold(draft.traits, answers.groups, answers.folds, stated=config.decision.false_alarms)
    return _Judged(float_, device, area, false_alarms(alarms, data.targets, answers.groups), sha256)


def _write(draft: Draft, judged: _Judged, own: Parity, data: Data, out: Path) -> Bundle:
    float_scores, int8_scores, area = (
        score(answers.probabilities, answers.targets, answers.groups)
        for answers in (judged.float_, judged.device, judged.area)
    )
    parity = compare(judged.float_, judged.device, float_scores, int8_scores)
    contract = draft.bundle.contract
    contract = dataclasses.replace(
        contract,
        guard=dataclasses.replace(contract.guard, false_alarms=judged.false_alarms),
        provenance=dataclasses.replace(
            contract.provenance,
            float_scores=float_scores,
            int8_scores=int8_scores,
            flips=parity.flips,
            out_of_fold_sha256=judged.out_of_fold_sha256,
        ),
    )
    classifier = Classifier(draft.bundle)
    pixels = prepare(decode(draft.bundle.probe_picture), contract.input)
    answer = ProbeAnswer(
        hashlib.sha256(pixels.tobytes()).hexdigest(),
        tuple(map(float, classifier.calibrate(classifier.scores(pixels)))),
    )
    card = model_card(contract, parity, own, draft.sizes, data, area)
    bundle = dataclasses.replace(draft.bundle, path=out, contract=contract, probe_answer=answer, card=card)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_bundle(bundle)
    except OSError as error:
        raise CompressError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    return bundle
