"""What the page draws around a cell."""

from dataclasses import dataclass

from edge_runtime.row import Row, Status
from edge_runtime.sources.frame import Frame


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


def box_of(row: Row, frame: Frame, *, crop: int) -> tuple[int, int, int, int]:
    """The row's box; when the whole picture is the cell, the middle square that the model judges.

    Args:
        row: of the frame.
        frame: with a picture.
        crop: side of the middle square that the model reads, in pixels.
    """
    if row.box is not None:
        return row.box
    assert frame.picture is not None
    height, width = frame.picture.shape[:2]
    across, down = min(crop, width), min(crop, height)
    return (width - across) // 2, (height - down) // 2, across, down
