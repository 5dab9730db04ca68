"""The JSON of a benchmark run as a Markdown table."""

import json
from pathlib import Path
from typing import Any

_HEADER = ("benchmark", "p50 ms", "p90 ms", "p99 ms", "rounds", "beside it", "target")
_ALIGNMENT = ("---", "---:", "---:", "---:", "---:", "---", "---")
# Rounds from which a percentile is more than the slowest round.
_LEAST_ROUNDS = {"p50_ms": 1, "p90_ms": 10, "p99_ms": 100}

# 1-minute load average at the start above which other programs were running.
_QUIET_LOAD = 0.5


class ReportError(Exception):
    """A file that no table can be made of; the message says what to do."""


def read_report(path: Path) -> dict[str, Any]:
    """Reads what `pytest benchmarks --benchmark-json` wrote.

    Raises:
        ReportError: not there, not readable or not such a file.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReportError(f"{path}: no such file; `make bench` makes benchmarks/results/latest.json") from None
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror}); give another file") from None
    except ValueError:
        raise ReportError(f"{path}: not JSON; make it again with `make bench`") from None
    if not isinstance(document, dict) or "benchmarks" not in document or "machine_info" not in document:
        raise ReportError(f"{path}: not written by pytest-benchmark; make it with `make bench`")
    return document


def markdown_of(report: dict[str, Any]) -> str:
    """Makes the table, the machine above it.

    Args:
        report: from `read_report`.

    Raises:
        ReportError: written by other benchmarks than these.
    """
    try:
        # Single calls before whole processes.
        entries = sorted(report["benchmarks"], key=lambda entry: -entry["stats"]["rounds"])
        lines = [*_machine(report), "", _line(_HEADER), _line(_ALIGNMENT), *(_line(_cells(entry)) for entry in entries)]
        sources = {entry["extra_info"]["pictures"] for entry in report["benchmarks"] if _has(entry, "pictures")}
    except (AttributeError, KeyError, TypeError) as error:
        raise ReportError(f"not written by these benchmarks ({error}); make it with `make bench`") from None
    return "\n".join([*lines, "", f"Pictures: {'; '.join(sorted(sources)) or 'none'}."])


def _machine(report: dict[str, Any]) -> list[str]:
    facts = report["machine_info"]["device"]
    told = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items() if value is not None)
    lines = [f"Measured {report['datetime'][:10]}: {told}."]
    if facts["load_at_start"] > _QUIET_LOAD:
        lines += ["", "**The machine was not idle at the start: ratios hold better than times.**"]
    return lines


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    extra, rounds = entry["extra_info"], entry["stats"]["rounds"]
    times = [_time(extra[name]) if rounds >= least else "" for name, least in _LEAST_ROUNDS.items()]
    return (_title(entry), *times, str(rounds), _beside(extra), _target(extra))


def _title(entry: dict[str, Any]) -> str:
    name, _, parameters = entry["name"].removeprefix("test_").partition("[")
    title = name.replace("_", " ")
    return f"{title}, {parameters.removesuffix(']')}" if parameters else title


def _time(value_ms: float) -> str:
    """Three digits that matter."""
    if value_ms >= 100:
        return f"{value_ms:,.0f}"
    return f"{value_ms:.1f}" if value_ms >= 10 else f"{value_ms:.2f}" if value_ms >= 1 else f"{value_ms:.3f}"


def _beside(extra: dict[str, Any]) -> str:
    if "ratio" in extra:
        return f"{extra['ratio']:.2f} x `{extra['against']}` ({_time(extra['against_p50_ms'])} ms)"
    if "peak_mb" in extra:
        return (
            f"peak {extra['peak_mb']:.0f} MB, {extra['growth_mb']:+.1f} MB from {extra['few_pictures']} pictures on, "
            f"{extra['pictures_per_s']:.0f} pictures/s"
        )
    return ""


def _target(extra: dict[str, Any]) -> str:
    if "target" not in extra:
        return ""
    return f"{extra['target']}: {'reached' if extra['reached'] else 'missed'}"


def _has(entry: dict[str, Any], name: str) -> bool:
    return name in entry["extra_info"]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
