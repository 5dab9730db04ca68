"""What every run of the command is: files, a camera, or files on a cluster."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from edge_runtime.classifier import Classifier
from edge_runtime.look import Look
from edge_runtime.pipeline import Tally
from edge_runtime.row import Row

Options = Mapping[str, Any]
"""Of the command, by their name in Python."""
Load = Callable[[int], Classifier]
"""Loads the model for so many threads an inference."""
MakeLook = Callable[[Classifier], Look]
"""Makes what the options ask to look for."""


class Run(Protocol):
    """Where rows come from and go to. What is opened is closed with the stack that its maker was given.

    Attributes:
        classifier: whose answers they are.
    """

    classifier: Classifier

    def open_output(self) -> None:
        """Opens where the rows go; called once, before what follows."""

    def earlier(self) -> Iterator[Row]:
        """The rows that an earlier run left and this one keeps."""

    def count(self) -> Iterable[object] | None:
        """All that there is to read, to be counted; None where that cannot be known."""

    @property
    def done(self) -> int:
        """How many of all that there is an earlier run has read."""

    def run(self, tally: Tally, on_row: Callable[[Row], None], on_read: Callable[[], None]) -> None:
        """Makes the rows and writes them.

        Args:
            tally: counts the rows; right at any moment, also when this is interrupted.
            on_row: told each row once it is written.
            on_read: called once all rows of a picture are.

        Raises:
            EdgeClassifyError: it cannot go on.
        """
