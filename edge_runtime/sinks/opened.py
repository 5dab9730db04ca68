"""The sink that the command's options ask for."""

import sys
from contextlib import ExitStack
from pathlib import Path

from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.jsonl import JsonLinesSink
from edge_runtime.sinks.lines import Lines
from edge_runtime.sinks.sink import Sink
from edge_runtime.sinks.stream import LineStream
from edge_runtime.sinks.suffixes import WHOLE_SUFFIX
from edge_runtime.sinks.table import TableSink


def open_sink(stack: ExitStack, output: Path | None, labels: tuple[str, ...], *, overwrite: bool) -> Sink:
    """Opens a new sink; without an output a table on the terminal, CSV when piped.

    Raises:
        OutputError: it is there already and must not be replaced, or cannot be written.
    """
    if output is None:
        stream = LineStream.to_standard_output()
        return TableSink(stream, labels) if sys.stdout.isatty() else CsvSink(stream, labels)
    if output.suffix.lower() == WHOLE_SUFFIX:
        from edge_runtime.sinks.parquet import ParquetSink

        return stack.enter_context(ParquetSink(output, labels, overwrite=overwrite))
    return sink_into(stack.enter_context(LineStream.to_file(output, overwrite=overwrite)), output, labels)


def sink_into(lines: Lines, output: Path, labels: tuple[str, ...]) -> Sink:
    """CSV or JSON lines, by the suffix of `output`, into what is open already."""
    return JsonLinesSink(lines, labels) if output.suffix.lower() == ".jsonl" else CsvSink(lines, labels)
