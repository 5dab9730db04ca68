"""Searches settings: each trial is a grouped cross-validation over the people outside the report part."""

import csv
import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from train.config import Config, config_toml
from train.crossval import crossval_identity, nested_splits
from train.data import load_data
from train.dataset import Dataset
from train.errors import TrainError
from train.files import write_whole, writing
from train.groups import groups_of
from train.space import OBJECTIVES, Space
from train.split import split_groups
from train.study import GRACE_S, enqueue_again, finished_trials, open_study, reaching
from train.trial import REASON, Trial, settings_of

BEST, TRIALS, DATABASE = "best.toml", "trials.csv", "study.db"
# Trials that are never pruned: the median of fewer says little (the default of Optuna's MedianPruner).
_UNPRUNED_TRIALS = 5


@dataclass(frozen=True)
class Tuned:
    """A study that has all its trials.

    Attributes:
        config: the settings of the best trial.
        trial: its number.
        value: its score.
        trials: how many have finished, pruned ones among them.
        searched: subject groups that the study has seen.
        held_out: subject groups of the report part, which it has not.
    """

    config: Config
    trial: int
    value: float
    trials: int
    searched: int
    held_out: int


def tune(
    dataset: Dataset,
    config: Config,
    groups: dict[str, str],
    out: Path,
    *,
    space: Space,
    trials: int,
    folds: int,
    objective: str = "auroc",
    storage: str | None = None,
    name: str | None = None,
    weights: Path = Path(),
    grace_s: int = GRACE_S,
    on_trial: Callable[[Any], None] | None = None,
) -> Tuned:
    """Runs trials until the study has as many as wanted; a study that was interrupted or is shared goes on.

    Each trial is a cross-validation over the train and select parts of the settings' split alone, so that the report
    part has chosen nothing when `evaluate` judges the winner. After each fold a trial whose score so far is below the
    median of the others at that fold is pruned (Golovin et al. 2017, doi 10.1145/3097983.3098043). Values are drawn by
    a tree-structured Parzen estimator (Bergstra et al. 2011).

    Writes `best.toml`, the whole settings of the best trial, and `trials.csv` after every trial.

    Args:
        dataset: the cells.
        config: the settings; those that the space does not name stay as they are.
        groups: the group of each subject that is not alone.
        out: the folder; made when absent.
        space: what is varied.
        trials: finished trials that the study is to have; those it already has count.
        folds: of the cross-validation, 2 or more.
        objective: of `train.space.OBJECTIVES`.
        storage: an SQLAlchemy address, which many machines may share; an SQLite file in the folder when not given.
        name: of the study in the storage; the settings' name when not given.
        weights: the folder that holds `config.network.pretrained`.
        grace_s: seconds without a sign of life after which a running trial counts as killed and is retried.
        on_trial: told each trial that has finished here, an `optuna.trial.FrozenTrial`.

    Raises:
        TrainError: too few subject groups, a study of other data or settings, a database or folder that cannot be used,
            or no trial that ran to its end.
        PictureError: a cell cannot be read.
    """
    own = groups_of([cell.subject for cell in dataset.cells], groups)
    split = split_groups(own, [cell.label for cell in dataset.cells], config.split.shares, config.fit.seed)
    kept = [i for i, group in enumerate(own) if split.part_of[group] != "report"]
    dataset = dataclasses.replace(dataset, cells=tuple(dataset.cells[i] for i in kept))
    splits = nested_splits(dataset, config, groups, folds=folds)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    data = load_data(dataset, config, groups, splits[0])
    storage = storage or f"sqlite:///{out / DATABASE}"
    identity = crossval_identity(data, config, splits) | {"objective": objective, "space": space.asdict()}
    study = open_study(
        storage,
        name or config.name,
        identity,
        direction=OBJECTIVES[objective],
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS),
        grace_s=grace_s,
    )
    trial = Trial(config, space, data, groups, out, folds=folds, objective=objective, weights=weights)
    with reaching(storage):
        while len(finished_trials(study)) < trials:
            try:
                study.optimize(trial, n_trials=1, callbacks=[lambda _, done: on_trial and on_trial(done)])
            except BaseException:
                enqueue_again(study, trial.number)
                raise
            _write_results(study, config, space, out)
        _write_results(study, config, space, out)
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not completed:
            raise TrainError(f"{out}: no trial ran to its end; {TRIALS} says how far each came; give a narrower space")
        best = study.best_trial
    return Tuned(
        config=settings_of(best, config, space),
        trial=best.number,
        value=best.value,
        trials=len(finished_trials(study)),
        searched=len(set(data.groups)),
        held_out=len(set(own)) - len(set(data.groups)),
    )


def describe(trial: Any) -> str:
    """One line on a finished trial, an `optuna.trial.FrozenTrial`."""
    running = ", ".join(f"{value:.4f}" for _, value in sorted(trial.intermediate_values.items()))
    pruned = f"; pruned, {trial.user_attrs[REASON]}" if REASON in trial.user_attrs else ""
    return f"trial {trial.number}: {running or 'no fold'}{pruned}"


def _write_results(study: Any, config: Config, space: Space, out: Path) -> None:
    """Writes what the study has so far; of trials that were retried all attempts are listed."""
    trials = study.get_trials(deepcopy=False)
    folds = sorted({fold for trial in trials for fold in trial.intermediate_values})
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["trial", "state", "why", "value", *space.ranges, *(f"fold_{k}" for k in folds), "started", "seconds"]
    )
    for trial in trials:
        values = [trial.params.get(key, "") for key in space.ranges]
        running = [trial.intermediate_values.get(fold, "") for fold in folds]
        started = trial.datetime_start.isoformat(timespec="seconds") if trial.datetime_start else ""
        seconds = f"{trial.duration.total_seconds():.0f}" if trial.duration else ""
        value = trial.value if trial.state == TrialState.COMPLETE else ""
        why = trial.user_attrs.get(REASON, "")
        writer.writerow([trial.number, trial.state.name.lower(), why, value, *values, *running, started, seconds])
    write_whole(out / TRIALS, file.getvalue().encode())
    if any(trial.state == TrialState.COMPLETE for trial in trials):
        write_whole(out / BEST, config_toml(settings_of(study.best_trial, config, space)).encode())
