"""The traits of a prepared picture are what their names say, however the picture lies."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.preprocess import PixelArray
from edge_runtime.traits import TRAITS, measure
from samples.draw import draw_cell

SIDE = 128
STAIN = (68, 29, 80)  # red, green, blue of a violet nucleus


def ellipse(
    half_axes: tuple[int, int], *, centre: tuple[int, int] = (64, 64), colour: tuple[int, ...] = STAIN
) -> PixelArray:
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    cv2.ellipse(pixels, centre, half_axes, 0, 0, 360, colour, -1)
    return pixels


def traits_of(pixels: PixelArray) -> dict[str, float]:
    return dict(zip(TRAITS, measure(pixels, "rgb"), strict=True))


def cell(seed: int) -> PixelArray:
    picture = draw_cell(seed, leukemic=bool(seed % 2))
    return np.ascontiguousarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)[:, :, ::-1])


def test_size_and_outline_are_those_of_the_drawn_ellipse() -> None:
    traits = traits_of(ellipse((40, 20)))
    assert math.exp(traits["area"]) == pytest.approx(math.pi * 40 * 20 / SIDE**2, rel=0.06)
    assert math.exp(traits["elongation"] ** 2) == pytest.approx(2, rel=0.03)
    assert math.exp(traits["raggedness"]) == pytest.approx(0.01, abs=0.005)


def test_two_pieces_are_ragged_and_a_far_cell_is_off_the_middle() -> None:
    pieces = np.maximum(ellipse((15, 15), centre=(34, 64)), ellipse((15, 15), centre=(94, 64)))
    assert traits_of(pieces)["raggedness"] > traits_of(ellipse((21, 21)))["raggedness"] + 2
    far = traits_of(ellipse((20, 20), centre=(90, 64)))["distance from the middle"]
    assert math.exp(far) - 0.003 == pytest.approx(26.5 / SIDE, abs=0.01)


def test_stain_is_the_optical_density_of_the_channels() -> None:
    red, green, blue = (-math.log10(value / 255) for value in STAIN)
    traits = traits_of(ellipse((30, 30)))
    assert traits["stain density"] == pytest.approx((red + green + blue) / 3, abs=1e-5)
    assert traits["red to green"] == pytest.approx(math.log(red / green), abs=1e-5)
    assert traits["red to blue"] == pytest.approx(math.log(red / blue), abs=1e-5)


def test_agreement_is_the_correlation_of_the_densities_off_the_rim() -> None:
    noise = np.random.default_rng(0).normal(0, 8, (SIDE, SIDE, 3))
    pixels = np.where(cell(1).any(axis=2, keepdims=True), np.clip(cell(1) + noise, 1, 255), 0).astype(np.uint8)
    inside = cv2.erode((pixels.max(axis=2) > 16).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    correlation = np.corrcoef(-np.log10(pixels[inside] / 255.0).T)
    assert correlation[[0, 1], [1, 2]].max() < 0.95  # so that none is cut off
    traits = traits_of(pixels)
    assert math.tanh(traits["agreement of red and green"]) == pytest.approx(correlation[0, 1], abs=1e-3)
    assert math.tanh(traits["agreement of green and blue"]) == pytest.approx(correlation[1, 2], abs=1e-3)


def test_blurring_takes_detail_away() -> None:
    sharp = cell(2)
    blurred = np.where(sharp.any(axis=2, keepdims=True), cv2.GaussianBlur(sharp, (0, 0), 2), 0).astype(np.uint8)
    assert traits_of(blurred)["fine detail"] < traits_of(sharp)["fine detail"]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 50), turns=st.integers(0, 3), mirror=st.booleans())
def test_turning_and_mirroring_change_nothing(seed: int, turns: int, mirror: bool) -> None:
    pixels = cell(seed)
    turned = np.rot90(pixels[:, ::-1] if mirror else pixels, turns)
    assert measure(np.ascontiguousarray(turned), "rgb") == pytest.approx(measure(pixels, "rgb"), abs=1e-4)


def test_the_order_of_the_colours_is_known() -> None:
    pixels = cell(3)
    reversed_ = np.ascontiguousarray(pixels[:, :, ::-1])
    assert measure(reversed_, "bgr") == pytest.approx(measure(pixels, "rgb"), abs=1e-6)
    assert measure(reversed_, "rgb") != pytest.approx(measure(pixels, "rgb"), abs=1e-2)


@pytest.mark.parametrize("value", [0, 16])
def test_of_a_black_picture_only_the_area_is_measured(value: int) -> None:
    traits = measure(np.full((SIDE, SIDE, 3), value, np.uint8), "rgb")
    assert np.isfinite(traits).tolist() == [True] + [False] * (len(TRAITS) - 1)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([8, 31, 128]), st.integers(0, 255), st.integers(0, 255))
def test_any_picture_is_measured_without_a_word(seed: int, side: int, one: int, other: int) -> None:
    low, high = sorted((one, other))
    pixels = np.random.default_rng(seed).integers(low, high + 1, (side, side, 3)).astype(np.uint8)
    traits = measure(pixels, "rgb")
    assert len(traits) == len(TRAITS) and np.isfinite(traits[0])
    assert np.isfinite(traits[1:]).all() or np.isnan(traits[1:]).all()
