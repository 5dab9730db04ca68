"""Fits the network: on the train part, chosen on the select part, or on both as a teacher says; can be resumed."""

import dataclasses
import hashlib
import io
import json
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from train.config import Config
from train.data import Data
from train.decision import Correction, Rule, fit_correction
from train.errors import DivergedError, TrainError
from train.files import claim, write_whole, writing
from train.finish import finish
from train.history import HISTORY, best_row, is_patience_over, read_history, write_history
from train.loop import Examples, Loop, predict
from train.metrics import auroc
from train.network import build_network
from train.out_of_fold import check_recipe, read_out_of_fold, without_groups
from train.pretrained import load_pretrained
from train.run import STATE
from train.strategy import check_alike, from_chief, is_chief, lost_workers, wait_for_all
from train.teaching import Teaching
from train.tensorboard import write_epoch

log = logging.getLogger(__name__)

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
    teaching: Teaching | None = None,
    out_of_fold: Path | None = None,
    strategy: Any = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> None:
    """Trains, or goes on where an interrupted run in the same folder stopped.

    Where everyone is in the train part there is nobody left to judge the network; `crossval` judges its recipe.

    Writes `network.keras` (averaged weights of the best epoch, calibration folded in), `history.csv`, `run.json` and
    the curves in `tensorboard`.

    Args:
        data: the cells.
        config: the settings.
        run: the folder of this run; made when absent.
        weights: the folder that holds `config.network.pretrained`.
        teaching: a teacher's answers to the train and select parts; wanted where `config.distillation` gives it weight.
        out_of_fold: predictions that `crossval` wrote of networks of the same recipe, its settings beside it; the
            decision is fitted on them beside the select part, which alone decides when not given. A finished run takes
            others without training.
        strategy: a `tf.distribute.Strategy`, from `train.strategy.make_strategy`; of several processes only the chief
            writes, and all read checkpoint and history in the folder.
        on_epoch: told the numbers of each finished epoch.
        on_step: told the steps done and the steps of the epoch, after each step.

    Raises:
        TrainError: the folder holds a run of other settings, data, parts or teaching, or cannot be written; no
            teaching where the settings give a teacher weight; predictions that cannot be read or are of other settings
            or data; or another process has another run, or is lost.
    """
    correction = _correction(out_of_fold, data, config) if out_of_fold is not None else None
    taught = teaching if config.distillation.weight else None
    if config.distillation.weight and taught is None:
        raise TrainError("distillation.weight wants a teacher; give --teaching, which `python -m train teach` writes")
    if taught is None and data.split.is_everyone:
        raise TrainError(
            "to learn from everyone leaves nobody to select by; set distillation.weight, and give --teaching"
        )
    identity = {
        "config": dataclasses.asdict(config),
        "data_sha256": data.fingerprint,
        "part_of": data.split.part_of,
        "teaching_sha256": taught and taught.sha256,
    }
    strategy = strategy or tf.distribute.get_strategy()
    chief = is_chief(strategy)
    known = (run / STATE).exists()
    if chief:
        claim(run / STATE, identity)
    keras.utils.set_random_seed(config.fit.seed)
    network = build_network(config.network, size=config.picture.size, labels=len(data.dataset.labels))
    examples = data.examples(config) if taught is None else _taught_examples(data, config, taught)
    if config.network.pretrained:
        seen = examples.pixels[:: max(1, len(examples.pixels) // _STATISTICS_CELLS)]
        load_pretrained(network, config.network, seen, folder=weights)
    with lost_workers(strategy):
        loop = Loop(network, examples, config.fit, config.augment, strategy=strategy)
    best = tf.Variable(-1.0, dtype=tf.float64)
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
    history = read_history(run / HISTORY, int(loop.epoch.numpy()))
    check_alike(strategy, _digest(identity | {"epoch": int(loop.epoch.numpy()), "history": history}))
    select = data.part("select") if taught is None else None
    while int(loop.epoch.numpy()) < config.fit.epochs and not is_patience_over(history, config.fit.patience):
        started = time.perf_counter()
        with lost_workers(strategy):
            loss = loop.run_epoch(on_step)
        if not math.isfinite(loss):
            raise DivergedError(
                f"epoch {int(loop.epoch.numpy())}: the loss is {loss}; lower learning_rate or weight_decay"
            )
        row = {"epoch": float(loop.epoch.numpy()), "loss": loss}
        with loop.averaged() as averaged:
            better = select is None
            if select is not None:
                own = auroc(predict(averaged, data.pixels[select]), data.targets[select])
                # Machines round otherwise, and all must lose patience together.
                row["select_auroc"] = from_chief(strategy, own)
                better = row["select_auroc"] > float(best.numpy())
                best.assign(max(row["select_auroc"], float(best.numpy())))
            if better and chief:
                _write_weights(run / _BEST, averaged)
        history.append(row)
        told = {**row, "learning_rate": loop.learning_rate, "seconds": time.perf_counter() - started}
        if chief:
            write_history(run / HISTORY, history)
            write_epoch(run, int(row["epoch"]), {name: value for name, value in told.items() if name != "epoch"})
            with writing(run):
                manager.save()
        if on_epoch is not None:
            on_epoch(told)
    if chief:
        _load_best(network, run)
        finish(network, data, config, run, best_row(history), taught, correction)
    # A process that leaves while the chief still writes looks lost to it.
    wait_for_all(strategy)


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


def _correction(path: Path, data: Data, config: Config) -> Correction:
    check_recipe(path, config, data.fingerprint)
    part_of = data.split.part_of
    report = {group for group, part in part_of.items() if part == "report"}
    cells = without_groups(read_out_of_fold(path, data.dataset.labels), report, part_of)
    return fit_correction(cells, Rule.of(config))


def _taught_examples(data: Data, config: Config, teaching: Teaching) -> Examples:
    """The train and select parts, to be answered as the teacher and the labels say together."""
    share, one_hot = config.distillation.weight, np.eye(len(data.dataset.labels))[data.targets[teaching.cells]]
    wanted = share * teaching.probabilities + (1 - share) * one_hot
    return data.choose(teaching.cells, config, wanted.astype(np.float32))


def _write_weights(path: Path, network: Any) -> None:
    file = io.BytesIO()
    np.savez(file, *network.get_weights())
    write_whole(path, file.getvalue())


def _load_best(network: Any, run: Path) -> None:
    with np.load(run / _BEST) as stored:
        network.set_weights([stored[name] for name in stored.files])
