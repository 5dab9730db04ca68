"""Rows as a table for the terminal, line by line."""

import shutil

from edge_runtime.row import Row
from edge_runtime.sinks.stream import LineStream

_LABEL_WIDTH, _STATUS_WIDTH, _NARROWEST_PATH = 8, 9, 12


class TableSink:
    """Writes one line a row: picture, label, probability, status."""

    def __init__(self, stream: LineStream, labels: tuple[str, ...]) -> None:
        """Writes the header."""
        self._stream = stream
        self._label_width = max(_LABEL_WIDTH, *map(len, labels))
        fixed = self._label_width + len("probability") + _STATUS_WIDTH + 3 * 2
        self._path_width = max(_NARROWEST_PATH, min(60, shutil.get_terminal_size().columns - fixed))
        self._line("picture", "label", "probability", "status")

    def write(self, row: Row) -> None:
        """Writes one row."""
        name = row.path if row.frame is None else f"{row.path} #{row.frame}"
        probability = f"{row.probabilities[row.label]:.3f}" if row.label is not None else ""
        status = f"error: {row.detail}" if row.status == "error" else row.status
        self._line(name, row.label or "", probability, status)

    def _line(self, name: str, label: str, probability: str, status: str) -> None:
        name = "".join(c if c.isprintable() else "?" for c in name)  # a name must not steer the terminal
        if len(name) > self._path_width:
            name = "…" + name[-self._path_width + 1 :]
        self._stream.write(
            f"{name:<{self._path_width}}  {label:<{self._label_width}}  {probability:>11}  {status}".rstrip() + "\n"
        )
