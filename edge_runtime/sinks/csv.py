"""Rows as CSV: RFC 4180 quoting, Unix line ends, a header first."""

import csv
import io
from collections.abc import Iterable

from edge_runtime.row import Row, Value, columns
from edge_runtime.sinks.lines import Lines


class CsvSink:
    """Writes one line a row; None is an empty field."""

    def __init__(self, stream: Lines, labels: tuple[str, ...], *, uptime: bool = False) -> None:
        """Writes the header, unless an earlier run did.

        Args:
            stream: takes the lines.
            labels: of the model.
            uptime: whether a last column `uptime` gives the row's.
        """
        self._stream = stream
        self._labels = labels
        self._uptime = uptime
        if not stream.begun:
            self._line([*columns(labels), *(["uptime"] if uptime else [])])

    def write(self, row: Row) -> None:
        """Writes one row."""
        self._line([*row.values(self._labels).values(), *([row.uptime_s] if self._uptime else [])])

    def _line(self, values: Iterable[Value]) -> None:
        line = io.StringIO()
        csv.writer(line).writerow(values)  # only with its own line ends, CR LF, does it quote a CR in a name
        self._stream.write(line.getvalue().removesuffix("\r\n") + "\n")
