"""Fixed changes of pictures do what their names say, and leave the background black."""

import numpy as np
import pytest

from samples.draw import draw_cell
from train.robustness import CHANGES, blur, brighten, scale, sharpen, stain


def _pixels() -> np.ndarray:
    """Four drawn cells as prepared RGB pictures of 128 pixels a side."""
    cells = [draw_cell(i, leukemic=i % 2 == 0)[33:417:3, 33:417:3, ::-1] for i in range(4)]
    return np.ascontiguousarray(np.stack(cells))


def _area(pixels: np.ndarray) -> np.ndarray:
    return np.count_nonzero(pixels.max(axis=3) > 30, axis=(1, 2))


def _density(pixels: np.ndarray) -> np.ndarray:
    """Mean optical density of each channel within the cells."""
    inside = pixels[pixels.min(axis=3) > 0]
    return -np.log10(inside / 255).mean(axis=0)


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_gives_other_pictures_of_the_same_kind(name: str) -> None:
    pixels = _pixels()
    kept = pixels.copy()
    changed = CHANGES[name](pixels)
    assert changed.shape == pixels.shape and changed.dtype == np.uint8
    np.testing.assert_array_equal(pixels, kept)
    np.testing.assert_array_equal(CHANGES[name](pixels), changed)
    assert 0.1 < np.abs(changed.astype(int) - pixels).mean() < 30
    outside = ~pixels.any(axis=3)
    if name.startswith("scale"):
        outside = ~scale(pixels, 1.3).any(axis=3)
    assert outside.mean() > 0.3
    assert not changed[outside].any()


def test_names_say_what_is_changed_and_by_how_much() -> None:
    assert {"scale x 0.85", "green density x 1.05", "brightness x 0.80", "JPEG quality 50"} <= CHANGES.keys()
    assert len(CHANGES) == 21


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_scaling_changes_the_area_by_the_square_and_keeps_the_middle(factor: float) -> None:
    pixels = _pixels()
    changed = scale(pixels, factor)
    np.testing.assert_allclose(_area(changed) / _area(pixels), factor**2, rtol=0.03)
    for before, after in zip(pixels, changed, strict=True):
        y, x = (np.argwhere(picture.max(axis=2) > 30).mean(axis=0) for picture in (before, after))
        np.testing.assert_allclose((y - 63.5) * factor, x - 63.5, atol=0.3)


def test_scaling_by_one_changes_nothing() -> None:
    np.testing.assert_array_equal(scale(_pixels(), 1.0), _pixels())


def test_staining_multiplies_the_optical_density_of_its_channel_alone() -> None:
    pixels = _pixels()
    factors = (0.9, 1.0, 1.1)
    np.testing.assert_allclose(_density(stain(pixels, factors)) / _density(pixels), factors, rtol=0.01)
    green = CHANGES["green density x 1.05"](pixels)
    np.testing.assert_array_equal(green[..., ::2], pixels[..., ::2])
    assert (green[..., 1] <= pixels[..., 1]).all() and (green[..., 1] < pixels[..., 1]).any()


def test_brightness_is_a_factor_that_stops_at_white() -> None:
    pixels = np.array([0, 100, 250], np.uint8).reshape(1, 1, 1, 3)
    assert brighten(pixels, 1.2).ravel().tolist() == [0, 120, 255]


def test_blur_takes_detail_and_sharpening_adds_it_without_darkening_the_rim() -> None:
    pixels = _pixels()
    inside = pixels.any(axis=3)
    rim = inside & ~np.roll(inside, 2, axis=2)

    def detail(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture[:, 50:78, 50:78].astype(float), axis=2)).mean())

    softer, sharper = blur(pixels, 1.5), sharpen(pixels, 0.5)
    assert detail(softer) < 0.8 * detail(pixels)
    assert detail(sharper) > 1.1 * detail(pixels)
    for changed in (softer, sharper):
        np.testing.assert_allclose(changed[rim].mean(), pixels[rim].mean(), rtol=0.05)
