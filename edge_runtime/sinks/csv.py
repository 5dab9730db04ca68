"""Rows as CSV (RFC 4180 quoting, `\\n` line ends), a header first."""

import csv

from edge_runtime.row import Row, columns
from edge_runtime.sinks.stream import LineStream


class CsvSink:
    """Writes one line a row; None is an empty field."""

    def __init__(self, stream: LineStream, labels: tuple[str, ...]) -> None:
        """Writes the header."""
        self._labels = labels
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(columns(labels))

    def write(self, row: Row) -> None:
        """Writes one row."""
        self._writer.writerow(row.values(self._labels).values())
