"""What takes text line by line."""

from typing import Protocol


class Lines(Protocol):
    """A stream of whole lines.

    Attributes:
        begun: whether rows of an earlier run stand before what is written now, and with them a header.
    """

    begun: bool

    def write(self, text: str) -> None:
        """Takes one line with its end.

        Raises:
            OutputError: it cannot be written.
        """
