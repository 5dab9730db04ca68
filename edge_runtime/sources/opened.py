"""From what a row shows of a picture back to the picture."""

import os
import re

from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from edge_runtime.sources.folder import read_frames

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def path_on_disk(shown: str) -> str:
    """The file that `edge_runtime.sources.address.shown` wrote so: bytes that are not UTF-8 stand as escapes there."""
    if os.path.lexists(shown):
        return shown
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), shown.encode()))


def picture_of(row: Row) -> PixelArray | None:
    """The picture, or page, that a row speaks of, uint8 `[height, width, 3]`, BGR; None where it is gone."""
    for frame in read_frames([path_on_disk(row.path)]):
        if frame.frame == row.frame:
            return frame.picture
    return None
