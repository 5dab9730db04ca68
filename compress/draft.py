"""From a finished training run to a calibrated bundle, its scores still to be measured: prune, quantise, export."""

import dataclasses
import logging
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compress.balance import balance_channels
from compress.errors import CompressError
from compress.export import export_float, export_int8
from compress.finetune import clone
from compress.metadata import with_metadata
from compress.prune import prune_network
from compress.quantise import quantise_network
from compress.recipe import Recipe
from compress.reference import measure_scale, measure_stain
from compress.size import Size, size_of
from edge_runtime.bundle import Bundle, ProbeAnswer, digest_of
from edge_runtime.classifier import Classifier
from edge_runtime.contract import SCHEMA, Contract, Decision, Guard, InputSpec, Interval, Provenance, Scores
from edge_runtime.findings.names import natural_key
from edge_runtime.preprocess import read_picture
from train.calibrate import fit_calibration
from train.data import Data
from train.decision import Rule
from train.guard import fit_guard, measure_cells
from train.loop import predict
from train.predictions import device_scores
from train.run import Run, load_network

log = logging.getLogger(__name__)

# Step of the output at the operating point beyond which an 8-bit answer is too coarse to act on.
LARGEST_STEP = 0.01
# Cells on which the int8 model is brought to agree with the float network, where no select part is kept for it.
_AGREEMENT_CELLS = 1024


@dataclass(frozen=True)
class Draft:
    """A bundle that works, and what it was made from.

    Attributes:
        bundle: calibrated; its scores are unknown and it has no card.
        network: the float network.
        float_model: that as a plain flatbuffer.
        aware: the quantization-aware network.
        sizes: float and int8.
    """

    bundle: Bundle
    network: Any
    float_model: bytes
    aware: Any
    sizes: list[Size]


def draft_bundle(folder: Path, run: Run, data: Data, recipe: Recipe, probe: Path) -> Draft:
    """Makes a bundle of a training run; arguments and errors are those of `compress.compress.compress`."""
    if data.fingerprint != run.data_sha256:
        raise CompressError(f"{folder}: was trained on other cells than these; give the same --data")
    read_picture(probe)  # refuses what is not a picture
    network, examples = load_network(folder), data.examples(run.config)
    pruned = balance_channels(network, examples.spread(recipe.calibration_cells))
    if recipe.sparsity:
        log.info("pruning to %.0f %% zeros", 100 * recipe.sparsity)
        pruned = prune_network(pruned, examples, run.config, recipe.prune, recipe.sparsity)
    log.info("training quantization-aware")
    aware = quantise_network(pruned, network, examples, run.config, recipe.quantise)
    model = export_int8(aware, examples.spread(recipe.calibration_cells))
    float_model = export_float(network)
    sizes = [
        size_of("float32", float_model, network),
        size_of("int8", model, plain_weights(aware, network)),
    ]
    bundle = _uncalibrated(model, run, data, recipe, probe.read_bytes())
    log.info("calibrating")
    return Draft(with_decision(bundle, _agree_with(network, bundle, data)), network, float_model, aware, sizes)


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


def _uncalibrated(model: bytes, run: Run, data: Data, recipe: Recipe, picture: bytes) -> Bundle:
    """A bundle that takes the network's scores as they are."""
    judged = run.judged_groups
    subjects = {cell.subject for cell, group in zip(data.dataset.cells, data.groups, strict=True) if group in judged}
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
            **Rule.of(run.config).as_text(),
        },
        report_subjects=tuple(sorted(subjects, key=natural_key)),
        float_scores=unknown,
        int8_scores=unknown,
        flips=0.0,
        out_of_fold_sha256=None,
        date=datetime.now(timezone.utc).date().isoformat(),
    )
    name, spec = f"{run.config.name}_{recipe.name}", _input(run, data, recipe)
    model = with_metadata(model, name=name, spec=spec)
    contract = Contract(
        schema=SCHEMA,
        name=name,
        labels=run.labels,
        input=spec,
        decision=Decision(1.0, (0.0,) * len(run.labels), *run.abstain_band),
        guard=_guard(run, data),
        provenance=provenance,
        model=digest_of(model),
    )
    return Bundle(Path("draft"), model, contract, picture, ProbeAnswer("", ()), "")


def _input(run: Run, data: Data, recipe: Recipe) -> InputSpec:
    """The run's, with the scale and the stain of all cells that are not reported on."""
    known = data.not_reported
    pixels, groups, spec = data.pixels[known], [data.groups[i] for i in known], run.config.device_input
    return dataclasses.replace(
        spec,
        um_per_pixel=measure_scale(pixels, groups, spec, cell_um=recipe.cell_um),
        stain_reference=measure_stain(pixels, groups, spec),
    )


def _guard(run: Run, data: Data) -> Guard:
    """Fitted on all that is not reported on; its false alarms are still to be measured."""
    known = data.not_reported
    traits = measure_cells(data.pixels[known], run.config.picture.spec)
    return fit_guard(traits, [data.groups[i] for i in known], stated=run.config.decision.false_alarms)


def with_decision(bundle: Bundle, decision: Decision) -> Bundle:
    """The same bundle that decides otherwise."""
    return dataclasses.replace(bundle, contract=dataclasses.replace(bundle.contract, decision=decision))


def _agree_with(network: Any, draft: Bundle, data: Data) -> Decision:
    """The decision with which the exported model agrees best with the float network.

    The float network is calibrated already; fitting its int8 twin to it keeps the operating point and lets every cell
    count, not only the misjudged ones.
    """
    cells = _agreement_cells(data)
    wanted = predict(network, data.pixels[cells])
    seen = device_scores(Classifier(draft), [data.dataset.cells[i] for i in cells])
    scale, offset = fit_calibration(seen, wanted, np.ones(len(cells)))
    decision = dataclasses.replace(draft.contract.decision, logit_scale=scale, logit_offset=offset)
    _check_step(Classifier(with_decision(draft, decision)))
    return decision


def _agreement_cells(data: Data) -> npt.NDArray[np.int64]:
    if not data.split.is_everyone:
        return data.part("select")
    everyone = data.part("train")
    spread = np.linspace(0, len(everyone) - 1, min(_AGREEMENT_CELLS, len(everyone)))
    return np.asarray(everyone[spread.astype(int)])


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
