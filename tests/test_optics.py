"""Pictures taken again: where each pixel goes, and what sharpening adds."""

import numpy as np
import tensorflow as tf

from train.optics import retake

STILL = np.eye(2, 3, dtype=np.float32)


def _right(px: float) -> np.ndarray:
    """Takes each pixel from so far to the right."""
    return np.array([[1, 0, px], [0, 1, 0]])


def _pictures(count: int = 2, side: int = 24) -> np.ndarray:
    """Noise on black."""
    pictures = np.zeros((count, side, side, 3), np.float32)
    pictures[:, 4:-4, 4:-4] = np.random.default_rng(7).uniform(0.2, 0.8, (count, side - 8, side - 8, 3))
    return pictures


def _retaken(
    pictures: np.ndarray, transform: np.ndarray, amounts: tuple[float, ...] = (), *, is_whole: bool = False
) -> np.ndarray:
    transforms = np.tile(transform.astype(np.float32), (len(pictures), 1, 1))
    every = np.tile(np.array(amounts, np.float32), (len(pictures), 1))
    return retake(tf.constant(pictures), transforms, every, is_whole=is_whole).numpy()


def test_a_matrix_says_where_each_pixel_comes_from() -> None:
    pictures = _pictures()
    np.testing.assert_array_equal(_retaken(pictures, STILL), pictures)
    quarter = np.array([[0, 1, 0], [-1, 0, 23]])  # output (x, y) takes input (y, 23 - x)
    np.testing.assert_array_equal(_retaken(pictures, quarter, is_whole=True), np.rot90(pictures, -1, (1, 2)))
    half = _retaken(pictures, _right(0.5))[:, :, :-1]
    np.testing.assert_allclose(half, (pictures[:, :, :-1] + pictures[:, :, 1:]) / 2, atol=1e-6)


def test_what_comes_in_from_outside_is_black() -> None:
    bright = np.ones((1, 8, 8, 3), np.float32)
    moved = _retaken(bright, _right(3))
    assert moved[:, :, :5].all() and not moved[:, :, 5:].any()


def test_sharpening_adds_the_difference_from_the_blurred_picture() -> None:
    pictures = _pictures()
    line = np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2)
    line /= line.sum()
    blurred = pictures.astype(float)
    for axis in (1, 2):
        blurred = np.apply_along_axis(np.convolve, axis, blurred, line, mode="same")
    for amount in (-0.5, 0.8):
        wanted = np.where(pictures > 0, np.clip(pictures + amount * (pictures - blurred), 0, 1), 0)
        np.testing.assert_allclose(_retaken(pictures, STILL, (amount,)), wanted, atol=1e-5)


def test_each_amount_sharpens_what_the_one_before_left() -> None:
    pictures = _pictures()
    once = _retaken(pictures, STILL, (0.4,))
    np.testing.assert_array_equal(_retaken(pictures, STILL, (0.4, -0.3)), _retaken(once, STILL, (-0.3,)))


def test_no_pictures_stay_none() -> None:
    assert _retaken(_pictures(0), STILL, (0.4,)).shape == (0, 24, 24, 3)
