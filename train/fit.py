"""Fits the network on the train part, chooses epoch and calibration on the select part, and can be resumed."""

import dataclasses
import hashlib
import io
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from train.calibrate import apply_calibration, fit_abstain_band, fit_calibration
from train.config import Config
from train.data import Data
from train.errors import TrainError
from train.files import claim, write_json, write_whole, writing
from train.loop import Loop, predict
from train.metrics import auroc
from train.network import build_network, fold_calibration
from train.pretrained import load_pretrained
from train.run import NETWORK, STATE, Run
from train.strategy import check_alike, is_chief, lost_workers

log = logging.getLogger(__name__)

HISTORY = "history.csv"
_BEST = "best.weights.npz"
# Train cells on which a pretrained network's norms are set: enough for 8 x 8 means of every channel.
_STATISTICS_CELLS = 256
# Short enough for the sum over many machines to fit an int64.
_DIGEST_BYTES = 6


def fit(
    data: Data,
    config: Config,
    run: Path,
    *,
    weights: Path = Path(),
    strategy: Any = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> None:
    """Trains, or goes on where an interrupted run in the same folder stopped.

    Writes `network.keras` (averaged weights of the best epoch, calibration folded in), `history.csv` and `run.json`.

    Args:
        data: the cells.
        config: the settings.
        run: the folder of this run; made when absent.
        weights: the folder that holds `config.network.pretrained`.
        strategy: a `tf.distribute.Strategy`, from `train.strategy.make_strategy`; of several processes only the chief
            writes, and all read the checkpoint in the folder.
        on_epoch: told the numbers of each finished epoch.

    Raises:
        TrainError: the folder holds a run of other settings, data or parts, or cannot be written; or another process
            has another run, or is lost.
    """
    identity = {"config": dataclasses.asdict(config), "data_sha256": data.fingerprint, "part_of": data.split.part_of}
    strategy = strategy or tf.distribute.get_strategy()
    chief = is_chief(strategy)
    known = (run / STATE).exists()
    if chief:
        claim(run / STATE, identity)
    keras.utils.set_random_seed(config.fit.seed)
    network = build_network(config.network, size=config.picture.size, labels=len(data.dataset.labels))
    examples = data.examples(config)
    if config.network.pretrained:
        seen = examples.pixels[:: max(1, len(examples.pixels) // _STATISTICS_CELLS)]
        load_pretrained(network, weights / config.network.pretrained, seen)
    with lost_workers(strategy):
        loop = Loop(network, examples, config.fit, config.augment, strategy=strategy)
    best = tf.Variable(-1.0)
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(loop=loop.checkpoint(), best=best), str(run / "checkpoint"), max_to_keep=1
    )
    if manager.latest_checkpoint:
        try:
            _restore(manager, run)
        except TrainError:
            if chief and not known:
                (run / STATE).unlink()  # whose checkpoint it is, these settings do not say
            raise
        log.info("going on after epoch %d", int(loop.epoch.numpy()))
    check_alike(strategy, _digest(identity | {"epoch": int(loop.epoch.numpy())}))
    history = _read_history(run / HISTORY, int(loop.epoch.numpy())) if chief else []
    select = data.part("select")
    while int(loop.epoch.numpy()) < config.fit.epochs:
        started = time.perf_counter()
        with lost_workers(strategy):
            loss = loop.run_epoch()
        with loop.averaged() as averaged:
            reached = auroc(predict(averaged, data.pixels[select]), data.targets[select])
            better = reached > float(best.numpy())
            if better:
                best.assign(reached)
            if better and chief:
                _write_weights(run / _BEST, averaged)
        row = {"epoch": float(loop.epoch.numpy()), "loss": loss, "select_auroc": reached}
        history.append(row)
        if chief:
            _write_history(run / HISTORY, history)
            with writing(run):
                manager.save()
        if on_epoch is not None:
            on_epoch({**row, "seconds": time.perf_counter() - started})
    if chief:
        _load_best(network, run)
        best_row = max(history, key=lambda row: row["select_auroc"])
        _finish(network, data, config, run, best_row)


def _restore(manager: Any, folder: Path) -> None:
    """Raises where the checkpoint is not one of everything that this run needs."""
    try:
        status = manager.checkpoint.restore(manager.latest_checkpoint)
        status.expect_partial()
        status.assert_existing_objects_matched()
    except (ValueError, AssertionError, tf.errors.OpError):
        raise TrainError(
            f"{folder}: its checkpoint is damaged or of another network; give the settings it was made with, "
            "or another folder"
        ) from None


def _digest(identity: dict[str, Any]) -> int:
    text = json.dumps(identity, sort_keys=True).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:_DIGEST_BYTES], "big")


def _finish(network: Any, data: Data, config: Config, folder: Path, best_row: dict[str, float]) -> None:
    select = data.part("select")
    one_hot = np.eye(len(data.dataset.labels))[data.targets[select]]
    weights = data.weights("select", config, balance_classes=False)
    scores = predict(network, data.pixels[select])
    scale, offset = fit_calibration(scores, one_hot, weights)
    band = fit_abstain_band(apply_calibration(scores, scale, offset), config.fit.abstain_share)
    fold_calibration(network, scale, offset)
    with writing(folder):
        network.save(folder / NETWORK)
    finished = Run(
        config=config,
        data_sha256=data.fingerprint,
        labels=data.dataset.labels,
        part_of=data.split.part_of,
        abstain_band=band,
        best_epoch=int(best_row["epoch"]),
        select_auroc=best_row["select_auroc"],
    )
    write_json(folder / STATE, dataclasses.asdict(finished))


def _read_history(path: Path, epochs: int) -> list[dict[str, float]]:
    if not path.exists():
        return []
    header, *lines = path.read_text("utf-8").splitlines()
    return [dict(zip(header.split(","), map(float, line.split(",")), strict=True)) for line in lines[:epochs]]


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    lines = [",".join(history[0]), *(",".join(str(value) for value in row.values()) for row in history)]
    write_whole(path, ("\n".join(lines) + "\n").encode())


def _write_weights(path: Path, network: Any) -> None:
    file = io.BytesIO()
    np.savez(file, *network.get_weights())
    write_whole(path, file.getvalue())


def _load_best(network: Any, run: Path) -> None:
    with np.load(run / _BEST) as stored:
        network.set_weights([stored[name] for name in stored.files])
