"""The report's plots: confusion, ROC, precision and recall, reliability, risk, and every cell by subject."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from edge_runtime.findings.charts import COLOURS
from edge_runtime.findings.table import percent, quoted
from edge_runtime.scoring.bootstrap import group_draws, percentile_interval
from edge_runtime.scoring.confusion import confusion
from edge_runtime.scoring.ranking import Curve, Ranking
from train.figures import DASHES, INK, WIDTH_INCHES, in_our_look
from train.metrics import ECE_BINS, answers_of, ece_bins
from train.predictions import Predictions
from train.selective import coverage_curve
from train.tables import ABSTAINED, subjects_by_label

Floats = npt.NDArray[np.float64]
Line = tuple[Floats, Floats]

BAND_DRAWS = 200

_GRID = np.linspace(0, 1, 201)
_BAND_OPACITY = 0.18
_DEEPEST_SHADE = 0.6  # so that ink is read on it, on a white page and on a black one
_LEGEND_INCHES, _ROW_INCHES = 0.25, 0.24
_FEWEST_ANSWERED = 0.02  # of the cells; the risk of fewer is a matter of single cells


@in_our_look
def plot_confusion(predictions: Predictions) -> Figure:
    """Cells by true label (rows) and answer (columns), shaded by the share of the row."""
    labels = predictions.labels
    answers = answers_of(predictions.probabilities)
    counts = confusion(predictions.targets, answers, len(labels), np.ones(len(answers)))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = _axes(0.75 * WIDTH_INCHES)
    for (row, column), count in np.ndenumerate(counts):
        shade = _DEEPEST_SHADE * shares[row, column]
        axes.fill_between([column - 0.5, column + 0.5], row - 0.5, row + 0.5, color=COLOURS[0], alpha=shade, lw=0)
        axes.text(column, row, f"{count:.0f}\n{percent(shares[row, column], 1)}", ha="center", va="center")
    last = len(labels) - 0.5
    axes.set(xlim=(-0.5, last), ylim=(last, -0.5), xlabel="answer", ylabel="truth")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    return figure


@in_our_look
def plot_roc(models: dict[str, Predictions], *, draws: int = BAND_DRAWS) -> Figure:
    """Sensitivity for the first label against 1 - specificity; the dots are the operating points.

    Args:
        models: predictions by name, on the same cells.
        draws: over subject groups, for the 95 % band of the first model; 0 for none.
    """
    figure, axes = _axes(WIDTH_INCHES + _LEGEND_INCHES * len(models))
    axes.plot([0, 1], [0, 1], ":", color=INK, lw=0.8)
    _curves(figure, axes, models, _roc, lambda curve: f"AUROC {curve.auroc():.3f}", draws)
    for i, predictions in enumerate(models.values()):
        answered, positive = answers_of(predictions.probabilities) == 0, predictions.targets == 0
        axes.plot(answered[~positive].mean(), answered[positive].mean(), "o", color=COLOURS[i % len(COLOURS)])
    axes.set(xlabel="1 - specificity", ylabel=f"sensitivity for {quoted(_first(models).labels[0])}")
    return figure


@in_our_look
def plot_precision_recall(models: dict[str, Predictions], *, draws: int = BAND_DRAWS) -> Figure:
    """Precision against recall for the first label; dotted is its share of the cells, which chance reaches.

    Args:
        models: predictions by name, on the same cells.
        draws: over subject groups, for the 95 % band of the first model; 0 for none.
    """
    figure, axes = _axes(WIDTH_INCHES + _LEGEND_INCHES * len(models))
    axes.axhline((_first(models).targets == 0).mean(), ls=":", color=INK, lw=0.8)
    _curves(figure, axes, models, _recall_precision, lambda curve: f"AUPRC {curve.average_precision():.3f}", draws)
    label = quoted(_first(models).labels[0])
    axes.set(xlabel=f"recall: share of {label} found", ylabel=f"precision: share of {label} among those answered so")
    return figure


@in_our_look
def plot_reliability(predictions: Predictions, *, draws: int = BAND_DRAWS) -> Figure:
    """The share right against the probability of the answer, in the bins of the ECE; below, the cells in each.

    Args:
        predictions: of the model.
        draws: over subject groups, for the 95 % bars; 0 for none.
    """
    confidence = predictions.probabilities.max(axis=1)
    right = answers_of(predictions.probabilities) == predictions.targets
    bins = ece_bins(confidence)
    cells = np.bincount(bins, minlength=ECE_BINS)
    held = np.flatnonzero(cells)

    def shares(weights: Floats) -> Floats:
        total = np.bincount(bins, weights, ECE_BINS)[held]
        return np.where(total > 0, np.bincount(bins, weights * right, ECE_BINS)[held] / np.maximum(total, 1), np.nan)

    x, y = np.bincount(bins, confidence, ECE_BINS)[held] / cells[held], shares(np.ones(len(bins)))
    figure = Figure((WIDTH_INCHES, WIDTH_INCHES), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    axes.plot([0, 1], [0, 1], ":", color=INK, lw=0.8)
    low, high = _bounds(y, [shares(w) for w in _draws(predictions, draws)])
    axes.vlines(x, low, high, color=COLOURS[0], alpha=0.4, lw=5)
    axes.plot(x, y, "o-", color=COLOURS[0])
    axes.set(xlim=(1 / len(predictions.labels) - 0.02, 1.02), ylim=(0, 1.02), ylabel="share of answers right")
    below.bar((held + 0.5) / ECE_BINS, cells[held], 0.9 / ECE_BINS, color=COLOURS[0])
    below.set(xlabel="probability of the answer", ylabel="cells")
    return figure


@in_our_look
def plot_risk(models: dict[str, Predictions]) -> Figure:
    """The share of answers that are wrong, when only the surest are given; the dots are shares of abstention.

    Args:
        models: predictions by name, on the same cells.
    """
    figure, axes = _axes(0.8 * WIDTH_INCHES + _LEGEND_INCHES * len(models))
    handles: list[Any] = []
    for i, predictions in enumerate(models.values()):
        coverage = coverage_curve(predictions.probabilities, predictions.targets)
        enough = coverage.share >= _FEWEST_ANSWERED
        style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "ls": DASHES[i % len(DASHES)]}
        share, risk = coverage.share[enough], 1 - coverage.accuracy[enough]
        handles += axes.plot(share, risk, **style)
        axes.plot(1 - np.array(ABSTAINED), np.interp(1 - np.array(ABSTAINED), share, risk), "o", color=style["color"])
    axes.set(xlim=(0, 1.02), xlabel="share of the cells answered, the surest first", ylabel="share of answers wrong")
    axes.set_ylim(bottom=0)
    _legend(figure, handles, list(models))
    return figure


@in_our_look
def plot_subjects(predictions: Predictions, *, seed: int = 0) -> Figure:
    """Every cell a dot at the probability of the first label, every subject a row, the share right beside it.

    Args:
        predictions: of the model.
        seed: of the heights of the dots within their row, which mean nothing.
    """
    rows = subjects_by_label(predictions)
    right = answers_of(predictions.probabilities) == predictions.targets
    heights = np.random.default_rng(seed).uniform(-0.33, 0.33, len(right))
    figure, axes = _axes(_ROW_INCHES * len(rows) + 1.1)
    axes.axvline(0.5, ls=":", color=INK, lw=0.8)
    handles: list[Any] = []
    for i, label in enumerate(predictions.labels):
        chosen = [(row, k) for row, ((_, own, _), members) in enumerate(rows.items()) if own == label for k in members]
        y, cells = np.array([row for row, _ in chosen]), [k for _, k in chosen]
        # A dot each, as elements, would make a page of megabytes.
        style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "alpha": 0.6, "rasterized": True}
        axes.plot(predictions.probabilities[cells, 0], y + heights[cells], "o", ms=2.2, mew=0, **style)
        handles += axes.plot([], [], "o", ms=6, color=COLOURS[i % len(COLOURS)])
    for row, members in enumerate(rows.values()):
        axes.text(1.03, row, percent(right[members].mean()), va="center")
    axes.text(1.03, -1.1, "right", va="center")
    axes.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.4, -0.6), xlabel=f"probability of {quoted(predictions.labels[0])}")
    axes.set_yticks(range(len(rows)), [subject for subject, _, _ in rows])
    axes.tick_params(axis="y", length=0)
    _legend(figure, handles, [f"truly {quoted(label)}" for label in predictions.labels], columns=4)
    return figure


def _axes(height_inches: float) -> tuple[Figure, Any]:
    figure = Figure((WIDTH_INCHES, height_inches), layout="constrained")
    return figure, figure.subplots()


def _legend(figure: Figure, handles: Sequence[Any], names: Sequence[str], columns: int = 1) -> None:
    """Below the axes, where long names have room."""
    figure.legend(handles, names, loc="outside lower center", ncols=columns)


def _first(models: dict[str, Predictions]) -> Predictions:
    return next(iter(models.values()))


def _draws(predictions: Predictions, draws: int) -> Any:
    return group_draws(predictions.targets, predictions.groups, draws=draws)


def _curves(
    figure: Figure,
    axes: Any,
    models: dict[str, Predictions],
    line_of: Callable[[Curve], Line],
    score_of: Callable[[Curve], str],
    draws: int,
) -> None:
    """A line for each model, a band for the first, and the legend."""
    handles, names = [], []
    for i, (name, predictions) in enumerate(models.items()):
        ranking = Ranking(predictions.probabilities[:, 0], predictions.targets == 0)
        curve = ranking.curve(np.ones(len(predictions.targets)))
        x, y = line_of(curve)
        handles += axes.plot(x, y, color=COLOURS[i % len(COLOURS)], ls=DASHES[i % len(DASHES)])
        names.append(f"{name}: {score_of(curve)}")
        if i == 0 and draws:
            drawn = [ranking.curve(weights) for weights in _draws(predictions, draws)]
            lines = [np.interp(_GRID, *line_of(curve)) for curve in drawn if curve.defined]
            axes.fill_between(
                _GRID, *_bounds(np.interp(_GRID, x, y), lines), color=COLOURS[0], alpha=_BAND_OPACITY, lw=0
            )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    _legend(figure, handles, names)


def _roc(curve: Curve) -> Line:
    return curve.mistaken / curve.mistaken[-1], curve.found / curve.found[-1]


def _recall_precision(curve: Curve) -> Line:
    found, mistaken = curve.found[1:], curve.mistaken[1:]
    return found / found[-1], found / (found + mistaken)


def _bounds(values: Floats, drawn: Sequence[Floats]) -> Line:
    """The 95 % interval at each of the values, from draws `[draws, values]`; the values themselves without draws."""
    if not drawn:
        return values, values
    intervals = [percentile_interval(value, column) for value, column in zip(values, np.transpose(drawn), strict=True)]
    return np.array([i.low for i in intervals]), np.array([i.high for i in intervals])
