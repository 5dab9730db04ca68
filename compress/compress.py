"""From a finished training run to a verified bundle: prune, quantise, export, calibrate, verify, pack."""

import dataclasses
import hashlib
import logging
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from compress.balance import balance_channels
from compress.card import model_card
from compress.errors import CompressError
from compress.export import export_float, export_int8
from compress.finetune import clone
from compress.prune import prune_network
from compress.quantise import quantise_network
from compress.recipe import Recipe
from compress.reference import measure_scale, measure_stain
from compress.size import Size, size_of
from compress.verify import Parity, check, compare
from edge_runtime.bundle import Bundle, ProbeAnswer, digest_of, write_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.contract import SCHEMA, Contract, Decision, Guard, InputSpec, Interval, Provenance, Scores
from edge_runtime.preprocess import decode, prepare, read_picture
from train.calibrate import fit_calibration
from train.data import Data
from train.evaluate import area_predictions
from train.groups import natural_key
from train.guard import alarms_of, false_alarms, fit_guard, measure_cells
from train.loop import predict
from train.metrics import score
from train.predictions import Predictions, device_scores
from train.run import Run, load_network

log = logging.getLogger(__name__)

# Step of the output at the operating point beyond which an 8-bit answer is too coarse to act on.
LARGEST_STEP = 0.01
# The float network as a plain flatbuffer, in the run's folder: what parity tests and benchmarks compare with.
FLOAT_MODEL = "float32.tflite"


@dataclass(frozen=True)
class Compressed:
    """What came out.

    Attributes:
        bundle: as written.
        parity: against the float network.
        sizes: float and int8.
    """

    bundle: Bundle
    parity: Parity
    sizes: list[Size]


def compress(folder: Path, run: Run, data: Data, recipe: Recipe, probe: Path, out: Path) -> Compressed:
    """Makes a bundle of a training run.

    Args:
        folder: of the run.
        run: what it holds.
        data: the same data, read again.
        recipe: how to compress.
        probe: a drawn picture, PNG, to be shipped as the self-test.
        out: the bundle to write; untouched when anything fails.

    Raises:
        CompressError: other data than the run's, or a result beyond tolerance.
        EdgeClassifyError: a run, picture or model that cannot be read.
    """
    if data.fingerprint != run.data_sha256:
        raise CompressError(f"{folder}: was trained on other cells than these; give the same --data")
    network, examples = load_network(folder), data.examples(run.config)
    pruned = balance_channels(network, examples.spread(recipe.calibration_cells))
    if recipe.sparsity:
        log.info("pruning to %.0f %% zeros", 100 * recipe.sparsity)
        pruned = prune_network(pruned, examples, run.config, recipe.prune, recipe.sparsity)
    log.info("training quantization-aware")
    aware = quantise_network(pruned, network, examples, run.config, recipe.quantise)
    model = export_int8(aware, examples.spread(recipe.calibration_cells))
    float_model = export_float(network)
    (folder / FLOAT_MODEL).write_bytes(float_model)
    sizes = [
        size_of("float32", float_model, network),
        size_of("int8", model, plain_weights(aware, network)),
    ]
    picture = _read_probe(probe)
    decision = Decision(1.0, (0.0,) * len(run.labels), *run.abstain_band)
    draft = _draft(model, run, data, recipe, decision, picture, _guard(run, data))
    log.info("calibrating and verifying through the runtime")
    draft = _with_decision(draft, _agree_with(network, draft, data))
    return _verify_and_write(draft, network, data, recipe, sizes, out)


def plain_weights(aware: Any, network: Any) -> Any:
    """A plain copy of the network with the weights of its quantization-aware twin, for counting."""
    copy = clone(network)
    twins = {layer.layer.name: layer for layer in aware.layers if hasattr(layer, "layer")}
    for layer in copy.layers:
        if layer.weights and layer.name in twins:
            by_name = {_short(variable.name): variable.numpy() for variable in twins[layer.name].weights}
            layer.set_weights([by_name[_short(variable.name)] for variable in layer.weights])
    return copy


def _short(variable: str) -> str:
    return variable.partition(":")[0].rpartition("/")[2]


def _read_probe(path: Path) -> bytes:
    read_picture(path)  # refuses what is not a picture
    return path.read_bytes()


def _guard(run: Run, data: Data) -> Guard:
    """Fitted on all that is not reported on, judged on the report part."""
    traits = measure_cells(data.pixels, run.config.picture.spec)
    report = data.part("report")
    known = np.setdiff1d(np.arange(len(traits)), report)
    guard = fit_guard(traits[known], [data.groups[i] for i in known], stated=run.config.decision.false_alarms)
    alarms = alarms_of(traits[report], guard)
    measured = false_alarms(alarms, data.targets[report], [data.groups[i] for i in report])
    return dataclasses.replace(guard, false_alarms=measured)


