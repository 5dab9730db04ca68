"""Draws the sample pictures: plausible stained cells on black. Nobody's blood; real cells may not be copied in.

`python -m samples.draw` writes them beside this file again.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 450  # pixels, as the cells of C-NMC
FOLDER = Path(__file__).parent

# Mean colour of stained nuclei in C-NMC, BGR, and how far its texture moves each channel. Normal ones let less blue
# through.
_VIOLET, _DARK_VIOLET = np.array([80.0, 29.0, 68.0]), np.array([70.0, 29.0, 68.0])
_CONTRAST = np.array([10.0, 8.0, 12.0])


def draw_cell(seed: int, *, leukemic: bool) -> npt.NDArray[np.uint8]:
    """Draws one cell.

    Args:
        seed: another seed, another cell.
        leukemic: large with an indented outline, open chromatin and nucleoli; otherwise small, round and dense.

    Returns:
        uint8 `[450, 450, 3]`, BGR.
    """
    rng = np.random.default_rng([seed, int(leukemic)])
    radius = rng.uniform(96, 116) if leukemic else rng.uniform(72, 88)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    outline = radius * (1 + _wobble(rng, angle, strength=0.05 if leukemic else 0.025))
    if leukemic:  # a cleft in the nucleus
        away = np.angle(np.exp(1j * (angle - rng.uniform(-np.pi, np.pi))))
        outline -= radius * rng.uniform(0.08, 0.22) * np.exp(-((away / 0.25) ** 2))
    inside = distance < outline
    chromatin = 0.6 * _noise(rng, 14.0) + (0.7 if leukemic else 0.35) * _noise(rng, 5.0)
    depth = np.clip((outline - distance) / radius, 0, 1)
    shade = chromatin - 0.6 * depth + (0.2 if leukemic else -0.1)
    if leukemic:
        for _ in range(rng.integers(1, 4)):
            cy, cx = rng.uniform(-0.4, 0.4, 2) * radius
            shade += 1.6 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * rng.uniform(7, 12) ** 2))
    light = rng.uniform(0.93, 1.07)
    picture = ((_VIOLET if leukemic else _DARK_VIOLET) + shade[:, :, None] * _CONTRAST) * light
    picture[~inside] = 0
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def _wobble(rng: np.random.Generator, angle: npt.NDArray[np.float64], strength: float) -> npt.NDArray[np.float64]:
    waves = [rng.normal(0, strength / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in range(2, 7)]
    return np.asarray(np.sum(waves, axis=0))


def _noise(rng: np.random.Generator, sigma: float) -> npt.NDArray[np.float64]:
    """Smooth noise of standard deviation 1."""
    smooth = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), sigma)
    return np.asarray(smooth / smooth.std(), np.float64)


def main() -> None:
    """Writes cell-01.png to cell-12.png: six drawn with the traits of lymphoblasts, six without."""
    for number in range(1, 13):
        path = FOLDER / f"cell-{number:02}.png"
        picture = draw_cell(number, leukemic=number % 2 == 1)
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    main()
