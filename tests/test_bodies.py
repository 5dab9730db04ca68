"""Lobes of one nucleus are one cell, two nuclei are two, and overlapping ones are seen to be a pair."""

import cv2
import numpy as np
import pytest

from edge_runtime.bodies import LYMPHOID_UM2, WORKING_UM, find_bodies
from edge_runtime.pair import is_pair
from edge_runtime.preprocess import PixelArray

APART_UM = 3.0
CUT_UM = 0.05


def stained(nucleus_um2: float, between: float) -> np.ndarray:
    """Two round nuclei with so much stain between them."""
    radius = float(np.sqrt(nucleus_um2 / np.pi)) / WORKING_UM
    away = round(2 * radius + APART_UM / WORKING_UM)
    stain = np.zeros((160, 240), np.float32)
    cv2.line(stain, (80, 80), (80 + away, 80), between, 12)
    for x in (80, 80 + away):
        cv2.circle(stain, (x, 80), round(radius), 0.5, -1)
    return stain


@pytest.mark.parametrize(
    ("nucleus_um2", "between", "cells"),
    [
        (0.8 * LYMPHOID_UM2, 0.06, 1),
        (0.8 * LYMPHOID_UM2, 0.0, 2),
        (1.3 * LYMPHOID_UM2, 0.06, 2),
    ],
    ids=["lobes", "nothing between", "two lymphoid cells"],
)
def test_small_nuclei_with_cytoplasm_between_are_lobes(nucleus_um2: float, between: float, cells: int) -> None:
    assert len(find_bodies(stained(nucleus_um2, between))) == cells


def cut_of(*places: tuple[int, int, int]) -> PixelArray:
    cut = np.zeros((384, 384, 3), np.uint8)
    for x, y, radius in places:
        cv2.circle(cut, (x, y), radius, (80, 30, 70), -1)
    return cut


@pytest.mark.parametrize("apart", [0.72, 0.8, 0.95])
def test_two_nuclei_over_each_other_are_a_pair_at_any_angle(apart: float) -> None:
    radius = 70
    for angle in np.linspace(0, np.pi, 7):
        dx, dy = apart * radius * np.cos(angle), apart * radius * np.sin(angle)
        pair = cut_of((round(192 - dx), round(192 - dy), radius), (round(192 + dx), round(192 + dy), radius))
        assert is_pair(pair, CUT_UM)


def test_one_nucleus_is_no_pair() -> None:
    long = cut_of()
    cv2.ellipse(long, (192, 192), (110, 60), 30, 0, 360, (80, 30, 70), -1)
    indented = cut_of((192, 192, 90))
    cv2.circle(indented, (300, 192), 50, (0, 0, 0), -1)
    lobes = cut_of(*((round(192 + 50 * np.cos(a)), round(192 + 50 * np.sin(a)), 46) for a in (0.0, 2.1, 4.2)))
    assert [is_pair(cut, CUT_UM) for cut in (cut_of((192, 192, 90)), long, indented, lobes)] == [False] * 4
    assert not is_pair(cut_of((170, 192, 30), (212, 192, 30)), CUT_UM)  # too small for two


def test_a_tail_one_pixel_wide_makes_no_pair_and_no_error() -> None:
    """Its outline begins at the tip and passes the next pixel twice, which OpenCV's hull takes in no order."""
    tailed = cut_of((192, 192, 100))
    cv2.line(tailed, (192, 192), (82, 88), (80, 30, 70), 1)
    cv2.line(tailed, (82, 88), (82, 87), (80, 30, 70), 1)
    assert not is_pair(tailed, CUT_UM)
