"""What a count gives away: CSV, the overruled cells as a data set for training, a report to print."""

import csv
import io
import zipfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.errors import CountError
from edge_runtime.live.cell import TAKEN_OUT
from edge_runtime.live.count import Count
from edge_runtime.live.export import csv_of, training_zip_of
from edge_runtime.live.report import report_of
from edge_runtime.preprocess import PixelArray
from samples.draw import draw_cell
from tests.test_live_count import LABELS, meet, row, started
from train.dataset import load_picture, read_dataset


def _png(picture: PixelArray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def counted() -> Count:
    """Three cells: one overruled, one taken out, one as the model says."""
    count = started()
    count.name_slide("P07/2")
    for i, label in enumerate(("all", "hem", "all")):
        picture = draw_cell(i, leukemic=label == "all")
        count.meet(row(label), thumbnail=lambda: b"jpeg", picture=partial(_png, picture))
    count.overrule(1, "hem")
    count.overrule(2, TAKEN_OUT)
    return count


def test_the_csv_keeps_the_model_s_answer_and_the_verdict_apart() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_of(counted().record(), LABELS))))
    assert [(r["number"], r["slide"], r["label"], r["status"], r["verdict"], r["counted_as"]) for r in rows] == [
        ("1", "P07/2", "all", "ok", "hem", "hem"),
        ("2", "P07/2", "hem", "ok", "out", ""),
        ("3", "P07/2", "all", "ok", "", "all"),
    ]
    assert rows[0]["p_all"] == "0.9" and rows[0]["x"] == "1"


def test_training_reads_the_overruled_cells(tmp_path: Path) -> None:
    count = counted()
    count.overrule(3, "all")  # what was right is worth a label too
    with zipfile.ZipFile(io.BytesIO(training_zip_of(count.record(), LABELS))) as archive:
        archive.extractall(tmp_path)
    dataset = read_dataset(tmp_path / "cells.csv")
    assert [(cell.subject, cell.label) for cell in dataset.cells] == [("P07/2", "hem"), ("P07/2", "all")]
    for cell, seed in zip(dataset.cells, (0, 2), strict=True):
        assert np.array_equal(load_picture(cell), draw_cell(seed, leukemic=True))


def test_an_export_for_training_needs_a_name_and_a_verdict() -> None:
    count = started()
    meet(count, "all")
    with pytest.raises(CountError, match="no cell was overruled"):
        training_zip_of(count.record(), LABELS)
    count.overrule(1, "hem")
    with pytest.raises(CountError, match="has no name"):
        training_zip_of(count.record(), LABELS)


def test_the_report_says_what_a_person_changed_and_what_it_is_not_for() -> None:
    html = report_of(counted().record(), model="m<1>")
    assert "Research use only; not a medical device." in html
    assert "50.0 % ALL of 2 cells (95 % interval 9.5 % to 90.5 %)" in html
    assert "1: <b>HEM</b><br>model: ALL 0.90" in html and "2: <b>taken out</b>" in html
    assert "m&lt;1&gt;" in html and "m<1>" not in html
    assert 'src="data:' in html and "http" not in html


def test_an_empty_count_has_a_report_too() -> None:
    html = report_of(Count(LABELS).record(), model="m")
    assert "No cell is decided yet." in html and "not yet" in html
