"""The parity matrix: what it counts, and that the ways which must agree do, on drawn cells."""

import pytest

from benchmarks.parity import Answer, Settings, answers_of, compare, markdown_of, parity_matrix
from benchmarks.pictures import sample_paths


def answer(first: float, pixels: str = "same") -> Answer:
    return Answer("", pixels, (first, 1 - first))


def test_flips_differences_and_equal_bits_are_counted() -> None:
    row = compare("x", [answer(0.4), answer(0.9), answer(0.7, "other")], [answer(0.6), answer(0.9), answer(0.7)])
    assert (row.pictures, row.flips, row.bit_equal, row.pixels_equal) == (3, 1, 2, 2)
    assert row.largest_difference == pytest.approx(0.2)
    assert not row.broken
    assert compare("x", [answer(0.9, "other")], [answer(0.9)], equality_due=True).broken
    assert not compare("x", [answer(0.9)], [answer(0.9)], equality_due=True).broken


def test_runs_over_other_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="1 answers beside 2"):
        compare("x", [answer(0.4)], [answer(0.4)] * 2)
    with pytest.raises(ValueError, match="0 answers"):
        compare("x", [], [])


def test_threads_change_no_bit_and_every_way_is_measured_or_named() -> None:
    rows, missing = parity_matrix(sample_paths(), emulated=0)
    assert not [row.way for row in rows if row.broken]
    assert any("threads" in row.way and row.equality_due for row in rows)
    assert all(row.pixels_equal == row.pictures == 12 for row in rows)
    text = markdown_of(rows, missing)
    assert "without XNNPACK" in text and ("tflite-runtime" in text)


def test_an_answer_is_what_the_command_computes() -> None:
    first, again = (answers_of(Settings(tuple(sample_paths()[:2]))) for _ in range(2))
    assert first == again and len({one.prepared for one in first}) == 2
