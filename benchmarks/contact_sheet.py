"""Pieces of fields side by side, for a person to judge what a table only counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.finds import Box
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.preprocess import PixelArray

_PIECE_PX, _LINE_PX, _ACROSS = 240, 22, 6
_WIDER = 1.6  # the piece is this many times as wide as the box
_TRUE, _FOUND, _BLACK = (40, 170, 40), (40, 40, 220), (0, 0, 0)  # BGR
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.45


@dataclass(frozen=True)
class Piece:
    """What is to be looked at.

    Attributes:
        text: written below it.
        picture: the field, uint8 `[height, width, 3]`, BGR.
        box: the place in it.
        true: boxes drawn in green.
        found: boxes drawn in red.
    """

    text: str
    picture: PixelArray
    box: Box
    true: Sequence[Box]
    found: Sequence[Box]


def draw_contact_sheet(pieces: Sequence[Piece]) -> PixelArray:
    """Draws all pieces, uint8 `[height, width, 3]`, BGR, with a line that says what the colours are."""
    tiles = [_tile(piece) for piece in pieces]
    blank = np.full((_PIECE_PX + _LINE_PX, _PIECE_PX, 3), 255, np.uint8)
    tiles += [blank] * (-len(tiles) % _ACROSS)
    rows = [np.hstack(tiles[start : start + _ACROSS]) for start in range(0, len(tiles), _ACROSS)]
    head = np.full((2 * _LINE_PX, _ACROSS * _PIECE_PX, 3), 255, np.uint8)
    for line, text in enumerate(
        (f"{len(pieces)} misses and false finds. Green: drawn by people; red: found.", RESEARCH_USE), 1
    ):
        cv2.putText(head, text, (6, line * _LINE_PX - 6), _FONT, _SCALE, _BLACK, 1, cv2.LINE_AA)
    return np.asarray(np.vstack([head, *rows]), np.uint8)


def _tile(piece: Piece) -> PixelArray:
    x, y, width, height = piece.box
    side = round(max(width, height) * _WIDER)
    window = cv2.getRectSubPix(piece.picture, (side, side), (x + width / 2, y + height / 2))
    drawn = cv2.resize(window, (_PIECE_PX, _PIECE_PX), interpolation=cv2.INTER_AREA)
    zoom = _PIECE_PX / side
    left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
    for boxes, colour in ((piece.true, _TRUE), (piece.found, _FOUND)):
        for x, y, width, height in boxes:
            corners = (x - left, y - top), (x + width - left, y + height - top)
            first, last = ((round(a * zoom), round(b * zoom)) for a, b in corners)
            cv2.rectangle(drawn, first, last, colour, 2)
    below = np.full((_LINE_PX, _PIECE_PX, 3), 255, np.uint8)
    cv2.putText(below, piece.text, (4, _LINE_PX - 7), _FONT, _SCALE, _BLACK, 1, cv2.LINE_AA)
    return np.asarray(np.vstack([drawn, below]), np.uint8)
