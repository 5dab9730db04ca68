"""Parquet: the columns of the CSV with types, whole or not there."""

import csv
import math
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from edge_runtime.errors import OutputError
from edge_runtime.row import Row, columns
from edge_runtime.rows import read_rows
from edge_runtime.sinks import parquet
from edge_runtime.sinks.parquet import ParquetSink
from tests.conftest import RunCli

LABELS = ("all", "hem")


def rows(count: int) -> list[Row]:
    time = "2026-01-01T00:00:00.000Z"
    return [
        Row(f'a/{i},\n".png', None, None, None, None, None, {}, "error", "cut off")
        if i % 5 == 0
        else Row(f"b/{i}.tif", i, time, 0, (i, 1, 2, 3), "all", {"all": 0.75, "hem": 0.25}, "ok", "")
        for i in range(count)
    ]


def test_rows_survive_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 10)
    path, wanted = tmp_path / "rows.parquet", rows(37)
    with ParquetSink(path, LABELS, overwrite=False) as sink:
        for row in wanted:
            sink.write(row)
        assert not path.exists()
    assert pyarrow.parquet.ParquetFile(path).num_row_groups == math.ceil(37 / 10)
    assert list(read_rows(path, LABELS)) == wanted
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.parquet"]


def test_an_interrupted_run_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with pytest.raises(KeyboardInterrupt), ParquetSink(path, LABELS, overwrite=False) as sink:
        sink.write(rows(2)[1])
        raise KeyboardInterrupt
    assert list(read_rows(path, LABELS)) == [rows(2)[1]]


def test_no_rows_give_a_table_without_rows(tmp_path: Path) -> None:
    with ParquetSink(tmp_path / "rows.parquet", LABELS, overwrite=False):
        pass
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert (table.num_rows, tuple(table.column_names)) == (0, columns(LABELS))


def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text("mine")
    with pytest.raises(OutputError, match="is already there; give --overwrite"):
        ParquetSink(path, LABELS, overwrite=False)
    with ParquetSink(path, LABELS, overwrite=True):
        assert path.read_text() == "mine"
    assert pyarrow.parquet.read_table(path).num_rows == 0


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        ParquetSink(tmp_path / "gone" / "rows.parquet", LABELS, overwrite=False)


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(OutputError, match="is damaged"):
        list(read_rows(tmp_path / "rows.parquet", LABELS))


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputError, match=r"pip install 'edge-classify\[parquet\]'"):
        ParquetSink(tmp_path / "rows.parquet", LABELS, overwrite=False)


def test_the_command_writes_the_same_rows_as_csv(samples: Path, tmp_path: Path, run_cli: RunCli) -> None:
    for name in ("rows.csv", "rows.parquet"):
        assert run_cli(samples, "--output", tmp_path / name).returncode == 0
    lines = list(csv.DictReader((tmp_path / "rows.csv").read_text("utf-8").splitlines()))
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in table] == lines
