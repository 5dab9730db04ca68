"""Pictures taken again: where each pixel goes, and what sharpening adds."""

import numpy as np
import pytest
import tensorflow as tf

from train.network import as_light
from train.optics import retake

STILL = np.eye(2, 3, dtype=np.float32)


def _right(px: float) -> np.ndarray:
    """Takes each pixel from so far to the right."""
    return np.array([[1, 0, px], [0, 1, 0]])


def _pictures(count: int = 2, side: int = 24) -> np.ndarray:
    """Noise on black, uint8."""
    pictures = np.zeros((count, side, side, 3), np.uint8)
    pictures[:, 4:-4, 4:-4] = np.random.default_rng(7).integers(50, 200, (count, side - 8, side - 8, 3))
    return pictures


def _retaken(
    pictures: np.ndarray, transform: np.ndarray, amounts: tuple[float, ...] = (), *, is_whole: bool = False
) -> np.ndarray:
    transforms = np.tile(transform.astype(np.float32), (len(pictures), 1, 1))
    every = np.tile(np.array(amounts, np.float32), (len(pictures), 1))
    return retake(tf.constant(pictures), transforms, every, is_whole=is_whole).numpy()


def _sharpened(light: np.ndarray, amount: float) -> np.ndarray:
    """By the formula, without OpenCV."""
    line = np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2)
    line /= line.sum()
    blurred = light.astype(float)
    for axis in (1, 2):
        blurred = np.apply_along_axis(np.convolve, axis, blurred, line, mode="same")
    return np.where(light > 0, np.clip(light + amount * (light - blurred), 0, 1), 0)


def test_a_matrix_says_where_each_pixel_comes_from() -> None:
    pictures = _pictures()
    light = as_light(pictures).numpy()
    np.testing.assert_array_equal(_retaken(pictures, STILL), light)
    quarter = np.array([[0, 1, 0], [-1, 0, 23]])  # output (x, y) takes input (y, 23 - x)
    np.testing.assert_array_equal(_retaken(pictures, quarter, is_whole=True), np.rot90(light, -1, (1, 2)))
    half = _retaken(pictures, _right(0.5))[:, :, :-1]
    np.testing.assert_allclose(half, (light[:, :, :-1] + light[:, :, 1:]) / 2, atol=1e-6)


def test_what_comes_in_from_outside_is_black() -> None:
    bright = np.full((1, 8, 8, 3), 255, np.uint8)
    moved = _retaken(bright, _right(3))
    assert moved[:, :, :5].all() and not moved[:, :, 5:].any()


@pytest.mark.parametrize("amounts", [(-0.5,), (0.8,), (0.4, -0.3)], ids=str)
def test_each_amount_adds_the_difference_from_the_blurred_picture(amounts: tuple[float, ...]) -> None:
    pictures = _pictures()
    wanted = as_light(pictures).numpy()
    for amount in amounts:
        wanted = _sharpened(wanted, amount)
    np.testing.assert_allclose(_retaken(pictures, STILL, amounts), wanted, atol=1e-5)


@pytest.mark.parametrize("move", [(0, 0), (-40, 3), (39, -40), (17, 40)], ids=str)
def test_the_black_about_a_cell_changes_no_bit_of_it(move: tuple[int, int]) -> None:
    """Only the cell is sharpened; light in two far corners makes the whole picture one."""
    size, side = 41, 128
    cell = np.zeros((1, side, side, 3), np.uint8)
    cell[:, 44 : 44 + size, 44 : 44 + size] = np.random.default_rng(3).integers(1, 256, (1, size, size, 3))
    cell = np.roll(cell, move, (1, 2))
    everywhere = cell.copy()
    everywhere[:, [0, -1], [0, -1]] = 9
    amounts = (0.47, 0.2)
    near = np.zeros((side, side), bool)  # what a corner's light reaches in two blurs
    near[:7, :7] = near[-7:, -7:] = True
    alone, among = _retaken(cell, STILL, amounts), _retaken(everywhere, STILL, amounts)
    np.testing.assert_array_equal(alone[:, ~near], among[:, ~near])
    assert alone[:, ~near].any()


def test_black_pictures_and_no_pictures_stay_so() -> None:
    assert not _retaken(np.zeros((1, 24, 24, 3), np.uint8), STILL, (0.4,)).any()
    assert _retaken(_pictures(0), STILL, (0.4,)).shape == (0, 24, 24, 3)
