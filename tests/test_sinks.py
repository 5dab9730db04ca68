"""Where rows go: CSV, JSON lines, a table, and files that cannot be written."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import OutputError
from edge_runtime.row import Row, columns
from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.jsonl import JsonLinesSink
from edge_runtime.sinks.stream import LineStream
from edge_runtime.sinks.table import TableSink

LABELS = ("all", "hem")
NAMES = ["a.png", "a, b.png", 'say "cell".png', "line\nbreak.png", "return\r.png", "\u00e4 \u6f22\u2028.png", " a "]


def row(path: str, detail: str = "") -> Row:
    probabilities = {"all": 0.9, "hem": 0.1}
    return Row(path, 3, "2024-01-02T03:04:05.678Z", 0, (1, 2, 30, 40), "all", probabilities, "ok", detail)


def bad(path: str, detail: str) -> Row:
    return Row(path, None, None, None, None, None, {}, "error", detail)


def test_the_columns_are_those_of_the_manual() -> None:
    assert ",".join(columns(LABELS)) == (
        "path,frame,time,cell,x,y,width,height,label,probability,p_all,p_hem,status,detail"
    )


def written(tmp_path: Path, sink: type[CsvSink] | type[JsonLinesSink] | type[TableSink], *rows: Row) -> str:
    path = tmp_path / "rows"
    with LineStream.to_file(path, overwrite=True) as stream:
        out = sink(stream, LABELS)
        for each in rows:
            out.write(each)
    return path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_csv_reads_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    text = written(tmp_path, CsvSink, row(name), bad(name, f"because of {name}"))
    good, broken = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(good) == columns(LABELS)
    assert good == {
        "path": name,
        "frame": "3",
        "time": "2024-01-02T03:04:05.678Z",
        "cell": "0",
        "x": "1",
        "y": "2",
        "width": "30",
        "height": "40",
        "label": "all",
        "probability": "0.9",
        "p_all": "0.9",
        "p_hem": "0.1",
        "status": "ok",
        "detail": "",
    }
    assert (broken["path"], broken["status"], broken["detail"]) == (name, "error", f"because of {name}")
    assert {value for key, value in broken.items() if key not in ("path", "status", "detail")} == {""}


@pytest.mark.parametrize("name", NAMES)
def test_json_lines_read_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    text = written(tmp_path, JsonLinesSink, row(name), bad(name, f"because of {name}"))
    good, broken = map(json.loads, text.rstrip("\n").split("\n"))
    assert good == row(name).values(LABELS)
    assert tuple(good) == columns(LABELS)
    assert (broken["path"], broken["label"], broken["p_all"], broken["x"]) == (name, None, None, None)


def test_the_table_shows_label_probability_and_problem(tmp_path: Path) -> None:
    head, good, broken = written(tmp_path, TableSink, row("a.png"), bad("b.png", "the file is empty")).splitlines()
    assert head.split() == ["picture", "label", "probability", "status"]
    assert good.split() == ["a.png", "#3", "all", "0.900", "ok"]
    assert broken.split(maxsplit=1) == ["b.png", "error: the file is empty"]


@given(st.text(max_size=200).filter(lambda text: all(ord(c) < 0xD800 or ord(c) > 0xDFFF for c in text)))
def test_a_name_cannot_steer_the_terminal(name: str) -> None:
    stream = io.StringIO()
    TableSink(LineStream(stream, "here"), LABELS).write(row(name))
    assert stream.getvalue().count("\n") == 2
    assert all(c.isprintable() for c in stream.getvalue().replace("\n", ""))


def test_a_long_name_keeps_its_end(tmp_path: Path) -> None:
    line = written(tmp_path, TableSink, row("folder/" * 40 + "cell.png")).splitlines()[1]
    assert line.startswith("\u2026")
    assert "/cell.png #3  all" in line


def test_a_row_has_left_the_process_when_write_returns(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with LineStream.to_file(path, overwrite=False) as stream:
        sink = CsvSink(stream, LABELS)
        for count in range(1, 4):
            sink.write(row("a.png"))
            assert len(path.read_text().splitlines()) == 1 + count


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("results of last week\n")
    with pytest.raises(OutputError, match=r"rows\.csv: is already there; give --overwrite"):
        LineStream.to_file(path, overwrite=False)
    assert path.read_text() == "results of last week\n"


def test_an_existing_file_is_replaced_when_asked(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("results of last week\n" * 100)
    assert "last week" not in written(tmp_path, CsvSink, row("a.png"))


@pytest.mark.parametrize("name", ["absent/rows.csv", ".", "x" * 300, "a\0b"])
def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        LineStream.to_file(tmp_path / name, overwrite=True)


def test_a_full_disk_ends_the_run_with_the_reason() -> None:
    with (
        pytest.raises(OutputError, match=r"/dev/full: cannot be written \(No space left on device\)"),
        LineStream.to_file(Path("/dev/full"), overwrite=True) as stream,
    ):
        CsvSink(stream, LABELS)


def test_rows_before_a_failure_are_kept(tmp_path: Path) -> None:
    """The disk fills in the middle: what was written stays, and the file is closed."""
    path = tmp_path / "rows.csv"
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with (
            pytest.raises(OutputError, match="the rows written so far are kept"),
            LineStream.to_file(path, overwrite=False) as stream,
        ):
            sink = CsvSink(stream, LABELS)
            sink.write(row("a.png"))
            os.dup2(full, stream._file.fileno())
            sink.write(row("b.png"))
    finally:
        os.close(full)
    assert [line["path"] for line in csv.DictReader(path.read_text().splitlines())] == ["a.png"]
