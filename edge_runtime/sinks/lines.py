"""What takes text line by line."""

from typing import Protocol


class Lines(Protocol):
    """A stream of whole lines."""

    def write(self, text: str) -> None:
        """Takes one line with its end.

        Raises:
            OutputError: it cannot be written.
        """
