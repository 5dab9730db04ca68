"""Fixed changes of pictures do what their names say, and leave the background black."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from samples.draw import draw_cell
from train.config import DEFAULT_CONFIG, read_config
from train.dataset import load_pixels, read_dataset
from train.robustness import CHANGES, Prepared, blur, brighten, scale, sharpen, stain


@pytest.fixture(scope="module")
def prepared(many_drawn_cells: Path) -> Prepared:
    """Four drawn cells."""
    spec = read_config(DEFAULT_CONFIG).picture.spec
    cells = read_dataset(many_drawn_cells).cells[:4]
    return Prepared(cells, spec, load_pixels(cells, spec))


@pytest.fixture
def pixels(prepared: Prepared) -> np.ndarray:
    """They as RGB pictures of 128 pixels a side."""
    return prepared.pixels


def _area(pixels: np.ndarray) -> np.ndarray:
    return np.count_nonzero(pixels.max(axis=3) > 30, axis=(1, 2))


def _density(pixels: np.ndarray) -> np.ndarray:
    """Mean optical density of each channel within the cells."""
    inside = pixels[pixels.min(axis=3) > 0]
    return -np.log10(inside / 255).mean(axis=0)


def _detail(pixels: np.ndarray) -> float:
    """Mean step from one pixel of the middle to the next."""
    return float(np.abs(np.diff(pixels[:, 50:78, 50:78].astype(float), axis=2)).mean())


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_gives_other_pictures_of_the_same_kind(name: str, prepared: Prepared, pixels: np.ndarray) -> None:
    kept = pixels.copy()
    changed = CHANGES[name](prepared)
    assert changed.shape == pixels.shape and changed.dtype == np.uint8
    np.testing.assert_array_equal(pixels, kept)
    np.testing.assert_array_equal(CHANGES[name](prepared), changed)
    assert 0.1 < np.abs(changed.astype(int) - pixels).mean() < 30
    outside = ~pixels.any(axis=3)
    if name.startswith("scale"):
        outside = ~load_pixels(prepared.cells, prepared.spec, partial(scale, factor=1.3)).any(axis=3)
    assert outside.mean() > 0.3
    assert not changed[outside].any()


def test_names_say_what_is_changed_and_by_how_much() -> None:
    assert {"scale x 0.85", "green density x 1.05", "brightness x 0.80", "JPEG quality 50"} <= CHANGES.keys()
    assert len(CHANGES) == 21


@pytest.mark.parametrize("factor", [0.8, 0.85, 1.1, 1.25])
def test_scaling_changes_the_area_by_the_square_and_keeps_the_middle(
    factor: float, prepared: Prepared, pixels: np.ndarray
) -> None:
    changed = load_pixels(prepared.cells, prepared.spec, partial(scale, factor=factor))
    np.testing.assert_allclose(_area(changed) / _area(pixels), factor**2, rtol=0.03)
    for before, after in zip(pixels, changed, strict=True):
        y, x = (np.argwhere(picture.max(axis=2) > 30).mean(axis=0) for picture in (before, after))
        np.testing.assert_allclose((y - 63.5) * factor, x - 63.5, atol=0.5)


@pytest.mark.parametrize("shape", [(30, 41, 3), (41, 30, 3)])
def test_scaling_keeps_the_shape_whatever_is_even(shape: tuple[int, ...]) -> None:
    picture = np.full(shape, 200, np.uint8)
    for factor in (0.83, 0.5, 1.0, 1.17, 2.0):
        scaled = scale(picture, factor)
        assert scaled.shape == shape and np.count_nonzero(scaled) == pytest.approx(
            picture.size * min(factor, 1) ** 2, rel=0.05
        )
    np.testing.assert_array_equal(scale(picture, 1.0), picture)


def test_scaled_cells_are_as_sharp_as_a_smaller_picture_of_them(prepared: Prepared, pixels: np.ndarray) -> None:
    """Scaled after they were prepared they would lose detail, and the loss would be taken for a matter of size."""
    smaller = CHANGES["scale x 0.80"](prepared)
    assert _detail(smaller) > 1.05 * _detail(pixels)


def test_staining_multiplies_the_optical_density_of_its_channel_alone(prepared: Prepared, pixels: np.ndarray) -> None:
    factors = (0.9, 1.0, 1.1)
    np.testing.assert_allclose(_density(stain(pixels, factors)) / _density(pixels), factors, rtol=0.01)
    green = CHANGES["green density x 1.05"](prepared)
    np.testing.assert_array_equal(green[..., ::2], pixels[..., ::2])
    assert (green[..., 1] <= pixels[..., 1]).all() and (green[..., 1] < pixels[..., 1]).any()


def test_brightness_is_a_factor_that_stops_at_white() -> None:
    pixels = np.array([0, 100, 250], np.uint8).reshape(1, 1, 1, 3)
    assert brighten(pixels, 1.2).ravel().tolist() == [0, 120, 255]


def test_blur_takes_detail_and_sharpening_adds_it_without_darkening_the_rim() -> None:
    # Every third pixel, so that none of the rim is partly background.
    cells = [draw_cell(i, leukemic=i % 2 == 0)[33:417:3, 33:417:3, ::-1] for i in range(4)]
    pixels = np.ascontiguousarray(np.stack(cells))
    inside = pixels.any(axis=3)
    rim = inside & ~np.roll(inside, 2, axis=2)
    softer, sharper = blur(pixels, 1.5), sharpen(pixels, 0.5)
    assert _detail(softer) < 0.8 * _detail(pixels)
    assert _detail(sharper) > 1.1 * _detail(pixels)
    for changed in (softer, sharper):
        np.testing.assert_allclose(changed[rim].mean(), pixels[rim].mean(), rtol=0.05)
