"""Two latency reports side by side: slower is flagged, and so is faster, which is as often a broken measurement."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.table import ReportError

TOLERANCE, NOISY_TOLERANCE = 0.15, 0.40

Verdict = Literal["same", "slower", "faster"]


@dataclass(frozen=True)
class Change:
    """One median in both reports.

    Attributes:
        name: of what was timed.
        before_ms: in the first report.
        after_ms: in the second.
        verdict: whether the change is within the tolerance.
    """

    name: str
    before_ms: float
    after_ms: float
    verdict: Verdict


def read_latency(path: Path) -> dict[str, Any]:
    """Reads what `python -m benchmarks latency` wrote.

    Raises:
        ReportError: not there, not readable or not such a file.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror}); give a latency.json") from None
    except ValueError:
        raise ReportError(f"{path}: not JSON; make it with `python -m benchmarks latency`") from None
    if not isinstance(document, dict) or not {"single_stream", "stages", "noise", "machine"} <= set(document):
        raise ReportError(f"{path}: no latency report; make it with `python -m benchmarks latency`")
    return document


def tolerance_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """The change of a median that says nothing: more where either machine was noisy."""
    return NOISY_TOLERANCE if before["noise"]["noisy"] or after["noise"]["noisy"] else TOLERANCE


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Compares the medians of the single stream, of the bare loop and of every stage.

    Raises:
        ReportError: reports of other shapes.
    """
    tolerance, changes = tolerance_of(before, after), []
    try:
        for name in ("from file to row", "bare loop", *before["stages"]):
            old, new = _median(before, name), _median(after, name)
            ratio = new / old
            verdict: Verdict = (
                "slower" if ratio > 1 + tolerance else "faster" if ratio < 1 / (1 + tolerance) else "same"
            )
            changes.append(Change(name, old, new, verdict))
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ReportError(f"reports of two versions cannot be compared ({error}); make both again") from None
    return changes


def markdown_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The comparison as a table, with what it must be read with."""
    machines = [f"{report['machine'].get('board') or report['machine'].get('cpu')}" for report in (before, after)]
    lines = [
        f"{machines[0]} -> {machines[1]}; changes within {tolerance_of(before, after):.0%} say nothing.",
        *(["", "**Two different machines.**"] if machines[0] != machines[1] else []),
        "",
        "| | before, ms | after, ms | ratio | |",
        "| --- | ---: | ---: | ---: | --- |",
        *(
            f"| {one.name} | {one.before_ms:.3f} | {one.after_ms:.3f} | {one.after_ms / one.before_ms:.2f} "
            f"| {one.verdict} |"
            for one in compare(before, after)
        ),
    ]
    return "\n".join(lines)


def _median(report: Mapping[str, Any], name: str) -> float:
    parts = {"from file to row": report["single_stream"], "bare loop": report["bare_loop"], **report["stages"]}
    return float(parts[name]["p50_ms"])
