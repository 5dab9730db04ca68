"""Draws whole microscope fields: red cells, platelets, and white cells of known place. Nobody's blood.

`python -m samples.draw_field` writes `sample_fields/field-01.png` again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from samples.draw import SIDE, draw_cell

Kind = Literal["all", "hem", "neutrophil"]
Place = tuple[float, float, Kind]
"""x and y of the middle in pixels, and what lies there."""

UM_PER_PIXEL = 0.08
WIDTH, HEIGHT = 640, 480
FIELD = Path(__file__).parent.parent / "sample_fields" / "field-01.png"
SAMPLE: tuple[Place, ...] = (
    (110, 105, "all"),
    (330, 215, "all"),
    (520, 110, "hem"),
    (520, 345, "neutrophil"),
    (190, 390, "hem"),
    (303, 398, "hem"),
    (4, 290, "all"),
)
"""Cells of the sample: lymphoblasts, lymphocytes, another white cell, one at the border."""

_CELL_UM_PER_PIXEL = 0.0486  # of `draw_cell`, so that its cells are 7 to 11 um wide
# Light of the empty slide, and optical densities of what lies on it; blue, green, red.
_SLIDE = np.array([214.0, 218.0, 222.0])
_RED_CELL = np.array([0.11, 0.13, 0.03])
_PLATELET = np.array([0.07, 0.15, 0.12])
_RIM = np.array([0.04, 0.11, 0.10])
_GRANULAR = np.array([0.06, 0.09, 0.06])
_LOBE = np.array([80.0, 32.0, 70.0])  # light of a neutrophil's nucleus
_RED_UM, _RED_SPREAD_UM, _APART = 3.75, 0.15, 0.92  # radius, its deviation, and how much of touching is kept apart
_PALLOR, _PALLOR_WIDTH = 0.65, 0.5  # of the middle of a red cell, and of its radius
_PLATELET_UM = (0.8, 1.2)
_WHITE_UM, _NEUTROPHIL_UM, _RIM_UM = 6.0, 5.8, 0.6
_LOBE_UM, _LOBES_APART_UM = 1.8, 2.4
_RED_CELLS_TRIED, _PLATELETS = 900, 9
_EDGE_UM, _BLUR_UM = 0.25, 0.09  # softness of outlines, and of the optics

Floats = npt.NDArray[np.float64]


def draw_field(
    seed: int,
    cells: Sequence[Place],
    *,
    um_per_pixel: float = UM_PER_PIXEL,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> npt.NDArray[np.uint8]:
    """Draws a field.

    Args:
        seed: another seed, other red cells and other shapes of the white ones.
        cells: white cells; they may touch, and lie at the border.
        um_per_pixel: scale.
        width: in pixels.
        height: in pixels.

    Returns:
        uint8 `[height, width, 3]`, BGR.
    """
    rng = np.random.default_rng(seed)
    density = np.zeros((height, width, 3))
    reds = _scattered(rng, cells, width * um_per_pixel, height * um_per_pixel, um_per_pixel)
    for x, y in reds:
        _add_red_cell(density, rng, x / um_per_pixel, y / um_per_pixel, um_per_pixel)
    for _ in range(_PLATELETS):
        radius = rng.uniform(*_PLATELET_UM) / um_per_pixel
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if all(np.hypot(x - at[0], y - at[1]) > 1.5 * _WHITE_UM / um_per_pixel for at in cells):
            part, inside = _disc(density, x, y, radius, um_per_pixel)
            density[part] += inside[..., np.newaxis] * _PLATELET
    light = _SLIDE * 10**-density
    for number, (x, y, kind) in enumerate(cells):
        if kind == "neutrophil":
            _put_neutrophil(light, rng, x, y, um_per_pixel)
        else:
            nucleus = draw_cell(100 * seed + number, leukemic=kind == "all")
            _put_nucleus(light, nucleus, x, y, um_per_pixel)
    soft = cv2.GaussianBlur(light, (0, 0), _BLUR_UM / um_per_pixel)
    return np.asarray(np.clip(np.rint(soft), 0, 255), np.uint8)


def _scattered(
    rng: np.random.Generator, cells: Sequence[Place], width_um: float, height_um: float, um_per_pixel: float
) -> list[tuple[float, float]]:
    """Middles of red cells in um: at random, hardly overlapping, clear of the white ones."""
    placed: list[tuple[float, float]] = []
    white = [(x * um_per_pixel, y * um_per_pixel) for x, y, _ in cells]
    for x, y in rng.uniform((-_RED_UM, -_RED_UM), (width_um + _RED_UM, height_um + _RED_UM), (_RED_CELLS_TRIED, 2)):
        clear = all(np.hypot(x - a, y - b) > _WHITE_UM + _RED_UM for a, b in white)
        if clear and all(np.hypot(x - a, y - b) > 2 * _RED_UM * _APART for a, b in placed):
            placed.append((float(x), float(y)))
    return placed


def _around(field: Floats, x: float, y: float, reach_px: float) -> tuple[tuple[slice, slice], Floats]:
    """The part of a field around a place, and how far each of its pixels is from there."""
    reach = int(reach_px) + 1
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    part = np.s_[top : max(0, int(y) + reach), left : max(0, int(x) + reach)]
    rows, columns = field[part].shape[:2]
    return part, np.hypot(np.arange(left, left + columns) - x, (np.arange(top, top + rows) - y)[:, np.newaxis])


def _disc(field: Floats, x: float, y: float, radius: float, um_per_pixel: float) -> tuple[tuple[slice, slice], Floats]:
    """The part of a field around a disc, and how far each pixel lies in it, 0 to 1."""
    soft_px = _EDGE_UM / um_per_pixel
    part, away = _around(field, x, y, radius + 2 * soft_px)
    return part, 1 / (1 + np.exp(2 * (away - radius) / soft_px * 2))


def _add_red_cell(density: Floats, rng: np.random.Generator, x: float, y: float, um_per_pixel: float) -> None:
    radius = rng.normal(_RED_UM, _RED_SPREAD_UM) / um_per_pixel
    part, inside = _disc(density, x, y, radius, um_per_pixel)
    _, away = _around(density, x, y, radius + 2 * _EDGE_UM / um_per_pixel)
    pallor = 1 - _PALLOR * np.exp(-((away / (_PALLOR_WIDTH * radius)) ** 2))
    density[part] += (rng.uniform(0.85, 1.1) * inside * pallor)[..., np.newaxis] * _RED_CELL


def _put_nucleus(light: Floats, nucleus: npt.NDArray[np.uint8], x: float, y: float, um_per_pixel: float) -> None:
    """A drawn cell, and a thin rim of cytoplasm around it."""
    side = round(SIDE * _CELL_UM_PER_PIXEL / um_per_pixel)
    inside = (nucleus.max(axis=2) > 0).astype(np.float64)
    method = cv2.INTER_AREA if side < SIDE else cv2.INTER_LINEAR
    shrunk = cv2.resize(np.dstack([nucleus * inside[..., np.newaxis], inside]), (side, side), interpolation=method)
    rim = round(_RIM_UM / um_per_pixel)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    around = cv2.GaussianBlur(cv2.dilate(shrunk[..., 3], disc), (0, 0), _EDGE_UM / um_per_pixel)
    left, top = round(x - side / 2), round(y - side / 2)
    height, width = light.shape[:2]
    seen = np.s_[max(0, -top) : min(side, height - top), max(0, -left) : min(side, width - left)]
    part = np.s_[max(0, top) : max(0, min(height, top + side)), max(0, left) : max(0, min(width, left + side))]
    light[part] *= 10 ** -(around[seen][..., np.newaxis] * _RIM)
    light[part] = light[part] * (1 - shrunk[seen][..., 3:]) + shrunk[seen][..., :3]


def _put_neutrophil(light: Floats, rng: np.random.Generator, x: float, y: float, um_per_pixel: float) -> None:
    """Much pale cytoplasm, and a nucleus of three lobes on an arc."""
    part, whole = _disc(light, x, y, _NEUTROPHIL_UM / um_per_pixel, um_per_pixel)
    grain = cv2.GaussianBlur(rng.normal(1, 4, whole.shape), (0, 0), 0.2 / um_per_pixel)
    light[part] *= 10 ** -((whole * np.clip(grain, 0.5, 2))[..., np.newaxis] * _GRANULAR)
    start = rng.uniform(0, 2 * np.pi)
    for turn in (0.0, 1.7, 3.4):
        away = _LOBES_APART_UM / um_per_pixel
        at = x + away * np.cos(start + turn), y + away * np.sin(start + turn)
        lobe, inside = _disc(light, *at, _LOBE_UM / um_per_pixel, um_per_pixel)
        light[lobe] += inside[..., np.newaxis] * (_LOBE - light[lobe])


def main() -> None:
    """Writes the sample field."""
    FIELD.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(FIELD), draw_field(1, SAMPLE), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    sys.stdout.write(f"wrote {FIELD.name}\n")


if __name__ == "__main__":
    main()
