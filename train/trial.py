"""One trial of a study: values of the space in, the score of a grouped cross-validation out."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import optuna

from train.config import Config, with_values
from train.crossval import crossvalidate
from train.data import Data, load_data, with_features
from train.errors import DivergedError, MisfitError, TrainError
from train.metrics import values_of
from train.predictions import Predictions
from train.space import Space
from train.teaching import RememberingTeacher

REASON = "pruned"
_FOLDER = "folder"


class Trial:
    """What Optuna calls with each of its trials; pixels are kept for those of the same picture, features for all."""

    def __init__(
        self,
        config: Config,
        space: Space,
        data: Data,
        groups: dict[str, str],
        out: Path,
        *,
        folds: int,
        objective: str,
        weights: Path,
    ) -> None:
        """Prepares trials.

        Args:
            config: the settings that are not in the space.
            space: what is varied.
            data: the cells of the study, prepared as `config` says.
            groups: the group of each subject that is not alone.
            out: the folder in which each trial has one of its own while it runs.
            folds: of the cross-validation.
            objective: a score of `train.metrics.values_of`.
            weights: the folder that holds `config.network.pretrained`.
        """
        self.number = -1
        self._config, self._space, self._groups, self._out = config, space, groups, out
        self._folds, self._objective, self._weights = folds, objective, weights
        self._data, self._picture = data, config.picture
        self._ask = RememberingTeacher()

    def __call__(self, trial: Any) -> float:
        """Cross-validates the values of an `optuna.Trial` and returns the score of all out-of-fold answers.

        Raises:
            TrialPruned: the score so far is below the median, the network diverged, or the settings refuse the values.
            TrainError: the folder cannot be written; what was fitted is kept for the trial that is done again.
        """
        self.number = trial.number
        # Its own seed for each: machines that share a study, and a study that goes on, do not draw the same again.
        trial.study.sampler = optuna.samplers.TPESampler(seed=self._config.fit.seed + trial.number)
        try:
            config = with_values(self._config, self._space.draw(trial))
        except TrainError as error:
            raise _pruned(trial, f"refused: {error}") from None
        # Whoever does a killed trial again on this machine goes on in its folder.
        folder = self._out / trial.user_attrs.get(_FOLDER, f"trial-{trial.number:04}")
        trial.set_user_attr(_FOLDER, folder.name)
        scores: list[float] = []

        def on_fold(fold: int, answers: Predictions) -> None:
            scores.append(values_of(answers.probabilities, answers.targets)[self._objective])
            trial.report(scores[-1], fold)
            if fold < self._folds and trial.should_prune():
                raise _pruned(trial, f"worse than the median after fold {fold}")

        ended: BaseException | None = None
        try:
            crossvalidate(
                self._data.dataset,
                config,
                self._groups,
                folder,
                folds=self._folds,
                weights=self._weights,
                data=self._data_for(config),
                ask=self._ask,
                on_fold=on_fold,
            )
        except DivergedError:
            ended = _pruned(trial, "diverged")
        except MisfitError as error:
            ended = _pruned(trial, f"refused: {error}")
        except optuna.TrialPruned as pruned:
            ended = pruned
        shutil.rmtree(folder, ignore_errors=True)
        if ended is not None:
            raise ended
        return scores[-1]

    def _data_for(self, config: Config) -> Data:
        if config.picture != self._picture:
            read = load_data(self._data.dataset, config, self._groups, self._data.split)
            # A teacher looks at the cells themselves, so what it saw stays true.
            self._data, self._picture = dataclasses.replace(read, features=self._data.features), config.picture
        self._data = with_features(self._data, config, self._weights)
        return self._data


def settings_of(trial: Any, config: Config, space: Space) -> Config:
    """The whole settings of a finished trial, an `optuna.trial.FrozenTrial`."""
    return with_values(config, space.draw(optuna.trial.FixedTrial(trial.params)))


def _pruned(trial: Any, reason: str) -> optuna.TrialPruned:
    trial.set_user_attr(REASON, reason)
    return optuna.TrialPruned(reason)
