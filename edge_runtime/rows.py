"""Rows read back from a file of results, one after the other."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, get_args

from edge_runtime.errors import OutputError
from edge_runtime.row import Row, Status, columns

_BOX = ("x", "y", "width", "height")
_PROBABILITY = "p_"
# A longer line is none of ours: a path has at most 4,096 bytes (PATH_MAX), each at most four characters when escaped.
_LONGEST_LINE = 1_000_000


def read_rows(path: Path, labels: tuple[str, ...], *, end: int | None = None) -> Iterator[Row]:
    """Reads the rows that a CSV or JSON lines sink wrote, equal to those it was given; never all in memory.

    Args:
        path: ending in `.csv` or `.jsonl`.
        labels: of the model that gave the rows.
        end: read no further than this byte, which must end a line; None reads all.

    Raises:
        OutputError: the file cannot be read, has other columns, or holds something that is not a whole row.
    """
    parse = _json_rows if path.suffix.lower() == ".jsonl" else _csv_rows
    number = 0
    try:
        with open(path, "rb") as file:
            for number, row in enumerate(parse(_lines(file, end), labels), 1):  # noqa: B007 - for the message below
                yield row
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise OutputError(
            f"{path}: is not a table of these labels, or is damaged after row {number} ({error}); give another file"
        ) from None


def _lines(file: BinaryIO, end: int | None) -> Iterator[str]:
    position = 0
    while (end is None or position < end) and (line := file.readline(_LONGEST_LINE)):
        position += len(line)
        if not line.endswith(b"\n") or (end is not None and position > end):
            raise ValueError("a line is not whole")
        yield line.decode("utf-8")


def _json_rows(lines: Iterator[str], labels: tuple[str, ...]) -> Iterator[Row]:
    names = set(columns(labels))
    for line in lines:
        values = json.loads(line)
        if set(values) != names:
            raise ValueError("other columns")
        yield _row(values, labels)


def _csv_rows(lines: Iterator[str], labels: tuple[str, ...]) -> Iterator[Row]:
    names = columns(labels)
    records = csv.reader(lines, strict=True)
    if tuple(next(records, ())) != names:
        raise ValueError("other columns")
    types: dict[str, Callable[[str], Any]] = dict.fromkeys(("frame", "cell", *_BOX), int)
    types |= dict.fromkeys((f"{_PROBABILITY}{label}" for label in labels), float)
    for record in records:
        # Path and detail are never None, so an empty one is text; whatever else is empty is None.
        texts = zip(names, record, strict=True)
        yield _row(
            {name: types.get(name, str)(text) if text or name in ("path", "detail") else None for name, text in texts},
            labels,
        )


def _row(values: Mapping[str, Any], labels: tuple[str, ...]) -> Row:
    status = values["status"]
    if status not in get_args(Status):
        raise ValueError(f"no such status: {status}")
    box = [values[name] for name in _BOX]
    probabilities = {label: values[f"{_PROBABILITY}{label}"] for label in labels}
    return Row(
        path=values["path"],
        frame=values["frame"],
        time=values["time"],
        cell=values["cell"],
        box=(box[0], box[1], box[2], box[3]) if None not in box else None,
        label=values["label"],
        probabilities=probabilities if None not in probabilities.values() else {},
        status=status,
        detail=values["detail"],
    )
