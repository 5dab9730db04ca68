"""The end of a training run: calibration, abstain band, and the files that `evaluate` and `compress` read."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from train.calibrate import apply_calibration, fit_abstain_band, fit_calibration
from train.config import Config
from train.data import Data
from train.decision import Correction
from train.files import write_json, writing
from train.loop import predict
from train.network import fold_calibration
from train.run import NETWORK, STATE, Run
from train.teaching import Teaching


def finish(
    network: Any,
    data: Data,
    config: Config,
    folder: Path,
    best_row: dict[str, float],
    teaching: Teaching | None,
    correction: Correction | None,
) -> None:
    """Calibrates a fitted network and writes it with what is known of its run.

    Args:
        network: with the weights to keep; the calibration is folded into it.
        data: the cells.
        config: the settings.
        folder: of the run.
        best_row: the epoch kept, a row of the history.
        teaching: what it learnt from, where there was a teacher.
        correction: of the decision, by out-of-fold predictions.

    Raises:
        TrainError: it cannot be written.
    """
    labels = len(data.dataset.labels)
    if teaching is None:
        decided_on, cells = "the select part", data.part("select")
        scores = predict(network, data.pixels[cells])
        weights = data.weights(cells, config, balance_classes=False)
        scale, offset = fit_calibration(scores, np.eye(labels)[data.targets[cells]], weights)
    else:
        # The teacher is calibrated on people it did not see; a fit on people learnt from would undo that.
        decided_on, cells = "the teacher's probabilities", teaching.cells
        scores = predict(network, data.pixels[cells])
        scale, offset = 1.0, (0.0,) * labels
    if correction is None:
        band = fit_abstain_band(apply_calibration(scores, scale, offset), config.fit.abstain_share)
    else:
        # The out-of-fold networks were decided on in the same way: what they lacked after that, this one lacks.
        decided_on += " and out-of-fold predictions"
        offset = tuple(correction.scale * own + added for own, added in zip(offset, correction.offset, strict=True))
        scale, band = correction.scale * scale, correction.band
    fold_calibration(network, scale, offset)
    with writing(folder):
        network.save(folder / NETWORK)
    finished = Run(
        config=config,
        data_sha256=data.fingerprint,
        labels=data.dataset.labels,
        part_of=data.split.part_of,
        teaching_sha256=teaching.sha256 if teaching else None,
        abstain_band=band,
        decided_on=decided_on,
        best_epoch=int(best_row["epoch"]),
        select_auroc=best_row.get("select_auroc"),
    )
    write_json(folder / STATE, dataclasses.asdict(finished))
