"""The finder on BCCD's report half and on C-NMC's cells pasted into fields, and what measures it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.bccd import TrueField, read_half
from benchmarks.contact_sheet import Piece, draw_contact_sheet
from benchmarks.fields import Line
from benchmarks.finds import Finds, compare_boxes
from benchmarks.pictures import DATA_VARIABLE, cell_paths
from benchmarks.round_trip import FIELD_UM_PER_PIXEL, Counts, look_at, red_cell_tiles, resized, round_trip
from edge_runtime.classifier import Classifier
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from tests.conftest import ROOT

EVERY, CELLS = 2, 240


@pytest.fixture(scope="module")
def fields(data_root: Path) -> list[TrueField]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_VARIABLE, str(data_root))
        return read_half("report", every=EVERY)


@pytest.fixture(scope="module")
def cells(data_root: Path) -> list[PixelArray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_VARIABLE, str(data_root))
        return [np.asarray(cv2.imread(str(path)), np.uint8) for path in cell_paths(CELLS)]


@pytest.fixture(scope="module")
def rows(fields: list[TrueField]) -> list[Sequence[Row]]:
    classifier = Classifier.from_file()
    return [look_at(classifier, field.picture, None) for field in fields]


def test_white_cells_are_found_and_little_else(fields: list[TrueField], rows: list[Sequence[Row]]) -> None:
    """Over the whole report half `python -m benchmarks fields` measures 0.993, 0.968 and 0.893."""
    finds = [
        compare_boxes([row.box for row in found if row.box is not None], field.boxes)
        for field, found in zip(fields, rows, strict=True)
    ]
    overlaps = [overlap for one in finds for overlap in one.overlaps]
    assert len(overlaps) / (len(overlaps) + sum(len(one.missed) for one in finds)) >= 0.98
    assert len(overlaps) / (len(overlaps) + sum(len(one.false) for one in finds)) >= 0.93
    assert sum(overlap > 0.5 for overlap in overlaps) / len(overlaps) >= 0.83


def test_healthy_peoples_white_cells_are_not_called_leukemic(rows: list[Sequence[Row]]) -> None:
    """They are of other kinds and of another stain: nothing is known of them, and nothing is answered."""
    every = [row for found in rows for row in found]
    assert sum(row.status == "ok" for row in every) <= 0.02 * len(every)


def test_a_pasted_cell_is_found_and_answered_as_its_own_picture(
    fields: list[TrueField], cells: list[PixelArray]
) -> None:
    """Over 1,200 cells all are found, and the label is the same for 95 % of them: 98 % without any finder."""
    tiles = red_cell_tiles([field.picture for field in fields])
    counts = round_trip(Classifier.from_file(), cells, tiles, known_scale=True)
    assert counts.cells > 0.95 * CELLS
    assert counts.found >= 0.98 * counts.cells
    assert counts.same_label >= 0.93 * counts.found
    assert counts.answered >= 0.6 * counts.found and counts.same_answer >= 0.98 * counts.answered


@pytest.mark.parametrize("zoom", [0.7, 1.4])
def test_at_another_size_the_same_cells_are_found(fields: list[TrueField], zoom: float) -> None:
    classifier = Classifier.from_file()
    total = Counts()
    for field in fields[::2]:
        total += resized(classifier, field.picture, FIELD_UM_PER_PIXEL, zoom=zoom, known_scale=True)
    assert total.found >= 0.97 * total.cells
    assert total.same_status >= 0.93 * total.found


def test_the_halves_share_no_field(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(data_root))
    tuning, report = ({field.name for field in read_half(half)} for half in ("tuning", "report"))
    assert not tuning & report and len(tuning | report) == len(list((data_root / "bccd" / "images").iterdir()))


def test_a_find_belongs_to_the_box_that_holds_its_centre() -> None:
    true = [(0, 0, 10, 10), (20, 0, 10, 10), (40, 0, 10, 10)]
    finds = compare_boxes([(0, 0, 10, 5), (1, 0, 10, 10), (20, 0, 10, 10), (60, 0, 4, 4)], true)
    assert finds == Finds((pytest.approx(90 / 110), 1.0), ((40, 0, 10, 10),), ((0, 0, 10, 5), (60, 0, 4, 4)))  # type: ignore[arg-type]


def test_a_line_says_whether_its_target_is_reached() -> None:
    assert Line("a", "0.97", 0.97, 0.985).wanted == ">= 0.985: missed"
    assert Line("a", "4.0", 4.0, 5.0, at_most=True).wanted == "<= 5: reached"
    assert Line("a", "1").wanted == ""


def test_a_contact_sheet_shows_each_place_with_its_boxes() -> None:
    field = np.full((100, 120, 3), 200, np.uint8)
    box = (100, 80, 20, 20)  # at the border
    sheet = draw_contact_sheet(
        [Piece("1: missed", field, box, [box], []), Piece("2: false find", field, box, [], [box])]
    )
    green, red = sheet[:, :240], sheet[:, 240:480]
    assert (green == (40, 170, 40)).all(axis=2).any() and not (green == (40, 40, 220)).all(axis=2).any()
    assert (red == (40, 40, 220)).all(axis=2).any() and not (red == (40, 170, 40)).all(axis=2).any()
    assert draw_contact_sheet([]).any()


def test_without_the_fields_one_line_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "fields", "--quick", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert (
        done.stderr.splitlines()[-1] == "Error: no fields in bccd/images; set EDGE_CLASSIFY_DATA to the folder of bccd"
    )
