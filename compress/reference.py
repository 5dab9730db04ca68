"""Measures on the cells of a data set what cells cut out of a field are brought to: their scale and their stain."""

import math
from collections.abc import Sequence

import numpy as np

from compress.errors import CompressError
from edge_runtime.contract import InputSpec, StainReference
from edge_runtime.preprocess import PixelArray
from edge_runtime.stain import cell_mask
from edge_runtime.stain import measure_stain as stain_of
from train.weights import cell_weights, weighted_quantile

_EACH_GROUP_THE_SAME = 1.0


def measure_scale(pixels: PixelArray, groups: Sequence[str], spec: InputSpec, *, cell_um: float) -> float:
    """The scale of the pictures, in micrometres per pixel, that makes the middle cell as large as it is known to be.

    Args:
        pixels: uint8 `[n, size, size, 3]`, prepared.
        groups: the subject group of each cell; each group weighs the same.
        spec: how they were prepared.
        cell_um: diameter of the middle cell, as that of a disc of its area.

    Raises:
        CompressError: the pictures are black.
    """
    side_of_pixel = spec.crop / spec.size
    diameters = np.array([2 * math.sqrt(int(cell_mask(picture).sum()) / math.pi) * side_of_pixel for picture in pixels])
    middle_px = weighted_quantile(diameters, _weights(groups), 0.5)
    if middle_px == 0:
        raise CompressError("the cells are black: there is no scale to measure; look at the pictures")
    return cell_um / middle_px


def measure_stain(pixels: PixelArray, groups: Sequence[str], spec: InputSpec) -> StainReference:
    """The mean stain of prepared cells `[n, size, size, 3]`, each subject group weighing the same.

    Raises:
        CompressError: the pictures are black.
    """
    stains = [stain_of(picture, spec.colour_order) for picture in pixels]
    known = [i for i, stain in enumerate(stains) if stain is not None]
    if not known:
        raise CompressError("the cells are black: there is no stain to measure; look at the pictures")
    weights = _weights([groups[i] for i in known])
    values = np.array([(stain.density, stain.deviation) for stain in stains if stain is not None])
    density, deviation = np.average(values, axis=0, weights=weights)
    return StainReference(tuple(map(float, density)), tuple(map(float, deviation)))


def _weights(groups: Sequence[str]) -> np.ndarray:
    return cell_weights(groups, [0] * len(groups), subject_power=_EACH_GROUP_THE_SAME, balance_classes=False)
