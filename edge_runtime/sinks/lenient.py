"""A sink that survives a full disk: a camera's run goes on."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from edge_runtime.errors import OutputError
from edge_runtime.row import Row
from edge_runtime.sinks.sink import Sink


class LenientSink(AbstractContextManager["LenientSink"]):
    """Hands rows on, and says once when they cannot be written, and how many were lost when they can again.

    Attributes:
        problem: why rows cannot be written, in one line; empty when they can.
    """

    def __init__(self, sink: Sink | None, say: Callable[[str], None]) -> None:
        """Goes around a sink.

        Args:
            sink: where rows go; None keeps none.
            say: is told one line at each turn, and at the end if rows were lost since.
        """
        self._sink = sink
        self._say = say
        self._lost = 0
        self.problem = ""

    def write(self, row: Row) -> None:
        """Writes one row, or says why it could not."""
        if self._sink is None:
            return
        try:
            self._sink.write(row)
        except OutputError as error:
            self._lost += 1
            if not self.problem:
                self._say(f"{error}; the run goes on")
            self.problem = str(error)
            return
        if self.problem:
            self.problem = ""
            self._say(f"rows are written again; {self._lost} were lost")
            self._lost = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lost:
            self._say(f"{self._lost} rows were lost: {self.problem}")