def _input(run: Run, data: Data, recipe: Recipe) -> InputSpec:
    """The run's, with the scale and the stain of all cells that are not reported on."""
    chosen = data.part("train", "select")
    pixels, groups, spec = data.pixels[chosen], [data.groups[i] for i in chosen], run.config.device_input
    return dataclasses.replace(
        spec,
        um_per_pixel=measure_scale(pixels, groups, spec, cell_um=recipe.cell_um),
        stain_reference=measure_stain(pixels, groups, spec),
    )


def _draft(
    model: bytes, run: Run, data: Data, recipe: Recipe, decision: Decision, picture: bytes, guard: Guard
) -> Bundle:
    """A bundle whose scores are still to be measured."""
    groups = {group for group, part in run.part_of.items() if part == "report"}
    subjects = {cell.subject for cell, group in zip(data.dataset.cells, data.groups, strict=True) if group in groups}
    unknown = Scores(*(5 * [Interval(0.0, 0.0, 1.0)]))
    provenance = Provenance(
        commit=_commit(),
        data=run.config.data,
        data_sha256=run.data_sha256,
        recipe={
            "network": run.config.name,
            "epoch": str(run.best_epoch),
            "compress": recipe.name,
            "decision": f"fitted on {run.decided_on}",
            "sparsity": f"{recipe.sparsity:g}",
        },
        report_subjects=tuple(sorted(subjects, key=natural_key)),
        float_scores=unknown,
        int8_scores=unknown,
        flips=0.0,
        date=datetime.now(timezone.utc).date().isoformat(),
    )
    contract = Contract(
        schema=SCHEMA,
        name=f"{run.config.name}_{recipe.name}",
        labels=run.labels,
        input=_input(run, data, recipe),
        decision=decision,
        guard=guard,
        provenance=provenance,
        model=digest_of(model),
    )
    return Bundle(Path("draft"), model, contract, picture, ProbeAnswer("", ()), "")


def _with_decision(bundle: Bundle, decision: Decision) -> Bundle:
    return dataclasses.replace(bundle, contract=dataclasses.replace(bundle.contract, decision=decision))


def _agree_with(network: Any, draft: Bundle, data: Data) -> Decision:
    """The decision with which the exported model agrees best with the float network on the select part.

    The float network was calibrated on the labels there; fitting its int8 twin to it keeps the operating point and
    lets every cell count, not only the misjudged ones.
    """
    select = data.part("select")
    wanted = predict(network, data.pixels[select])
    seen = device_scores(Classifier(draft), [data.dataset.cells[i] for i in select])
    scale, offset = fit_calibration(seen, wanted, np.ones(len(select)))
    decision = dataclasses.replace(draft.contract.decision, logit_scale=scale, logit_offset=offset)
    _check_step(Classifier(_with_decision(draft, decision)))
    return decision


def _check_step(classifier: Classifier) -> None:
    step = classifier.interpreter.output.scale
    positions = np.arange(0, 1 + step, step)
    if len(classifier.contract.labels) != 2:
        return
    grid = classifier.calibrate(np.stack([positions, 1 - positions], axis=1))[:, 0]
    nearest = int(np.abs(grid - 0.5).argmin())
    largest = float(np.abs(np.diff(grid[max(nearest - 1, 0) : nearest + 2])).max())
    if largest > LARGEST_STEP:
        raise CompressError(
            f"the output moves in steps of {largest:.3f} at the operating point, {LARGEST_STEP} is allowed; "
            "train the float network with more label smoothing"
        )


def _verify_and_write(
    draft: Bundle, network: Any, data: Data, recipe: Recipe, sizes: list[Size], out: Path
) -> Compressed:
    report = data.part("report")
    cells, groups = tuple(data.dataset.cells[i] for i in report), tuple(data.groups[i] for i in report)
    classifier = Classifier(draft)
    labels = draft.contract.labels
    float_ = Predictions(cells, groups, labels, predict(network, data.pixels[report]).astype(np.float64))
    exported = Predictions(cells, groups, labels, classifier.calibrate(device_scores(classifier, cells)))
    float_scores = score(float_.probabilities, float_.targets, groups)
    int8_scores = score(exported.probabilities, exported.targets, groups)
    parity = compare(float_, exported, float_scores, int8_scores)
    check(parity, recipe.tolerance)
    provenance = dataclasses.replace(
        draft.contract.provenance, float_scores=float_scores, int8_scores=int8_scores, flips=parity.flips
    )
    pixels = prepare(decode(draft.probe_picture), draft.contract.input)
    answer = ProbeAnswer(
        hashlib.sha256(pixels.tobytes()).hexdigest(),
        tuple(map(float, classifier.calibrate(classifier.scores(pixels)))),
    )
    contract = dataclasses.replace(draft.contract, provenance=provenance)
    area = area_predictions(exported, data.dataset, data.groups)
    card = model_card(contract, parity, sizes, data, score(area.probabilities, area.targets, groups))
    bundle = dataclasses.replace(draft, path=out, contract=contract, probe_answer=answer, card=card)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_bundle(bundle)
    except OSError as error:
        raise CompressError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    return Compressed(bundle, parity, sizes)


def _commit() -> str:
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()
