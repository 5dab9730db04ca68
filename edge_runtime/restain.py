"""Decides how far a field's stain is brought to the training cells', and whether that can be trusted."""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from edge_runtime.contract import Guard, InputSpec, StainReference
from edge_runtime.preprocess import PixelArray, prepare
from edge_runtime.stain import measure_stain, stain_table

OTHER_STAIN = "another stain than the training cells', and too few cells to know it"
FEWEST_CELLS = 4
"""Cells of one field from which its stain is known apart from that of its cells."""

_STAIN_TRAITS = ("stain density", "red to green", "red to blue")
_RAMP = 0.25  # of the width of a bound: how far beyond it the whole correction is made


def restain(cells: Sequence[PixelArray], spec: InputSpec, guard: Guard) -> tuple[list[PixelArray], str]:
    """Brings the cut-out cells of one field to the training's stain.

    A field whose stain lies among the training cells' is left as it is: how densely a cell is stained says something
    about it. Beyond, the field's mean and deviation of density are brought towards the reference, all cells alike.

    Args:
        cells: uint8 `[crop, crop, 3]`, BGR, of one field.
        spec: with or without a stain reference.
        guard: says how the training cells' stain spreads.

    Returns:
        The cells, and why their answers cannot be trusted; empty when they can.
    """
    stains = [measure_stain(prepare(cell, _light(spec)), spec.colour_order) for cell in cells]
    known = [stain for stain in stains if stain is not None]
    if spec.stain_reference is None or not known:
        return list(cells), ""
    seen = _mean(known)
    share = min(1.0, _beyond(seen, guard) / _RAMP)
    if share == 0:
        return list(cells), ""
    table = stain_table(seen, _between(seen, spec.stain_reference, share))
    changed = [np.asarray(cv2.LUT(cell, table), np.uint8) for cell in cells]
    return changed, "" if len(known) >= FEWEST_CELLS else OTHER_STAIN


def _light(spec: InputSpec) -> InputSpec:
    return replace(spec, optical_density_table=None)


def _mean(stains: Sequence[StainReference]) -> StainReference:
    density, deviation = np.mean([(stain.density, stain.deviation) for stain in stains], axis=0)
    return StainReference(tuple(map(float, density)), tuple(map(float, deviation)))


def _between(seen: StainReference, wanted: StainReference, share: float) -> StainReference:
    density, deviation = (
        tuple(float(a + share * (b - a)) for a, b in zip(getattr(seen, name), getattr(wanted, name), strict=True))
        for name in ("density", "deviation")
    )
    return StainReference(density, deviation)


def _beyond(stain: StainReference, guard: Guard) -> float:
    """How far the stain lies outside the guard's bounds, in widths of these, as `edge_runtime.traits` measures it."""
    red, green, blue = stain.density
    values = ((red + green + blue) / 3, math.log(red / green), math.log(red / blue))
    bounds = {bound.trait: bound for bound in guard.bounds}
    beyond = 0.0
    for name, value in zip(_STAIN_TRAITS, values, strict=True):
        low, high = bounds[name].low, bounds[name].high
        beyond = max(beyond, max(low - value, value - high) / (high - low))
    return beyond
