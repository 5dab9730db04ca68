"""One cell that was met under the microscope, and what a technician says of it."""

from dataclasses import dataclass

from edge_runtime.row import Row

# What a technician says of something that is no cell to count: dirt, a smear, the same cell again.
TAKEN_OUT = "out"


@dataclass(frozen=True)
class SeenCell:
    """A cell met by the camera.

    Attributes:
        number: from 1, never used twice while the program runs.
        row: what the model said; never changed by anybody.
        thumbnail: JPEG, for the page.
        picture: PNG of the pixels the model judged, for training; empty when they are no longer kept.
        counted: whether it belongs to the count.
        verdict: the technician's word, a label or `TAKEN_OUT`; None leaves the model's answer.
    """

    number: int
    row: Row
    thumbnail: bytes
    picture: bytes
    counted: bool = False
    verdict: str | None = None

    @property
    def label(self) -> str | None:
        """What the cell counts as; None when it is uncertain or taken out."""
        if self.verdict is not None:
            return None if self.verdict == TAKEN_OUT else self.verdict
        return self.row.label if self.row.status == "ok" else None
