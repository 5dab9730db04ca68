"""Between the run and the page: looks at frames as before, and shows what was seen."""

import time
from collections.abc import Sequence
from functools import partial

import cv2

from edge_runtime.cell_tracker import Box, CellTracker
from edge_runtime.live.count import Count
from edge_runtime.live.meter import Meter
from edge_runtime.live.outline import Outline
from edge_runtime.live.picture import PictureDesk, jpeg_of
from edge_runtime.live.sights import Sights, cut
from edge_runtime.look import Look
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame

_THUMBNAIL_SIDE = 128
_THUMBNAIL_QUALITY = 85
# Of the longer side of the box: some surroundings help the eye.
_THUMBNAIL_MARGIN = 0.15


def watched(look: Look, *, count: Count, desk: PictureDesk, meter: Meter, sights: Sights) -> Look:
    """The same look, whose cells also go to the count and the page.

    Args:
        look: says what is in a frame.
        count: is told every cell once.
        desk: is given every picture.
        meter: is told how long a frame took.
        sights: gives outline and pixels of a row.
    """
    tracker = CellTracker()
    met: dict[int, int] = {}

    def look_and_show(frame: Frame) -> Sequence[Row]:
        start_s = time.monotonic()
        rows = look(frame)
        meter.add(time.monotonic() - start_s)
        picture = frame.picture
        if picture is None:
            return rows
        cells = [(row, sights.of(row, frame)) for row in rows if row.cell is not None]
        numbers = tracker.step(picture, [sight.box for _, sight in cells])
        outlines = []
        for (row, sight), number in zip(cells, numbers, strict=True):
            if row.label is None:
                count.skip(number)
            else:
                met[number] = count.meet(
                    row,
                    thumbnail=partial(_thumbnail, picture, sight.box),
                    picture=partial(_png, sight.picture),
                    number=met.get(number),
                )
            probability = row.probabilities.get(row.label or "")
            outlines.append(Outline(sight.box, sight.points, row.label, probability, row.status, met.get(number)))
        for forgotten in met.keys() - tracker.remembered:
            del met[forgotten]
        desk.show(picture, outlines, frame=frame.frame)
        return rows

    return look_and_show


def _thumbnail(picture: PixelArray, box: Box) -> bytes:
    part = cut(picture, box, margin=round(_THUMBNAIL_MARGIN * max(box[2:])))
    scale = _THUMBNAIL_SIDE / max(part.shape[:2])
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
    return jpeg_of(small, quality=_THUMBNAIL_QUALITY)


def _png(picture: PixelArray) -> bytes:
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
