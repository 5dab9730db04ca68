"""The parity matrix: what it counts, and that the ways which must agree do, on drawn cells."""

import json
from pathlib import Path

import pytest

from benchmarks.parity import Answer, Settings, answers_of, compare, markdown_of
from benchmarks.parity_matrix import REFERENCE, measure_parity, write_parity
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


def test_threads_change_no_bit_and_every_way_is_measured_or_named(tmp_path: Path) -> None:
    pictures = sample_paths()[:3]
    measured = measure_parity(pictures, emulated=0)
    rows = {row.way: row for row in measured.rows}
    assert not [row.way for row in measured.rows if row.broken]
    assert all(row.pixels_equal == row.pictures == 3 for row in measured.rows)
    several = [row for row in measured.rows if " threads" in row.way]
    assert several and all(row.against.endswith("1 thread") for row in several)
    for row in several:  # TFLite's own float kernels sum in another order with each number of threads
        assert row.equality_due != row.way.startswith("float32, LiteRT, without XNNPACK"), row.way
    assert rows["float32, LiteRT, without XNNPACK, 1 thread"].against == REFERENCE
    unmeasured = "\n".join(measured.missing)
    assert "quantization-aware graph, tf_keras: give --run" in unmeasured and "--emulated 0" in unmeasured
    assert "int8, tflite-runtime, XNNPACK, 1 thread" in rows or "int8, tflite-runtime: not installed" in unmeasured
    write_parity(measured, tmp_path)
    assert json.loads((tmp_path / "parity.json").read_text("utf-8"))["pictures"] == [path.name for path in pictures]
    answers = json.loads((tmp_path / "answers" / "int8-litert-xnnpack-1-thread.json").read_text("utf-8"))
    assert [tuple(one["probabilities"]) for one in answers] == [
        one.probabilities for one in measured.answers[REFERENCE]
    ]
    assert "without XNNPACK" in markdown_of(measured.rows, measured.missing)


def test_an_answer_is_what_the_command_computes() -> None:
    first, again = (answers_of(Settings(tuple(sample_paths()[:2]))) for _ in range(2))
    assert first == again and len({one.prepared for one in first}) == 2
