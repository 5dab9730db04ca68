"""Rows read back: equal to what was written, and damage is named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import OutputError
from edge_runtime.row import Row
from edge_runtime.rows import read_rows
from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.jsonl import JsonLinesSink
from edge_runtime.sinks.stream import LineStream

LABELS = ("all", "hem")
SUFFIXES = {".csv": CsvSink, ".jsonl": JsonLinesSink}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.integers(0, 2**40)
# Hostile in the ways names are: line ends, quotes, commas, and what spreadsheets or readers take for an end.
names = st.one_of(texts, st.text('\n\r",\u2028\\ a', max_size=10))
probabilities = st.floats(0, 1).map(lambda p: {"all": round(p, 4), "hem": round(1 - p, 4)})
answers = st.builds(
    Row,
    path=names,
    frame=st.none() | numbers,
    time=st.none() | st.just("2024-01-02T03:04:05.678Z"),
    cell=numbers,
    box=st.none() | st.tuples(numbers, numbers, numbers, numbers),
    label=st.sampled_from(LABELS),
    probabilities=probabilities,
    status=st.sampled_from(["ok", "uncertain"]),
    detail=names,
)
problems = st.builds(
    lambda path, detail, status: Row(path, None, None, None, None, None, {}, status, detail),
    names,
    names,
    st.sampled_from(["error", "skipped"]),
)


def write(path: Path, rows: list[Row]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        sink = SUFFIXES[path.suffix](LineStream(file, "here"), LABELS)
        for row in rows:
            sink.write(row)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(deadline=None, max_examples=50)
@given(rows=st.lists(answers | problems, max_size=5))
def test_rows_read_back_equal_those_that_were_written(
    rows: list[Row], suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / f"rows{suffix}"
    write(path, rows)
    assert list(read_rows(path, LABELS)) == rows


GOOD = Row('a "b"\n.png', 1, None, 0, (1, 2, 3, 4), "all", {"all": 0.75, "hem": 0.25}, "ok", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_reading_may_end_after_any_line_before_the_last(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    write(path, [GOOD] * 2)
    end = path.stat().st_size
    write(path, [GOOD] * 3)
    assert list(read_rows(path, LABELS, end=end)) == [GOOD] * 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_cut_off_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    write(path, [GOOD])
    start = path.stat().st_size
    write(path, [GOOD] * 2)
    whole = path.read_bytes()
    for length in range(start + 1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(OutputError, match="damaged after row 1"):
            list(read_rows(path, LABELS))


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b'{"path": "a"}\n', b"\xff\xfe\n", b"[]\n", b"7\n", b"\0" * 100 + b"\n"]
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_file_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    if suffix == ".jsonl" and not content:
        return  # no rows yet: JSON lines have no header
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="not a table of these labels"):
        list(read_rows(path, LABELS))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be read"):
        list(read_rows(tmp_path / "rows.csv", LABELS))
