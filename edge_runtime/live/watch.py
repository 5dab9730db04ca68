"""Between the run and the page: looks at frames as before, and shows what was seen."""

import time
from collections.abc import Sequence

import cv2

from edge_runtime.live.count import Count
from edge_runtime.live.meter import Meter
from edge_runtime.live.outline import Outline, box_of
from edge_runtime.live.picture import PictureDesk, jpeg_of
from edge_runtime.look import Look
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame

_THUMBNAIL_SIDE = 128
_THUMBNAIL_QUALITY = 85
# Of the longer side of the box: some surroundings help the eye.
_THUMBNAIL_MARGIN = 0.15


def watched(look: Look, *, count: Count, desk: PictureDesk, meter: Meter, crop: int) -> Look:
    """The same look, whose cells also go to the count and the page.

    Args:
        look: says what is in a frame.
        count: is told every cell once.
        desk: is given every picture.
        meter: is told how long a frame took.
        crop: side of the middle square that the model reads where the whole picture is the cell.
    """
    met = _Met()

    def look_and_show(frame: Frame) -> Sequence[Row]:
        start_s = time.monotonic()
        rows = look(frame)
        meter.add(time.monotonic() - start_s)
        picture = frame.picture
        if picture is None:
            return rows
        boxes = [box_of(row, frame, crop=crop) for row in rows]
        numbers = met.numbers(boxes)
        outlines = []
        for i, (row, box) in enumerate(zip(rows, boxes, strict=True)):
            if numbers[i] is None:
                numbers[i] = _count(count, row, picture, box)
            outlines.append(Outline(box, (), row.label, row.probabilities.get(row.label or ""), row.status, numbers[i]))
        met.remember(boxes, numbers)
        desk.show(picture, outlines, frame=frame.frame)
        return rows

    return look_and_show


def _count(count: Count, row: Row, picture: PixelArray, box: tuple[int, int, int, int]) -> int | None:
    if row.status == "skipped":
        count.skip(1)
        return 0
    if row.label is None:
        return 0
    return count.meet(row, thumbnail=_thumbnail(picture, box), picture=lambda: _png(_cut(picture, box, 0))).number


class _Met:
    def __init__(self) -> None:
        self._boxes: Sequence[tuple[int, int, int, int]] = ()
        self._numbers: Sequence[int | None] = ()

    def numbers(self, boxes: Sequence[tuple[int, int, int, int]]) -> list[int | None]:
        return [
            next((n for b, n in zip(self._boxes, self._numbers, strict=True) if _overlap(b, box)), None)
            for box in boxes
        ]

    def remember(self, boxes: Sequence[tuple[int, int, int, int]], numbers: Sequence[int | None]) -> None:
        self._boxes, self._numbers = boxes, numbers


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return across > 0 and down > 0 and 2 * across * down > min(one[2] * one[3], other[2] * other[3])


def _thumbnail(picture: PixelArray, box: tuple[int, int, int, int]) -> bytes:
    part = _cut(picture, box, round(_THUMBNAIL_MARGIN * max(box[2:])))
    scale = _THUMBNAIL_SIDE / max(part.shape[:2])
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
    return jpeg_of(small, quality=_THUMBNAIL_QUALITY)


def _cut(picture: PixelArray, box: tuple[int, int, int, int], margin: int) -> PixelArray:
    x, y, width, height = box
    return picture[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin]


def _png(picture: PixelArray) -> bytes:
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
