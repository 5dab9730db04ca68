"""The search space of a study: which settings are varied, the values each may take, and what is aimed at."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edge_runtime.strict_json import StrictJsonError, read_value
from train.config import Config, read_document, with_values
from train.errors import TrainError

DEFAULT_SPACE = Path(__file__).parent / "tune.toml"
# Scores of the out-of-fold answers, and which way is better.
OBJECTIVES = {"auroc": "maximize", "weighted_f1": "maximize", "brier": "minimize"}
# Which person is in which part and fold follows from these; a study must not choose whom it is judged on.
_FIXED = ("name", "data", "split", "fit.seed")


@dataclass(frozen=True)
class Real:
    """Any number from `low` to `high`, drawn evenly, or evenly in its logarithm."""

    kind: Literal["float", "log"]
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.kind == "log" and self.low <= 0):
            raise ValueError("low must be below high, and over 0 where kind is 'log'")

    @property
    def edges(self) -> tuple[Any, ...]:
        """Values that the settings must take for all others to be taken too."""
        return self.low, self.high

    def draw(self, trial: Any, key: str) -> float:
        """The value that an `optuna.Trial` tries."""
        return float(trial.suggest_float(key, self.low, self.high, log=self.kind == "log"))


@dataclass(frozen=True)
class Whole:
    """Any whole number from `low` to `high`, drawn evenly."""

    kind: Literal["int"]
    low: int
    high: int

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError("low must be below high")

    @property
    def edges(self) -> tuple[Any, ...]:
        """As in `Real`."""
        return self.low, self.high

    def draw(self, trial: Any, key: str) -> int:
        """As in `Real`."""
        return int(trial.suggest_int(key, self.low, self.high))


@dataclass(frozen=True)
class Choice:
    """One of some values of any type; a study keeps them as JSON text, because it knows no lists."""

    texts: tuple[str, ...]

    @property
    def edges(self) -> tuple[Any, ...]:
        """As in `Real`."""
        return tuple(map(json.loads, self.texts))

    def draw(self, trial: Any, key: str) -> Any:
        """As in `Real`."""
        return json.loads(trial.suggest_categorical(key, self.texts))


Range = Real | Whole | Choice


@dataclass(frozen=True)
class Space:
    """Dotted keys of the settings, such as `fit.learning_rate`, and the range of each."""

    ranges: dict[str, Range]

    def draw(self, trial: Any) -> dict[str, Any]:
        """The values that an `optuna.Trial` tries, by key."""
        return {key: own.draw(trial, key) for key, own in self.ranges.items()}

    def asdict(self) -> dict[str, Any]:
        """As plain values, so that two spaces can be compared once one was written down."""
        return {key: dataclasses.asdict(own) for key, own in self.ranges.items()}


def read_space(path: Path, config: Config) -> Space:
    """Reads a search space and tries its values on the settings, one key at a time.

    Raises:
        TrainError: not TOML, not a range, or a key or value that the settings refuse; the message names it.
    """
    ranges = {}
    for key, table in _leaves(read_document(path, TrainError), "", path):
        if any(key == fixed or key.startswith(f"{fixed}.") for fixed in _FIXED):
            raise TrainError(f"{path}: {key} may not be searched: a study must not choose whom it is judged on")
        try:
            ranges[key] = _read_range(table)
            for value in ranges[key].edges:
                with_values(config, {key: value})
        except (StrictJsonError, TrainError) as error:
            raise TrainError(f"{path}: {key}: {error}") from None
    if not ranges:
        raise TrainError(f"{path}: nothing to search; name a key of the settings and its range")
    return Space(ranges)


def _leaves(table: dict[str, Any], prefix: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table that has a `kind`, with its dotted key."""
    for name, value in table.items():
        key = f"{prefix}{name}"
        if not isinstance(value, dict):
            raise TrainError(f'{path}: {key} must be a range, such as {{ kind = "float", low = 0.0, high = 1.0 }}')
        if "kind" in value:
            yield key, value
        else:
            yield from _leaves(value, f"{key}.", path)


def _read_range(table: dict[str, Any]) -> Range:
    kind = table["kind"]
    if kind != "choice":
        return read_value(table, Whole) if kind == "int" else read_value(table, Real)
    values = table.get("values")
    if set(table) != {"kind", "values"} or not isinstance(values, list) or len(values) < 2:
        raise StrictJsonError("a choice has `values`, a list of two or more, and nothing else")
    return Choice(tuple(json.dumps(value, default=str) for value in values))
