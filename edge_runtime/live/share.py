"""The share of one label among counted cells, with its interval."""

import math
from dataclasses import dataclass

# The 97.5 % quantile of the normal distribution: two sides of a 95 % interval.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A part of a whole, 0 to 1, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def share_of(part: int, whole: int) -> Share | None:
    """The share of `part` in `whole` cells of one slide, with the Wilson score interval.

    The interval is about which cells of this slide were met, not about people. Wilson, E. B. (1927), Probable
    inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. 22, 209-212.

    Args:
        part: 0 to `whole`.
        whole: cells counted.

    Returns:
        None when nothing was counted.

    Raises:
        ValueError: `part` is not within `whole`.
    """
    if not 0 <= part <= whole:
        raise ValueError(f"{part} is not a part of {whole}")
    if whole == 0:
        return None
    value = part / whole
    spread = 1 + _Z**2 / whole
    middle = (value + _Z**2 / (2 * whole)) / spread
    half = _Z / spread * math.sqrt(value * (1 - value) / whole + _Z**2 / (4 * whole**2))
    return Share(value, max(0.0, min(middle - half, value)), min(1.0, max(middle + half, value)))
