"""Draws fields with the outlines of their cells and what is said of each."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.cells import Cell, Field
from edge_runtime.errors import OutputError
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame

# BGR; each says one thing at a glance, and the text beside it says it too.
_FIRST, _OTHER, _UNCERTAIN, _SKIPPED = (40, 40, 220), (60, 150, 30), (0, 150, 230), (120, 120, 120)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FONT, _FONT_PX = cv2.FONT_HERSHEY_SIMPLEX, 30  # height of a letter at scale 1, with its gap
_TEXT_SHARE, _SMALLEST_TEXT = 1 / 34, 0.4  # of the picture's height
_PERCENT = 100


def draw_cells(picture: PixelArray, field: Field, rows: Sequence[Row]) -> PixelArray:
    """Draws what was found, with a line of text below.

    Args:
        picture: uint8 `[height, width, 3]`, BGR; left as it is.
        field: found in it.
        rows: of its cells in the same order, or one where there is none.

    Returns:
        uint8 `[height and the line, width, 3]`, BGR.
    """
    scale = max(_SMALLEST_TEXT, len(picture) * _TEXT_SHARE / _FONT_PX)
    thick = max(1, round(2 * scale))
    line_px = round(_FONT_PX * scale * 1.3)
    below = np.full((2 * line_px, picture.shape[1], 3), _WHITE, np.uint8)
    drawn = np.ascontiguousarray(np.concatenate([picture, below]))
    for cell, row in zip(field.cells, rows, strict=bool(field.cells)):
        colour = _colour(row)
        cv2.drawContours(drawn, [cell.contour[:, np.newaxis]], -1, colour, thick + 1)
        _write(drawn, _say(row), _corner(cell, line_px), scale, thick, colour)
    scale_text = f"{field.um_per_pixel:.4f} um a pixel" if field.um_per_pixel else "scale unknown"
    first = f"{len(field.cells)} cells, {scale_text}" if field.cells else field.problem
    for number, text in enumerate((first, RESEARCH_USE), start=1):
        at = (line_px // 4, len(picture) + round(line_px * (number - 0.3)))
        cv2.putText(drawn, text, at, _FONT, scale, _BLACK, max(1, thick // 2), cv2.LINE_AA)
    return drawn


class Annotator:
    """Writes drawn fields into a folder."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder.

        Raises:
            OutputError: it cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder}: cannot be made ({error.strerror or error}); give another --annotate"
            ) from None
        self._folder = folder

    def write(self, frame: Frame, field: Field, rows: Sequence[Row]) -> None:
        """Writes one field as PNG, named after its path and frame.

        Raises:
            OutputError: it cannot be written.
        """
        if frame.picture is None:
            return
        # Two pictures of one name in two folders must not meet, so the whole path is the name.
        name = re.sub(r"[^\w.-]+", "_", frame.path).strip("_.")[-150:] or "field"
        path = self._folder / f"{name}{'' if frame.frame is None else f'-{frame.frame:06}'}.png"
        data = cv2.imencode(".png", draw_cells(frame.picture, field, rows))[1]
        try:
            path.write_bytes(data.tobytes())
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be written ({error.strerror or error}); free space or give another --annotate"
            ) from None


def _colour(row: Row) -> tuple[int, int, int]:
    if row.status == "uncertain":
        return _UNCERTAIN
    if row.status != "ok":
        return _SKIPPED
    return _FIRST if row.label == next(iter(row.probabilities)) else _OTHER


def _say(row: Row) -> str:
    if row.status != "ok" or row.label is None:
        return row.status
    return f"{row.label} {_PERCENT * row.probabilities[row.label]:.0f}%"


def _corner(cell: Cell, line_px: int) -> tuple[int, int]:
    x, y, _, height = cell.box
    return x, y - line_px // 4 if y > line_px else y + height + line_px * 3 // 4


def _write(
    drawn: PixelArray, text: str, at: tuple[int, int], scale: float, thick: int, colour: tuple[int, int, int]
) -> None:
    # A halo of thicker letters would be wider than the text where OpenCV's fonts grow with their weight.
    for dx, dy in itertools.product((-thick, 0, thick), repeat=2):
        cv2.putText(drawn, text, (at[0] + dx, at[1] + dy), _FONT, scale, _WHITE, thick, cv2.LINE_AA)
    cv2.putText(drawn, text, at, _FONT, scale, colour, thick, cv2.LINE_AA)
