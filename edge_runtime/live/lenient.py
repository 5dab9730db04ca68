"""A sink that survives a full disk: the page and the count go on."""

from collections.abc import Callable

from edge_runtime.errors import OutputError
from edge_runtime.row import Row
from edge_runtime.sinks.sink import Sink


class LenientSink:
    """Hands rows on, and says once when they cannot be written and once when they can again."""

    def __init__(self, sink: Sink | None, tell: Callable[[str], None]) -> None:
        """Goes around a sink.

        Args:
            sink: where rows go; None keeps none.
            tell: is given what is wrong in one line, and an empty text when it is right again.
        """
        self._sink = sink
        self._tell = tell
        self._problem = ""

    def write(self, row: Row) -> None:
        """Writes one row, or tells why it could not."""
        if self._sink is None:
            return
        problem = ""
        try:
            self._sink.write(row)
        except OutputError as error:
            problem = str(error)
        if problem != self._problem:
            self._problem = problem
            self._tell(problem)
