"""From a finished training run to a calibrated bundle, its scores still to be measured."""

import dataclasses
import logging
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from compress.channel_config import ChannelConfig
from compress.errors import CompressError
from compress.export import export_float
from compress.folds import check_cells
from compress.metadata import with_metadata
from compress.recipe import Recipe
from compress.reference import measure_scale, measure_stain
from compress.shrink import shrink
from compress.size import Size, size_of
from edge_runtime.bundle import MAX_MEMBER_BYTES, Bundle, ProbeAnswer, digest_of
from edge_runtime.classifier import Classifier
from edge_runtime.contract import SCHEMA, Contract, Decision, Guard, InputSpec, Interval, Provenance, Scores
from edge_runtime.findings.names import natural_key
from edge_runtime.traits import Traits
from train.calibrate import apply_calibration, fit_abstain_band, fit_calibration
from train.data import Data
from train.dataset import read_named
from train.decision import Array, Correction, Rule
from train.guard import fit_guard, measure_cells
from train.loop import predict
from train.predictions import device_scores
from train.run import Run, load_network
from train.sampling import spread_evenly

log = logging.getLogger(__name__)

# Step of the output at the operating point beyond which an 8-bit answer is too coarse to act on.
LARGEST_STEP = 0.01
# Train cells on which the int8 model is brought to agree with the float network; the report part has none of them.
_AGREEMENT_CELLS = 1024
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Draft:
    """A bundle that works, and what it was made from.

    Attributes:
        bundle: calibrated; its scores are unknown and it has no card.
        network: the float network.
        float_model: that as a plain flatbuffer.
        twin_model: the bundle's own float twin, as `compress.shrink.Shrunk` has it, as a flatbuffer.
        aware: the quantization-aware network, where there is one.
        sizes: of the float network and of what was made of it.
        traits: of every cell, float64 `[n, traits]`, as the guard measures them.
    """

    bundle: Bundle
    network: Any
    float_model: bytes
    twin_model: bytes
    aware: Any
    sizes: list[Size]
    traits: Traits


def draft_bundle(folder: Path, run: Run, data: Data, recipe: Recipe, probe: Path) -> Draft:
    """Makes a bundle of a training run; arguments and errors are those of `compress.compress.compress`."""
    check_cells(folder, run, data)
    picture = _read_probe(probe)
    network, examples = load_network(folder), data.examples(run.config)
    shrunk = shrink(network, examples, run.config, recipe)
    float_model = export_float(network)
    twin_model = export_float(shrunk.twin) if recipe.is_int8 else shrunk.model
    sizes = [
        size_of("float32", float_model, network),
        size_of("int8" if recipe.is_int8 else recipe.name, shrunk.model, shrunk.twin),
    ]
    traits = measure_cells(data.pixels, run.config.picture.spec)
    bundle = _uncalibrated(shrunk.model, run, data, recipe, picture, traits)
    log.info("calibrating")
    decision = _agree_with(network, bundle, data)
    return Draft(with_decision(bundle, decision), network, float_model, twin_model, shrunk.aware, sizes, traits)


def _read_probe(path: Path) -> bytes:
    """Before hours of work, what `write_bundle` would refuse after them."""
    read_named(path)  # refuses what is not a picture
    picture = path.read_bytes()
    if not picture.startswith(_PNG) or len(picture) > MAX_MEMBER_BYTES:
        raise CompressError(
            f"{path}: must be a PNG of at most {MAX_MEMBER_BYTES // 1_000_000} MB; give another --probe"
        )
    return picture


def _uncalibrated(model: bytes, run: Run, data: Data, recipe: Recipe, picture: bytes, traits: Traits) -> Bundle:
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
            "precision": recipe.precision,
            "channels": _kept(recipe.channels),
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
        guard=_guard(run, data, traits),
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


def _guard(run: Run, data: Data, traits: Traits) -> Guard:
    """Fitted on all that is not reported on; its false alarms are still to be measured."""
    known = data.not_reported
    return fit_guard(traits[known], [data.groups[i] for i in known], stated=run.config.decision.false_alarms)


def _kept(channels: ChannelConfig) -> str:
    if not channels.removes:
        return "all"
    return f"{channels.at_most or channels.keep:g} {'' if channels.at_most else 'of '}{channels.quantity}"


def with_decision(bundle: Bundle, decision: Decision) -> Bundle:
    """The same bundle that decides otherwise."""
    return dataclasses.replace(bundle, contract=dataclasses.replace(bundle.contract, decision=decision))


def _agree_with(network: Any, draft: Bundle, data: Data) -> Decision:
    """The decision with which the exported model agrees best with the float network.

    The float network is calibrated already; fitting its int8 twin to it keeps the operating point and lets every cell
    count, not only the misjudged ones. The abstain band is fitted again to hold as many of the cells as the float
    network's does.
    """
    known = data.part("train")
    cells = known[spread_evenly(len(known), _AGREEMENT_CELLS)]
    wanted = predict(network, data.pixels[cells]).astype(np.float64)
    seen = device_scores(Classifier(draft), [data.dataset.cells[i] for i in cells])
    scale, offset = fit_calibration(seen, wanted, np.ones(len(cells)))
    low, high = _same_share(draft.contract.decision, wanted, apply_calibration(seen, scale, offset))
    decision = Decision(scale, offset, abstain_low=low, abstain_high=high)
    _check_step(Classifier(with_decision(draft, decision)))
    return decision


def _same_share(decision: Decision, float_: Array, exported: Array) -> tuple[float, float]:
    """The band that holds as many of the exported model's calibrated answers `[n, labels]` as the float one's do."""
    band = (decision.abstain_low, decision.abstain_high)
    nothing = (0.0,) * float_.shape[1]
    share = float(Correction(1.0, nothing, band).abstains(float_).mean())
    return fit_abstain_band(exported, share) if share else band


def _check_step(classifier: Classifier) -> None:
    step = classifier.interpreter.output.scale
    if not step:  # float
        return
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
