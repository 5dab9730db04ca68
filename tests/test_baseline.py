"""The baselines: what they see of a cell, and that they learn it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from train.baseline import COLOUR_BINS, area, areas, colour_histogram, colours, fit_and_answer
from train.dataset import Cell


def _cell(bgr: tuple[int, int, int], radius: int = 20) -> np.ndarray:
    """A disc of one colour on black, uint8 `[64, 64, 3]`."""
    picture = np.zeros((64, 64, 3), np.uint8)
    rows, columns = np.ogrid[:64, :64]
    picture[(rows - 32) ** 2 + (columns - 32) ** 2 <= radius**2] = bgr
    return picture


def test_area_counts_what_is_not_black() -> None:
    picture = np.zeros((5, 7, 3), np.uint8)
    picture[1, 2, 0] = picture[3, 3, 2] = 1
    assert area(picture).tolist() == [2]


def test_the_histogram_is_of_the_optical_density_of_each_channel() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[0, 0] = (255, 128, 1)  # densities 0, 0.30, 2.41; bins are 0.075 wide
    picture[0, 1] = (255, 40, 0)  # 0, 0.80, and what has no logarithm
    histogram = colour_histogram(picture).reshape(3, COLOUR_BINS)
    assert histogram.sum(1) == pytest.approx(1)
    assert histogram[0, 0] == 1 and histogram[2, -1] == 1
    assert histogram[1, int(np.log10(255 / 128) / 0.075)] == histogram[1, int(np.log10(255 / 40) / 0.075)] == 0.5


def test_the_histogram_knows_neither_size_nor_place() -> None:
    small, large = colour_histogram(_cell((180, 90, 160), 10)), colour_histogram(_cell((180, 90, 160), 25))
    assert np.array_equal(small, large)
    assert not np.array_equal(small, colour_histogram(_cell((180, 120, 160), 10)))
    assert not colour_histogram(np.zeros((8, 8, 3), np.uint8)).any()


def test_features_are_those_of_the_pictures_in_their_order(tmp_path: Path) -> None:
    pictures = [_cell((200, 100, 150), radius) for radius in (5, 20, 11)]
    cells = []
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
        cells.append(Cell(tmp_path / f"{i}.png", "1", "all"))
    assert np.array_equal(areas(cells), [area(picture) for picture in pictures])
    assert np.array_equal(colours(cells), [colour_histogram(picture) for picture in pictures])


def test_large_cells_are_learned_to_be_leukemic() -> None:
    rng = np.random.default_rng(7)
    sizes = np.concatenate([rng.normal(36_000, 4_000, 200), rng.normal(25_000, 4_000, 200)])
    targets = np.repeat([0, 1], 200)
    weights = rng.random(400).astype(np.float32)
    asked = np.array([40_000.0, 31_000.0, 20_000.0])
    probabilities = fit_and_answer(sizes[:, None], targets, weights, asked[:, None])
    assert probabilities[0, 0] > 0.9 and probabilities[2, 1] > 0.9
    plain = LogisticRegression()
    plain.fit(((sizes - sizes.mean()) / sizes.std())[:, None], targets, sample_weight=weights)
    standardised = ((asked - sizes.mean()) / sizes.std())[:, None]
    assert probabilities == pytest.approx(plain.predict_proba(standardised), abs=1e-9)


def test_weights_count() -> None:
    features, targets = np.repeat([[0.0], [1.0]], 50, 0), np.tile([0, 1], 50)
    weights = np.where(targets == 0, 3, 1).astype(np.float32)
    assert fit_and_answer(features, targets, weights, features[:1])[0, 0] == pytest.approx(0.75, abs=0.01)


def test_three_stains_are_told_apart() -> None:
    rng = np.random.default_rng(8)
    stains = np.array([[200, 100, 160], [160, 100, 200], [180, 60, 180]])
    targets = np.tile([0, 1, 2], 20)
    pictures = [_cell(tuple(stains[t] + rng.integers(-12, 13, 3)), int(rng.integers(8, 25))) for t in targets]
    features = np.stack([colour_histogram(picture) for picture in pictures])
    probabilities = fit_and_answer(features[:30], targets[:30], np.ones(30, np.float32), features[30:])
    assert probabilities.shape == (30, 3) and probabilities.sum(1) == pytest.approx(1)
    assert (probabilities.argmax(1) == targets[30:]).mean() > 0.9
