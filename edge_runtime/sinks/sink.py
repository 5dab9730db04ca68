"""What every sink does."""

from typing import Protocol

from edge_runtime.row import Row


class Sink(Protocol):
    """Takes rows one by one."""

    def write(self, row: Row) -> None:
        """Writes one row; it has left the process on return.

        Raises:
            OutputError: it cannot be written.
        """
