"""Accuracy against what it costs: every recipe a numbered dot, and the line of those that nothing beats."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from compress.sweep import Row
from edge_runtime.findings.charts import COLOURS
from train.figures import INK, WIDTH_INCHES, in_our_look

_HEIGHT_INCHES, _ROW_INCHES = 5.2, 0.2
_COLUMNS = 3
_SPREAD = 1.25  # room at both ends of a logarithmic axis, as a factor
_DOT = 0.04  # of the width and of the height of the axes
# Where a logarithmic axis has its labels: when it spans less than a power of ten, and when more.
_CLOSE, _FAR = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0)


@in_our_look
def plot_pareto(rows: Sequence[Row]) -> Figure:
    """Weighted F1 with its interval against one inference with one thread, and against the bytes of the file."""
    lines = -(-len(rows) // _COLUMNS)
    figure = Figure((2 * WIDTH_INCHES, _HEIGHT_INCHES + _ROW_INCHES * lines), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    handles = _panel(left, rows, [row.latency.model_ms[0] for row in rows])
    _panel(right, rows, [row.size.file_bytes / 1000 for row in rows])
    left.set(xlabel="one inference, one thread, ms", ylabel="weighted F1")
    right.set(xlabel="file, kB")
    names = [f"{i} {row.recipe}{'  (refused)' if row.refusal else ''}" for i, row in enumerate(rows, 1)]
    figure.legend(handles, names, loc="outside lower center", ncols=_COLUMNS)
    return figure


def front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """The positions that nothing beats: none is at least as good and costs less, or as cheap and better; by cost.

    Args:
        costs: less is better.
        values: more is better.
    """
    kept: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -values[i])):
        if not kept or values[i] > values[kept[-1]]:
            kept.append(i)
    return kept


def _panel(axes: Any, rows: Sequence[Row], costs: Sequence[float]) -> list[Any]:
    values = [row.scores["weighted_f1"].value for row in rows]
    best = front(costs, values)
    axes.plot([costs[i] for i in best], [values[i] for i in best], color=INK, lw=0.8, ls=":")
    handles = []
    for i, (row, cost) in enumerate(zip(rows, _apart(rows, costs), strict=True)):
        colour = COLOURS[_kind(row.recipe) % len(COLOURS)]
        found = row.scores["weighted_f1"]
        axes.plot([cost, cost], [found.low, found.high], color=colour, lw=1.2, alpha=0.35)
        fill = "white" if row.refusal else colour
        handles += axes.plot(cost, found.value, "o", ms=13, color=colour, mfc=fill, ls="none")
        ink = colour if row.refusal else "white"
        axes.annotate(str(i + 1), (cost, found.value), ha="center", va="center_baseline", fontsize=8, color=ink)
    axes.set_xscale("log")
    low, high = min(costs) / _SPREAD, max(costs) * _SPREAD
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=_CLOSE if high < 10 * low else _FAR))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    return handles


def _apart(rows: Sequence[Row], costs: Sequence[float]) -> list[float]:
    """Where the dots stand: those that would hide each other are moved a little towards the dearer side."""
    found = [row.scores["weighted_f1"] for row in rows]
    height = max(own.high for own in found) - min(own.low for own in found)
    step = (max(costs) / min(costs) * _SPREAD**2) ** _DOT
    places: list[float] = []
    for own, cost in zip(found, costs, strict=True):
        near = [
            place for place, other in zip(places, found, strict=False) if abs(other.value - own.value) < _DOT * height
        ]
        for place in sorted(near):
            if cost / step < place < cost * step:
                cost = place * step
        places.append(cost)
    return places


def _kind(name: str) -> int:
    """One colour each: channels removed, zeros, int8 alone, float."""
    parts = name.split("_")
    if any(part.startswith("ch") for part in parts):
        return 1
    if any(part.startswith("sp") for part in parts):
        return 2
    return 3 if parts[0] == "fp32" else 0
