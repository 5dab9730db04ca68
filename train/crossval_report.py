"""The report of a cross-validation: what simpler methods answer, what changed pictures change, what went wrong."""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.findings.table import Table
from train.baseline import Features, answer_folds, areas, colours
from train.config import Config
from train.crossval import Crossval, answer_changed
from train.dataset import Cell
from train.decision import Rule, judge_nested
from train.errors import TrainError
from train.gradcam import gradcam
from train.metrics import answers_of
from train.mistakes import Mistake, worst_mistakes
from train.out_of_fold import OutOfFold
from train.predictions import Predictions
from train.report import write_html
from train.robustness import CHANGES
from train.run import load_network, read_run
from train.tables import decision_table

log = logging.getLogger(__name__)

BASELINES: dict[str, Callable[[tuple[Cell, ...]], Features]] = {"area alone": areas, "colours alone": colours}
# Pictures of mistakes shown, and of those at most so many of one subject group.
_SHOWN, _SHOWN_PER_GROUP = 12, 3


def report_crossval(path: Path, crossval: Crossval, config: Config, *, command: str) -> dict[str, Predictions]:
    """Judges a finished cross-validation and writes the report.

    Args:
        path: of the HTML file.
        crossval: what is judged.
        config: its settings.
        command: what makes this report again.

    Returns:
        The predictions of the network and of the baselines, by name.

    Raises:
        TrainError: the network of a fold cannot be read, or the report cannot be written.
    """
    log.info("judging the baselines")
    baselines = {
        name: answer_folds(
            features(crossval.predictions.cells),
            crossval.predictions,
            crossval.folds,
            subject_power=config.fit.subject_power,
        )
        for name, features in BASELINES.items()
    }
    write_html(
        path,
        title=f"Cross-validation of {config.name}",
        model=config.name,
        data=config.data,
        command=command,
        predictions=crossval.predictions,
        baselines=baselines,
        changed=answer_changed(crossval, CHANGES),
        mistakes=_mistakes(crossval),
        folds=crossval.folds,
        settings=_settings(crossval, config),
        decision=_decision(crossval, config),
    )
    return {config.name: crossval.predictions, **baselines}


def _decision(crossval: Crossval, config: Config) -> Table | None:
    """What the stated decision reaches; None where a label is in one fold only."""
    own, rule = crossval.predictions, Rule.of(config)
    cells = OutOfFold(own.labels, own.groups, own.targets, np.array(crossval.folds), own.probabilities)
    try:
        return decision_table(judge_nested(cells, rule), rule)
    except TrainError as error:
        log.info("no decision is judged: %s", error)
        return None


def _folds(crossval: Crossval) -> Iterator[tuple[Path, npt.NDArray[np.int64]]]:
    """The folder of each fold's run and the positions of its cells."""
    for fold, folder in enumerate(crossval.networks, 1):
        yield folder, np.flatnonzero(np.array(crossval.folds) == fold)


def _mistakes(crossval: Crossval) -> list[Mistake]:
    """The worst mistakes, each with what the network of its fold looked at."""
    predictions, pixels = crossval.predictions, crossval.data.pixels
    worst = worst_mistakes(predictions, count=_SHOWN, per_group=_SHOWN_PER_GROUP)
    mistakes: dict[int, Mistake] = {}
    for folder, held in _folds(crossval):
        network = load_network(folder)
        for i in set(worst) & set(held.tolist()):
            answer = int(answers_of(predictions.probabilities[[i]])[0])
            mistakes[i] = Mistake(
                cell=predictions.cells[i],
                answer=predictions.labels[answer],
                probability=float(predictions.probabilities[i, answer]),
                pixels=pixels[i],
                heat=gradcam(network, pixels[[i]], answer)[0],
            )
    return [mistakes[i] for i in worst]


def _settings(crossval: Crossval, config: Config) -> dict[str, str]:
    """Every setting, the data, and the epoch kept in each fold."""
    settings = {}
    for section, value in dataclasses.asdict(config).items():
        if isinstance(value, dict):
            settings.update({f"{section}.{key}": _as_text(setting) for key, setting in value.items()})
    settings["cells, SHA-256"] = crossval.data.fingerprint
    for fold, folder in enumerate(crossval.networks, 1):
        run = read_run(folder)
        chosen = "" if run.select_auroc is None else f", AUROC on select {run.select_auroc:.3f}"
        settings[f"fold {fold}"] = f"epoch {run.best_epoch} kept{chosen}"
    return settings


def _as_text(setting: object) -> str:
    return ", ".join(map(str, setting)) if isinstance(setting, tuple) else str(setting)
