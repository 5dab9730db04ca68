"""The latency report as Markdown, and as one HTML page with its plots in it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from benchmarks.peers.table import notes_of, rows_of
from edge_runtime.notice import RESEARCH_USE

FLOOR_TARGET = 1.15  # of ours over the bare loop, from file to row
_TIMES = ("p50_ms", "p90_ms", "p99_ms", "max_ms")
_WIDTH, _HEIGHT, _LEFT, _BAR = 760, 220, 260, 22
_INK, _FILL = "#1b2733", "#2f6f9f"
_STYLE = (
    f"body{{font:15px/1.5 system-ui,sans-serif;color:{_INK};max-width:60rem;margin:2rem auto;padding:0 1rem}}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ccd;padding:.25rem .8rem;"
    "text-align:right}td:first-child,th:first-child{text-align:left}svg{max-width:100%}"
    "p.warn{background:#fdf1d8;padding:.6rem 1rem}svg text{font:12px system-ui,sans-serif}"
)

Table = tuple[str, list[tuple[str, ...]]]


def markdown_of(report: Mapping[str, Any]) -> str:
    """The whole report as Markdown tables."""
    parts = ["# Latency", *_facts(report)]
    for title, rows in _tables(report):
        header, *body = rows
        lines = [header, ("---", *["---:"] * (len(header) - 1)), *body]
        parts += [f"## {title}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    parts += _peer_notes(report)
    return "\n\n".join([*parts, RESEARCH_USE]) + "\n"


def page_of(report: Mapping[str, Any]) -> str:
    """The whole report as one HTML page that needs no other file."""
    facts = [f'<p class="{"warn" if fact.startswith("Noisy") else ""}">{escape(fact)}</p>' for fact in _facts(report)]
    medians = {stage: values["p50_ms"] for stage, values in report["stages"].items()}
    cold = report["cold"]["p50_ms"]
    kernels = {f"{name} ({report['kernels']['delegate']})": n for name, n in report["kernels"]["delegated"].items()}
    kernels |= {f"{name} (runtime)": count for name, count in report["kernels"]["own"].items()}
    plots = [
        ("Latency of a picture, from file to row, up to the 99th percentile", _histogram(report["histogram"])),
        ("Stages, median", _bars(medians, "ms")),
        ("A cold process, median", _bars(cold, "ms")),
        ("Operators of the network in their order, and what each takes", _bars(_operators(report), "ms")),
        ("What runs them", _bars(kernels, "")),
    ]
    if "peers" in report:
        shown = {row["name"]: row["cpu_p50_ms"] for row in report["peers"]["rows"]}
        plots.insert(1, ("From file to label, processor time, median", _bars(shown, "ms")))
    body = "".join(f"<h2>{escape(title)}</h2>{svg}" for title, svg in plots)
    tables = "".join(f"<h2>{escape(title)}</h2>{_html_table(rows)}" for title, rows in _tables(report))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Latency of edge-classify</title>'
        f"<style>{_STYLE}</style></head><body><h1>Latency of edge-classify</h1>{''.join(facts)}{body}{tables}"
        f"{''.join(f'<p>{escape(note)}</p>' for note in _peer_notes(report))}<p>{RESEARCH_USE}</p></body></html>\n"
    )


def _facts(report: Mapping[str, Any]) -> list[str]:
    told = "; ".join(
        f"{name.replace('_', ' ')} {_flat(value)}" for name, value in report["machine"].items() if value is not None
    )
    facts = [f"Measured on: {told}.", f"Pictures: {report['pictures']}."]
    if report["noise"]["noisy"]:
        reasons = "; ".join(report["noise"]["reasons"])
        facts.append(f"Noisy machine ({reasons}): ratios hold better than times, and comparisons allow more.")
    return facts


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        told = ", ".join(f"{name.replace('_', ' ')} {one}" for name, one in value.items() if one is not None)
        return f"({told})"
    return str(value)


def _tables(report: Mapping[str, Any]) -> list[Table]:
    heads = ("", "p50 ms", "p90 ms", "p99 ms", "max ms")
    stream = {
        "from file to row": report["single_stream"],
        "bare loop: decode, resize, invoke": report["bare_loop"],
        **report["stages"],
    }
    start, cold, memory, offline = report["start"], report["cold"], report["memory"], report["offline"]
    others = [
        ("ours against the bare loop", f"{report['bare_loop']['ratio']:.2f} x"),
        (f"the same in processor time, wanted <= {FLOOR_TARGET}", f"{report['bare_loop']['cpu_ratio']:.2f} x"),
        ("offline", f"{offline['pictures_per_s']:.0f} pictures/s over {offline['pictures']}"),
        ("load the model, warm process", f"{start['load_p50_ms']:.1f} ms"),
        ("first picture after loading", f"{start['first_p50_ms']:.2f} ms"),
        *((f"cold: {name}", f"{value:.0f} ms") for name, value in cold["p50_ms"].items()),
        ("others' share of a cold picture", f"{cold['share_of_others']:.0%}"),
        ("peak memory, one picture", f"{memory['first_picture_mb']:.0f} MB"),
        ("peak memory, many pictures", f"{memory['peak_mb']:.0f} MB"),
        ("model file", f"{report['model_bytes']:,} bytes"),
    ]
    return [
        (
            f"Single stream, {report['single_stream']['queries']:,} pictures",
            [heads, *((name, *_times(values)) for name, values in stream.items())],
        ),
        (
            "The network by threads",
            [
                heads,
                *(
                    (f"{threads} thread{'s' * (threads != '1')}", *_times(values))
                    for threads, values in report["threads"].items()
                ),
            ],
        ),
        (
            "The network by operators, 1 thread",
            [("", "p50 ms"), *((name, f"{value:.3f}") for name, value in _operators(report).items())],
        ),
        ("Others", [("", "measured"), *others]),
        *([("Peers, from file to label", rows_of(report["peers"]))] if "peers" in report else []),
    ]


def _operators(report: Mapping[str, Any]) -> dict[str, float]:
    """Milliseconds by number, type and shape; what noise made negative is nothing."""
    return {f"{i} {own['name']}": max(0.0, own["ms"]) for i, own in enumerate(report["operators"], 1)}


def _peer_notes(report: Mapping[str, Any]) -> list[str]:
    """What stands below the last table."""
    return notes_of(report["peers"]) if "peers" in report else []


def _times(values: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{values[name]:.3f}" for name in _TIMES)


def _html_table(rows: Sequence[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in body]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _bars(values: Mapping[str, float], unit: str) -> str:
    """Horizontal bars, one a name, its value at the end."""
    largest, room = max(values.values(), default=1) or 1, _WIDTH - _LEFT - 80
    drawn = []
    for i, (name, value) in enumerate(values.items()):
        y, width = i * (_BAR + 6), max(1.0, room * value / largest)
        shown = f"{value:.3g} {unit}".strip()
        drawn.append(
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{_FILL}"/>'
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 15}">{escape(shown)}</text>'
        )
    return _svg(len(values) * (_BAR + 6), drawn)


def _histogram(data: Mapping[str, Sequence[float]]) -> str:
    counts, edges = data["counts"], data["edges_ms"]
    largest, step = max(counts) or 1, _WIDTH / len(counts)
    drawn = [
        f'<rect x="{i * step:.1f}" y="{_HEIGHT * (1 - count / largest):.1f}" width="{step - 1:.1f}" '
        f'height="{_HEIGHT * count / largest:.1f}" fill="{_FILL}"/>'
        for i, count in enumerate(counts)
    ]
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        value = edges[0] + share * (edges[-1] - edges[0])
        drawn.append(f'<text x="{share * _WIDTH}" y="{_HEIGHT + 18}" text-anchor="{anchor}">{value:.2f} ms</text>')
    return _svg(_HEIGHT + 26, drawn)


def _svg(height: float, drawn: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img">{"".join(drawn)}</svg>'
