"""What the guard's benchmark shows: pictures of the kinds it names, counted one by one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.guard import Catch, markdown_of
from benchmarks.intruders import CHANGED, DRAWN, SIDE, away, clumped, cut
from edge_runtime.contract import Interval
from edge_runtime.preprocess import read_picture
from tests.conftest import ROOT


@pytest.mark.parametrize("kind", DRAWN)
def test_a_drawing_follows_from_its_seed(kind: str) -> None:
    one, same, other = (DRAWN[kind](np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (one.shape, one.dtype) == ((SIDE, SIDE, 3), np.uint8)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_dirt_lies_on_black_and_a_scene_does_not() -> None:
    drawn = {kind: draw(np.random.default_rng(0)).any(axis=2).mean() for kind, draw in DRAWN.items()}
    assert all(0.01 < drawn[kind] < 0.7 for kind in ("even discs", "specks of dirt", "fibres")), drawn
    assert drawn["scenes, as photographs are"] > 0.95


@pytest.mark.parametrize("kind", CHANGED)
def test_a_changed_cell_is_another_and_the_cell_stays(kind: str, samples: Path) -> None:
    cell = read_picture(samples / "cell-01.png")
    before = cell.copy()
    changed = CHANGED[kind](cell)
    np.testing.assert_array_equal(cell, before)
    assert changed.dtype == np.uint8 and changed.shape[2] == 3
    assert changed.shape != cell.shape or (changed != cell).mean() > 0.01


def test_a_cell_is_cut_moved_and_doubled(samples: Path) -> None:
    cell = read_picture(samples / "cell-01.png")
    size = np.count_nonzero(cell.any(axis=2))
    assert np.count_nonzero(cut(cell).any(axis=2)) == pytest.approx(size / 2, rel=0.2)
    assert np.count_nonzero(away(cell).any(axis=2)) == size
    assert np.count_nonzero(clumped(cell).any(axis=2)) == pytest.approx(2 * size, rel=0.3)


def test_the_table_holds_shares_with_intervals_and_what_is_missing() -> None:
    text = markdown_of([Catch("noise", 10, 9, 10)], ["no fields"], Interval(0.009, 0.005, 0.014))
    assert "| noise | 10 | 0.900 (0.596 to 0.982) | 1.000 |" in text
    assert "Not shown: no fields." in text and "0.009 (0.005 to 0.014)" in text
    assert "Research use only" in text


def test_the_command_shows_what_it_can_draw_where_there_are_no_data(tmp_path: Path) -> None:
    out = tmp_path / "guard.md"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "guard", "--pictures", "2", "--out", out],
        cwd=ROOT,
        env={**os.environ, "EDGE_CLASSIFY_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == out.read_text("utf-8")
    assert done.stdout.count("| drawn: ") == len(DRAWN)
    assert done.stdout.count("Not shown: ") == 2
