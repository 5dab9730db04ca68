"""A cell's stain is measured as density; one table brings it to another and leaves the black around it alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.errors import CompressError
from compress.reference import measure_scale
from compress.reference import measure_stain as mean_stain
from edge_runtime.bundle import Bundle
from edge_runtime.contract import InputSpec, StainReference
from edge_runtime.preprocess import PixelArray, prepare
from edge_runtime.stain import DENSITY, measure_stain, stain_table
from samples.draw import draw_cell

SPEC = InputSpec(crop=384, size=128, colour_order="bgr", interpolation="area", scale=1 / 255, offset=0.0)
CHANNEL = st.tuples(st.floats(0.3, 1.0), st.floats(0.03, 0.12))


def prepared(seed: int, *, leukemic: bool = True) -> PixelArray:
    return prepare(draw_cell(seed, leukemic=leukemic), SPEC)


def stain_of(pixels: PixelArray) -> StainReference:
    stain = measure_stain(pixels, "bgr")
    assert stain is not None
    return stain


def test_the_stain_is_that_of_the_cell_and_not_of_the_black_around_it() -> None:
    picture = np.zeros((128, 128, 3), np.uint8)
    cv2.circle(picture, (64, 64), 30, (80, 29, 68), -1)
    stain = stain_of(picture)
    assert stain.density == pytest.approx([DENSITY[68], DENSITY[29], DENSITY[80]], abs=1e-5)
    assert measure_stain(np.zeros((128, 128, 3), np.uint8), "bgr") is None


def test_the_order_of_the_colours_does_not_matter() -> None:
    pixels = prepared(1)
    assert measure_stain(np.ascontiguousarray(pixels[..., ::-1]), "rgb") == stain_of(pixels)


@given(st.integers(1, 40), st.booleans(), CHANNEL, CHANNEL, CHANNEL)
@settings(max_examples=25, deadline=None)
def test_the_table_brings_a_cell_to_any_stain(
    seed: int, leukemic: bool, red: tuple[float, float], green: tuple[float, float], blue: tuple[float, float]
) -> None:
    pixels = prepared(seed, leukemic=leukemic)
    wanted = StainReference((red[0], green[0], blue[0]), (red[1], green[1], blue[1]))
    table = stain_table(stain_of(pixels), wanted)
    got = stain_of(cv2.LUT(pixels, table).astype(np.uint8))
    assert got.density == pytest.approx(wanted.density, abs=0.02)
    assert got.deviation == pytest.approx(wanted.deviation, rel=0.25)
    assert (np.diff(table[0, 1:].astype(int), axis=0) >= 0).all()
    assert (table[0, 0] == 0).all() and (table[0, 1:] > 0).all()


def test_a_cell_of_the_wanted_stain_stays_as_it_is() -> None:
    pixels = prepared(3)
    stain = stain_of(pixels)
    assert (cv2.LUT(pixels, stain_table(stain, stain)) == pixels).all()


def test_scale_and_stain_are_measured_on_people_and_not_on_cells() -> None:
    small, large = (np.zeros((128, 128, 3), np.uint8) for _ in range(2))
    cv2.circle(small, (64, 64), 20, (80, 29, 68), -1)
    cv2.circle(large, (64, 64), 40, (120, 60, 100), -1)
    pixels = np.stack([small, large, large, large, small])
    groups = ["a", "b", "b", "b", "c"]
    # Two of three people have small cells, though most cells are large.
    assert measure_scale(pixels, groups, SPEC, cell_um=6.0) == pytest.approx(6.0 / (2 * 20 * 3), rel=0.03)
    wanted = (2 * np.array(stain_of(small).density) + np.array(stain_of(large).density)) / 3
    assert mean_stain(pixels, groups, SPEC).density == pytest.approx(wanted)


def test_black_pictures_give_no_reference() -> None:
    pixels = np.zeros((3, 128, 128, 3), np.uint8)
    with pytest.raises(CompressError, match="no scale"):
        measure_scale(pixels, ["a", "b", "c"], SPEC, cell_um=10.0)
    with pytest.raises(CompressError, match="no stain"):
        mean_stain(pixels, ["a", "b", "c"], SPEC)


def test_the_shipped_model_knows_its_scale_and_stain(default_bundle: Bundle) -> None:
    spec = default_bundle.contract.input
    # Lymphoid cells of 8 to 16 um fill a good part of the crop, and their nuclei take up green the most.
    assert spec.um_per_pixel is not None and spec.stain_reference is not None
    assert 16 < spec.crop * spec.um_per_pixel < 25
    red, green, blue = spec.stain_reference.density
    assert green > red > blue
