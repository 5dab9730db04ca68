"""From a picture to the network's input: crop, pad, resize, colour order, type."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.contract import Contract, InputSpec
from edge_runtime.preprocess import prepare, quantise

BGR = InputSpec(crop=8, size=8, colour_order="bgr", interpolation="area", scale=1 / 255, offset=0.0)


def spec(**changes: Any) -> InputSpec:
    return dataclasses.replace(BGR, **changes)


def noise(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def test_the_middle_is_cut_out() -> None:
    picture = noise(20, 31)
    assert np.array_equal(prepare(picture, BGR), picture[6:14, 11:19])


def test_a_smaller_picture_is_padded_with_black_on_all_sides() -> None:
    picture = noise(4, 6)
    expected = np.zeros((8, 8, 3), np.uint8)
    expected[2:6, 1:7] = picture
    assert np.array_equal(prepare(picture, BGR), expected)


@pytest.mark.parametrize(("height", "width"), [(4, 20), (20, 4)])
def test_a_picture_small_in_one_direction_is_padded_there_and_cut_in_the_other(height: int, width: int) -> None:
    picture = noise(height, width)
    expected = np.zeros((8, 8, 3), np.uint8)
    if height < width:
        expected[2:6] = picture[:, 6:14]
    else:
        expected[:, 2:6] = picture[6:14]
    assert np.array_equal(prepare(picture, BGR), expected)


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_padding_a_picture_beforehand_changes_nothing(height: int, width: int) -> None:
    """The middle is the middle: the same black border on both sides leaves the input as it was."""
    picture = noise(height, width)
    padded = np.pad(picture, ((8, 8), (8, 8), (0, 0)))
    assert np.array_equal(prepare(picture, BGR), prepare(padded, BGR))


def test_shrinking_by_three_is_the_mean_of_three_by_three_pixels(default_contract: Contract) -> None:
    assert (default_contract.input.crop, default_contract.input.size) == (384, 128)
    picture = noise(384, 384)
    means = picture.reshape(128, 3, 128, 3, 3).astype(int).sum(axis=(1, 3)) / 9
    prepared = prepare(picture, dataclasses.replace(default_contract.input, colour_order="bgr"))
    # A ninth never lies halfway between two integers, so rounding is not a question.
    assert np.array_equal(prepared, np.rint(means))


def test_rgb_order_is_the_reverse_of_bgr() -> None:
    picture = noise(30, 30)
    assert np.array_equal(prepare(picture, spec(colour_order="rgb")), prepare(picture, BGR)[:, :, ::-1])


@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("crop", [8, 24])
def test_the_result_is_contiguous_and_the_picture_is_untouched(order: str, crop: int) -> None:
    picture = noise(30, 30)
    before = picture.copy()
    prepared = prepare(picture, spec(crop=crop, colour_order=order))
    assert prepared.flags.c_contiguous
    assert (prepared.shape, prepared.dtype) == ((8, 8, 3), np.uint8)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((1, 9, 9, 3), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((9, 9, 3), np.uint16),
    ],
)
def test_another_array_is_refused_with_its_shape_and_type(picture: npt.NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=rf"not {picture.dtype} \{[*picture.shape]}".replace("]", r"\]")):
        prepare(picture, BGR)


def test_a_uint8_tensor_takes_the_pixels_as_they_are() -> None:
    pixels = noise(8, 8)
    assert quantise(pixels, BGR, np.uint8) is pixels


def test_a_float_tensor_takes_scaled_and_shifted_pixels() -> None:
    pixels = np.array([[[0, 127, 255]]], np.uint8)
    real = quantise(pixels, spec(scale=2 / 255, offset=-1.0), np.float32)
    assert real.dtype == np.float32
    assert real.ravel() == pytest.approx([-1.0, 127 * 2 / 255 - 1, 1.0], abs=1e-6)


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.int32])
def test_another_tensor_type_is_refused(dtype: type) -> None:
    with pytest.raises(ValueError, match=f"not {np.dtype(dtype)}"):
        quantise(noise(8, 8), BGR, dtype)
