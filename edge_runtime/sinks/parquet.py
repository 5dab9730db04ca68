"""Rows as Parquet: the CSV's columns with types, in row groups. Needs the extra `parquet`."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from edge_runtime.errors import OutputError
from edge_runtime.row import Row, columns

# So many are held in memory, some 20 MB of them; smaller groups make files that are slow to read.
ROWS_PER_GROUP = 16_384
_INTEGERS = frozenset({"frame", "cell", "x", "y", "width", "height"})
_TEXTS = frozenset({"path", "time", "label", "status", "detail"})


class ParquetSink(AbstractContextManager["ParquetSink"]):
    """Writes beside the wanted file and puts it in its place at the end, also of an interrupted run.

    A Parquet file cannot be read before its last byte is written: where a process may be killed, write CSV or JSON
    lines, or a file for each part (`--cluster`).
    """

    def __init__(self, path: Path, labels: tuple[str, ...], *, overwrite: bool) -> None:
        """Opens the file.

        Raises:
            OutputError: it is there and `overwrite` is not set, it cannot be written, or pyarrow is not installed.
        """
        if os.path.lexists(path) and not overwrite:
            raise OutputError(f"{path}: is already there; give --overwrite or another --output")
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise OutputError(
                f"{path}: Parquet needs pyarrow; pip install 'edge-classify[parquet]', or give a .csv or .jsonl"
            ) from None
        self._arrow = pyarrow
        self._path, self._overwrite = path, overwrite
        self._partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        self._labels = labels
        self._schema = pyarrow.schema([(name, _type(pyarrow, name)) for name in columns(labels)])
        self._columns: dict[str, list[Any]] = {name: [] for name in columns(labels)}
        self._held = 0
        try:
            self._file = open(self._partial, "wb")
        except (OSError, ValueError) as error:
            raise self._unwritable(error, "give another --output") from None
        self._writer = pyarrow.parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def write(self, row: Row) -> None:
        """Takes one row; it leaves the process with its row group.

        Raises:
            OutputError: the group cannot be written.
        """
        for name, value in row.values(self._labels).items():
            self._columns[name].append(value)
        self._held += 1
        if self._held == ROWS_PER_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        table = self._arrow.table(self._columns, schema=self._schema)
        for values in self._columns.values():
            values.clear()
        self._held = 0
        try:
            self._writer.write_table(table)
        except OSError as error:
            raise self._unwritable(error, f"what was written is kept in {self._partial}") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._held:
                self._write_group()
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._put_in_place()
        except OSError as problem:
            if kind is None:
                raise self._unwritable(problem, f"what was written is kept in {self._partial}") from None
        except OutputError:
            if kind is None:
                raise

    def _put_in_place(self) -> None:
        if os.path.lexists(self._path) and not self._overwrite:
            raise OutputError(f"{self._path}: has come to be meanwhile; the rows are in {self._partial}")
        os.replace(self._partial, self._path)

    def _unwritable(self, error: Exception, advice: str) -> OutputError:
        return OutputError(f"{self._path}: cannot be written ({getattr(error, 'strerror', None) or error}); {advice}")


def read_values(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """Reads rows back as columns, a row group at a time.

    Raises:
        ValueError: it is no Parquet file, or a damaged one.
        ImportError: pyarrow is not installed.
    """
    import pyarrow.parquet

    parquet = pyarrow.parquet.ParquetFile(file)  # its errors are ValueErrors
    for group in range(parquet.num_row_groups):
        yield from parquet.read_row_group(group).to_pylist()


def _type(arrow: Any, name: str) -> Any:
    if name in _INTEGERS:
        return arrow.int64()
    return arrow.string() if name in _TEXTS else arrow.float64()
