"""Ablation: the base settings and each variant cross-validated on the same folds, and what each change is worth."""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_runtime.contract import Interval
from edge_runtime.findings.table import Table, interval_text
from train.config import Config
from train.crossval import Crossval, answer_changed, crossvalidate
from train.dataset import Dataset, several_labels
from train.errors import TrainError
from train.files import write_whole
from train.groups import groups_of
from train.metrics import Drawn, draw_scores
from train.predictions import Predictions
from train.robustness import CHANGES
from train.subjects import by_subject
from train.tables import metric_name, signed
from train.teaching import RememberingTeacher
from train.variants import BASE, folder_of

log = logging.getLogger(__name__)

TABLE = "ablation"
SCALES = ("scale x 0.85", "scale x 1.15")
_BY_CELL = ("weighted_f1", "balanced_accuracy", "auroc", "ece")
_BY_SUBJECT = "auroc"
_COLUMNS = (*map(metric_name, _BY_CELL), f"{metric_name(_BY_SUBJECT)} by subject", *SCALES)


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
        scores: each column's score with its interval.
        differences: each column's score minus the base's on the same draws of subject groups; empty for the base.
    """

    scores: dict[str, Interval]
    differences: dict[str, Interval]


def ablate(
    dataset: Dataset,
    base: Config,
    variants: Mapping[str, Config],
    groups: dict[str, str],
    out: Path,
    *,
    folds: int,
    only: Sequence[str] = (),
    weights: Path = Path(),
    on_epoch: Callable[[str, int, dict[str, float]], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> dict[str, Row]:
    """Cross-validates the base and the variants, each in a folder of its own; an interrupted ablation goes on.

    The table is written anew after each variant, as Markdown and as CSV, and holds the base and those judged so far.

    Args:
        dataset: the cells; read once for all settings of the same picture.
        base: the settings that all are compared with.
        variants: the settings of each, by name.
        groups: the group of each subject that is not alone.
        out: the folder; made when absent.
        folds: of each cross-validation.
        only: names of the variants wanted; all when empty.
        weights: the folder that holds the pretrained files.
        on_epoch: told variant, fold and the numbers of each finished epoch.
        on_step: told the steps done and the steps of the epoch, after each step.

    Raises:
        TrainError: a name that is no variant, a group with several labels, or as `crossvalidate` raises it.
        PictureError: a cell cannot be read.
    """
    unknown = sorted(set(only) - set(variants))
    if unknown:
        raise TrainError(f"no variant {unknown[0]!r}; there are {', '.join(map(repr, variants))}")
    own = groups_of([cell.subject for cell in dataset.cells], groups)
    by_group = [dataclasses.replace(cell, subject=group) for cell, group in zip(dataset.cells, own, strict=True)]
    for group, (one, other) in several_labels(by_group).items():
        raise TrainError(
            f"subject group {group} has cells labelled {one.label!r} and {other.label!r}; an ablation compares people: "
            "give each label a group of its own"
        )
    wanted = {name: config for name, config in variants.items() if not only or name in only}
    rows: dict[str, Row] = {}
    compared: dict[str, Drawn] = {}
    ready: Crossval | None = None
    ask = RememberingTeacher()
    for name, config in {BASE: base, **wanted}.items():
        log.info("%s", name)
        seen = ready.data if ready is not None and ready.config.picture == config.picture else None
        ready = crossvalidate(
            dataset,
            config,
            groups,
            out / folder_of(name),
            folds=folds,
            weights=weights,
            data=seen,
            ask=ask,
            on_epoch=on_epoch and partial(on_epoch, name),
            on_step=on_step,
        )
        drawn = _draw(ready.predictions, answer_changed(ready, {scale: CHANGES[scale] for scale in SCALES}))
        compared = compared or drawn
        rows[name] = Row(_scores(drawn), {} if name == BASE else _differences(drawn, compared))
        for suffix, text in ((".md", table(rows).markdown() + "\n"), (".csv", numbers(rows).csv())):
            write_whole(out / f"{TABLE}{suffix}", text.encode())
    return rows


def _draw(predictions: Predictions, scaled: dict[str, Predictions]) -> dict[str, Drawn]:
    """The scores on the draws of cells as they are, of people, and of scaled cells."""
    cells = (predictions.targets, predictions.groups)
    people = by_subject(predictions.probabilities, *cells)
    return {
        "": draw_scores(predictions.probabilities, *cells),
        "people": draw_scores(people.probabilities, people.targets, people.groups),
        **{name: draw_scores(own.probabilities, *cells) for name, own in scaled.items()},
    }


def _scores(drawn: dict[str, Drawn]) -> dict[str, Interval]:
    return _by_column({name: own.intervals() for name, own in drawn.items()})


def _differences(drawn: dict[str, Drawn], base: dict[str, Drawn]) -> dict[str, Interval]:
    return _by_column({name: own.minus(base[name]) for name, own in drawn.items()})


def _by_column(measured: dict[str, dict[str, Interval]]) -> dict[str, Interval]:
    values = [*(measured[""][name] for name in _BY_CELL), measured["people"][_BY_SUBJECT]]
    return dict(zip(_COLUMNS, [*values, *(measured[scale]["weighted_f1"] for scale in SCALES)], strict=True))


def table(rows: Mapping[str, Row]) -> Table:
    """For people: a line of scores for each variant and, but for the base, one of differences from it.

    The columns of scaled pictures hold the weighted F1 on them.
    """
    lines = []
    for name, row in rows.items():
        lines.append((name, *(interval_text(row.scores[column]) for column in _COLUMNS)))
        if row.differences:
            lines.append((f"{name}, minus {BASE}", *(_difference_text(row.differences[c]) for c in _COLUMNS)))
    return Table(("", *_COLUMNS), tuple(lines))


def _difference_text(found: Interval) -> str:
    return f"{signed(found.value)} ({signed(found.low)} to {signed(found.high)})"


def numbers(rows: Mapping[str, Row]) -> Table:
    """For programs: one line a variant and score, with interval and difference; the difference of the base is 0."""
    nothing = Interval(0.0, 0.0, 0.0)
    lines = []
    for name, row in rows.items():
        for column in _COLUMNS:
            score, found = row.scores[column], row.differences.get(column, nothing)
            each = (score.value, score.low, score.high, found.value, found.low, found.high)
            lines.append((name, column, *(f"{value:.6f}" for value in each)))
    header = ("variant", "score", "value", "low", "high", "difference", "difference_low", "difference_high")
    return Table(header, tuple(lines))
