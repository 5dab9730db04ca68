"""What was found against what is there, box by box."""

from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels."""


@dataclass(frozen=True)
class Finds:
    """What was found in one field.

    Attributes:
        overlaps: of each true box that was found, intersection over union with its find.
        missed: true boxes without a find.
        false: finds without a true box.
    """

    overlaps: tuple[float, ...]
    missed: tuple[Box, ...]
    false: tuple[Box, ...]


def compare_boxes(found: Sequence[Box], true: Sequence[Box]) -> Finds:
    """Gives each true box the find that covers it best of those whose centre lies in it; each find is given once."""
    free = list(found)
    overlaps, missed = [], []
    for box in true:
        inside = [find for find in free if _has_centre(box, find)]
        if not inside:
            missed.append(box)
            continue
        best = max(inside, key=lambda find: _overlap(find, box))
        free.remove(best)
        overlaps.append(_overlap(best, box))
    return Finds(tuple(overlaps), tuple(missed), tuple(free))


def _has_centre(box: Box, find: Box) -> bool:
    x, y = find[0] + find[2] / 2, find[1] + find[3] / 2
    return box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]


def _overlap(a: Box, b: Box) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, width) * max(0, height)
    return common / (a[2] * a[3] + b[2] * b[3] - common)
