"""What the page draws around a cell."""

from dataclasses import dataclass

from edge_runtime.row import Status


@dataclass(frozen=True)
class Outline:
    """One cell in a picture.

    Attributes:
        box: x, y, width, height in pixels of the frame.
        points: a polygon in pixels of the frame; empty where only the box is known.
        label: the answer; None when there is none.
        probability: of the label.
        status: of the row.
        number: of the counted cell it was met as; None when it is none.
    """

    box: tuple[int, int, int, int]
    points: tuple[tuple[int, int], ...]
    label: str | None
    probability: float | None
    status: Status
    number: int | None
