"""The interval of a share."""

import math

from edge_runtime.contract import Interval

_Z = 1.959964  # 95 % of a normal distribution lies within so many standard deviations


def wilson(found: int, total: int) -> Interval:
    """A share with its 95 % score interval (Wilson 1927), which holds for few draws and for shares of 0 and 1.

    It takes the draws as independent. The cells of one person are not, so for a person it says how far the count of
    cells alone leaves the share open, and nothing of other slides of that person or of other people.

    Args:
        found: 0 to `total`.
        total: 1 or more.
    """
    share, spread = found / total, _Z**2 / total
    middle = share + spread / 2
    half = _Z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    # Rounding must not put a share of 0 or 1 outside its interval.
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return Interval(share, max(0.0, min(low, share)), min(1.0, max(high, share)))
