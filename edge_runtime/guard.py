"""Says what is unlike the training cells: dirt, another kind of cell, noise, a photograph."""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Guard
from edge_runtime.errors import ModelError
from edge_runtime.preprocess import PixelArray
from edge_runtime.traits import TRAITS, Traits, measure

_NARROWEST = 1e-6  # of a bound's width, to divide by


def check_traits(guard: Guard, path: Path) -> None:
    """Refuses a guard that knows other traits than this version measures.

    Raises:
        ModelError: says so of the bundle at `path`.
    """
    if tuple(bound.trait for bound in guard.bounds) != TRAITS:
        raise ModelError(f"{path}: its guard measures other traits than this edge-classify; export it again")


def unlike(pixels: PixelArray, colour_order: Literal["rgb", "bgr"], guard: Guard) -> str:
    """What about a prepared picture is unlike the training cells.

    Args:
        pixels: uint8 `[size, size, 3]` from `prepare`.
        colour_order: of the channels.
        guard: the contract's.

    Returns:
        A few words for the trait that lies furthest outside; empty when none does.
    """
    traits = measure(pixels, colour_order)
    if all(bound.low <= trait <= bound.high for trait, bound in zip(traits, guard.bounds, strict=True)):
        return ""
    furthest = int(np.nan_to_num(excess(np.array(traits), guard), nan=0.0).argmax())
    bound = guard.bounds[furthest]
    return f"unlike the training cells: {bound.trait} too {'low' if traits[furthest] < bound.low else 'high'}"


def excess(traits: Traits, guard: Guard) -> npt.NDArray[np.float64]:
    """How far traits `[..., traits]` lie outside their bounds, in widths of these; 0 inside, NaN where not measured."""
    low, high = (np.array([getattr(bound, end) for bound in guard.bounds]) for end in ("low", "high"))
    distance = np.maximum(np.maximum(low - traits, traits - high), 0.0)
    return np.asarray(distance / np.maximum(high - low, _NARROWEST))


def is_outside(beyond: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether any trait of an excess `[..., traits]` lies outside; what cannot be measured does."""
    return np.asarray(~(beyond <= 0).all(axis=-1))
