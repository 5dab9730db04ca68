"""The rows most worth a second look: the few highest of any number by some measure."""

import heapq
from collections.abc import Callable

from edge_runtime.row import Row


class Highest:
    """Keeps the rows with the highest value; of equal ones the first."""

    def __init__(self, count: int, value_of: Callable[[Row], float | None]) -> None:
        """Takes how many to keep, and what is compared; rows of value None are passed over."""
        self._count = count
        self._value_of = value_of
        self._seen = 0
        self._heap: list[tuple[float, int, Row]] = []

    def add(self, row: Row) -> None:
        """Looks at one row."""
        value = self._value_of(row)
        if value is None:
            return
        self._seen += 1
        entry = (value, -self._seen, row)
        if len(self._heap) < self._count:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    @property
    def seen(self) -> int:
        """How many rows had a value."""
        return self._seen

    def rows(self) -> list[Row]:
        """The kept rows, the highest first."""
        return [row for _, _, row in sorted(self._heap, reverse=True)]
