"""What the page draws and keeps of a cell beside its row: outline and judged pixels, when a field was searched."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_runtime.cell_tracker import Box
from edge_runtime.cells import Field
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame

# Of the cell's side: an outline this close to the true one looks the same and has a tenth of its points.
_OUTLINE_TOLERANCE = 0.01


@dataclass(frozen=True)
class Sight:
    """One cell of a frame.

    Attributes:
        box: x, y, width, height in pixels of the frame.
        points: its outline, x and y in pixels of the frame; empty where only the box is known.
        picture: uint8 `[height, width, 3]`, BGR: what the model judges, before any change of stain.
    """

    box: Box
    points: tuple[tuple[int, int], ...]
    picture: PixelArray


class Sights:
    """Remembers the field that was searched last, so that its rows can be given their outlines."""

    def __init__(self, *, crop: int) -> None:
        """Knows no field yet; `crop` is the side of the square the model reads where the whole picture is the cell."""
        self._crop = crop
        self._frame: Frame | None = None
        self._field: Field | None = None

    def note(self, frame: Frame, field: Field, rows: Sequence[Row]) -> None:
        """Takes what was found in a frame; a `Seen` of `look_at_field`."""
        self._frame, self._field = frame, field

    def of(self, row: Row, frame: Frame) -> Sight:
        """How a row of this frame is shown.

        Args:
            row: of a cell.
            frame: with a picture.
        """
        assert frame.picture is not None and row.cell is not None
        if row.box is None:
            box = _middle(frame.picture, self._crop)
        elif frame is self._frame and self._field is not None:
            cell = self._field.cells[row.cell]
            tolerance = _OUTLINE_TOLERANCE * max(cell.box[2:])
            points = cv2.approxPolyDP(cell.contour[:, np.newaxis], tolerance, True)[:, 0]
            picture = cell.picture if cell.picture is not None else cut(frame.picture, row.box)
            return Sight(row.box, tuple((int(x), int(y)) for x, y in points), picture)
        else:
            box = row.box
        return Sight(box, (), cut(frame.picture, box))


def cut(picture: PixelArray, box: Box, *, margin: int = 0) -> PixelArray:
    """The part of a picture in a box and so many pixels around it, as far as there are any."""
    x, y, width, height = box
    return picture[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin]


def _middle(picture: PixelArray, crop: int) -> Box:
    height, width = picture.shape[:2]
    across, down = min(crop, width), min(crop, height)
    return (width - across) // 2, (height - down) // 2, across, down
