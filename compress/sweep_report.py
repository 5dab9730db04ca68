"""The table and the plot of a sweep."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from compress.folds import Fold
from compress.invoke_latency import THREADS
from compress.pareto import plot_pareto
from compress.sweep import Row, Swept
from edge_runtime.findings.table import Table, interval_text
from edge_runtime.notice import RESEARCH_USE
from train.figures import write_png
from train.files import write_whole, writing
from train.tables import metric_name, signed

NAME = "sweep"
_SCORES = ("weighted_f1", "auroc", "ece")


def write_sweep(folder: Path, swept: Swept, folds: Sequence[Fold]) -> None:
    """Writes `sweep.md`, `sweep.csv` and `sweep.png`.

    Raises:
        TrainError: they cannot be written.
    """
    with writing(folder):
        write_png(plot_pareto(swept.rows), folder / f"{NAME}.png")
    write_whole(folder / f"{NAME}.csv", _numbers(swept.rows).encode())
    write_whole(folder / f"{NAME}.md", _page(swept, folds).encode())


def sweep_table(rows: Sequence[Row]) -> Table:
    """For people: a line a recipe."""
    header = (
        "",
        "recipe",
        "file, kB",
        "gzip, kB",
        "parameters",
        "zeros",
        "multiply-adds",
        *(f"its own, {_threads(count)}, ms" for count in THREADS),
        *(f"as float, {_threads(count)}, ms" for count in THREADS),
        *map(metric_name, _SCORES),
        "weighted F1 minus float",
        "flips",
        "gate",
    )
    return Table(header, tuple(_line(i, row) for i, row in enumerate(rows, 1)))


def _line(number: int, row: Row) -> tuple[str, ...]:
    size, apart = row.size, row.difference
    return (
        str(number),
        row.recipe,
        f"{size.file_bytes / 1000:.0f}",
        f"{size.gzip_bytes / 1000:.0f}",
        f"{size.parameters:,}",
        f"{size.zeros:.0%}",
        f"{size.multiply_adds / 1e6:.1f} M",
        *(f"{value:.3f}" for value in (*row.latency.model_ms, *row.latency.float_ms)),
        *(interval_text(row.scores[name]) for name in _SCORES),
        f"{signed(apart.value)} ({signed(apart.low)} to {signed(apart.high)})",
        f"{row.parity.flips:.2%}",
        "refused" if row.refusal else "passed",
    )


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _numbers(rows: Sequence[Row]) -> str:
    """For programs: all digits, a line a recipe."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    sizes = ("file_bytes", "gzip_bytes", "parameters", "zeros", "multiply_adds")
    clocks = [f"{kind}_ms_{count}" for kind in ("model", "float") for count in THREADS]
    scores = [f"{name}{end}" for name in (*_SCORES, "weighted_f1_minus_float") for end in ("", "_low", "_high")]
    writer.writerow(["recipe", *sizes, *clocks, *scores, "flips", "gate"])
    for row in rows:
        intervals = [*(row.scores[name] for name in _SCORES), row.difference]
        writer.writerow(
            [
                row.recipe,
                *(getattr(row.size, name) for name in sizes),
                *row.latency.model_ms,
                *row.latency.float_ms,
                *(value for found in intervals for value in (found.value, found.low, found.high)),
                row.parity.flips,
                row.refusal or "passed",
            ]
        )
    return file.getvalue()


def _page(swept: Swept, folds: Sequence[Fold]) -> str:
    numbers = ", ".join(str(fold.number) for fold in folds)
    groups = len(set(swept.float_.groups))
    reasons = [f"- `{name}`: {reason}" for name, reason in swept.failed.items()]
    reasons += [f"- `{row.recipe}` is refused: {row.refusal}" for row in swept.rows if row.refusal]
    chosen = "" if folds[0].judged == "report" else " They chose the float network's epoch, so its scores are too good."
    notes = "\n".join(["", "## Left out, or refused", "", *reasons, ""]) if reasons else ""
    return f"""# What compression buys: {folds[0].run.config.name}

{RESEARCH_USE}

Data: {folds[0].run.config.data}.
Judged on {len(swept.float_.cells)} cells of {groups} subject groups (fold {numbers}), each by a network neither fitted
nor compressed with them, run as a device runs it.{chosen}
Intervals are 95 %, from a bootstrap over subject groups; flips are labels that differ from the float network's. Sizes
are means over the folds. Times are medians of one inference of the first fold's file and of its float twin (the same
layers and weights), all timed in turn in one run on this machine: only their ratios mean something. Whoever picks the
best line has chosen by these people.

{sweep_table(swept.rows).markdown()}

![Weighted F1 against latency and against bytes](sweep.png)

Zeros shrink the download, not the time. Lines on the plot join what nothing beats in both; the bars are the intervals.
Dots that would hide each other stand side by side; the table has the numbers.
{notes}"""
