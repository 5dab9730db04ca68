"""Rows as JSON lines: the CSV's columns as keys, null where the CSV is empty."""

import json

from edge_runtime.row import Row
from edge_runtime.sinks.lines import Lines


class JsonLinesSink:
    """Writes one object a row."""

    def __init__(self, stream: Lines, labels: tuple[str, ...]) -> None:
        """Takes the stream."""
        self._stream = stream
        self._labels = labels

    def write(self, row: Row) -> None:
        """Writes one row."""
        self._stream.write(json.dumps(row.values(self._labels), ensure_ascii=False) + "\n")
