"""What was measured of the peers, as tables."""

from collections.abc import Mapping
from typing import Any

from benchmarks.peers.peer import BARE, OURS

Rows = list[tuple[str, ...]]
_HEADS = ("", "version", "p50 ms", "p90 ms", "p99 ms", "times ours", "processor ms", "times ours", "labels that differ")


def rows_of(measured: Mapping[str, Any]) -> Rows:
    """A head, and a row a peer; processor time is that of all its threads, which other programs lengthen least."""
    return [
        _HEADS,
        *(
            (
                str(row["name"]),
                str(row["version"]),
                *(f"{row[name]:.2f}" for name in ("p50_ms", "p90_ms", "p99_ms")),
                f"{row['ratio']:.2f}",
                f"{row['cpu_p50_ms']:.2f}",
                f"{row['cpu_ratio']:.2f}",
                str(row["labels_differ"]),
            )
            for row in measured["rows"]
        ),
    ]


def notes_of(measured: Mapping[str, Any]) -> list[str]:
    """Lines below the table: the targets, the network alone, and what could not be measured."""
    by_name = {row["name"]: row for row in measured["rows"]}
    notes = [f"{measured['pictures']}, {measured['queries']:,} times each, in turn, one thread each."]
    notes.append(
        "Processes differ by tenths of a millisecond in how their memory lies: how far ours is above the bare loop "
        "is what the single stream says, which runs both in one process."
    )
    faster = [name for name, row in by_name.items() if name not in (OURS.name, BARE.name) and row["cpu_ratio"] < 1]
    notes.append(f"Every other peer is slower than ours: {'missed by ' + ', '.join(faster) if faster else 'reached'}.")
    network = measured["network"]
    if network:
        notes.append(
            f"The network alone: ours {network['ours_p50_ms']:.3f} ms, litert-benchmark "
            f"{network['litert_benchmark_p50_ms']:.2f} ms ({network['ratio']:.2f} times ours, without copies)."
        )
    notes += [f"Not measured: {name}: {reason}." for name, reason in measured["missing"].items()]
    return notes


def markdown_of(measured: Mapping[str, Any]) -> str:
    """The table and its notes."""
    head, *body = rows_of(measured)
    lines = [head, ("---", "---", *["---:"] * (len(head) - 2)), *body]
    return "\n\n".join(["\n".join(f"| {' | '.join(line)} |" for line in lines), *notes_of(measured)])
