"""The mistakes a model was surest of, as pictures."""

from collections import Counter
from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray
from train.dataset import Cell
from train.metrics import answers_of
from train.predictions import Predictions

_HEAT_OPACITY = 0.6


@dataclass(frozen=True)
class Mistake:
    """A cell that was answered wrong.

    Attributes:
        cell: with its true label and subject.
        answer: the label it was given.
        probability: of that answer, 0..1.
        pixels: the prepared picture, uint8 `[size, size, 3]`, RGB.
        heat: where the evidence for the answer is, float32 `[size, size]` in 0..1, as `train.gradcam` gives it.
    """

    cell: Cell
    answer: str
    probability: float
    pixels: PixelArray
    heat: npt.NDArray[np.float32]


def worst_mistakes(predictions: Predictions, *, count: int, per_group: int) -> list[int]:
    """The wrong answers with the highest probability, the surest first.

    Args:
        predictions: of the model.
        count: at most so many.
        per_group: at most so many of one subject group, so that one person does not fill the page.

    Returns:
        Positions of the cells.
    """
    answers = answers_of(predictions.probabilities)
    wrong = np.flatnonzero(answers != predictions.targets)
    taken: Counter[str] = Counter()
    chosen: list[int] = []
    for i in wrong[np.argsort(-predictions.probabilities[wrong].max(axis=1), kind="stable")].tolist():
        if len(chosen) < count and taken[predictions.groups[i]] < per_group:
            taken[predictions.groups[i]] += 1
            chosen.append(i)
    return chosen


def with_heat(pixels: PixelArray, heat: npt.NDArray[np.float32]) -> PixelArray:
    """Lays heat over a picture in grey; black to yellow (`inferno`), which the colour-blind read too.

    Args:
        pixels: uint8 `[size, size, 3]`.
        heat: float32 `[size, size]` in 0..1.

    Returns:
        uint8 `[size, size, 3]`, RGB.
    """
    grey = pixels.mean(axis=2, keepdims=True) / 255
    opacity = _HEAT_OPACITY * heat[:, :, None]
    colour = matplotlib.colormaps["inferno"](heat)[:, :, :3]
    return np.asarray(np.rint(255 * (grey * (1 - opacity) + colour * opacity)), np.uint8)
