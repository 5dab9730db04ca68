"""The newest picture for every browser: encoded once, shared by all, and only while somebody looks."""

import asyncio
import json
import struct
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2

from edge_runtime.live.outline import Outline
from edge_runtime.preprocess import PixelArray

# What a page needs to look smooth; a camera may give more.
MOST_FPS = 25
# A desktop shows no more of the picture beside the tally, and encoding costs by the pixel.
LONGEST_SIDE = 1024
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Shot:
    """One encoded picture.

    Attributes:
        serial: of the shot, rising.
        jpeg: the picture.
        message: what a browser is sent: the length of the JSON as 4 bytes (big endian), the JSON, the JPEG.
    """

    serial: int
    jpeg: bytes
    message: bytes


@dataclass(frozen=True)
class _Raw:
    picture: PixelArray
    frame: int | None
    outlines: Sequence[Outline]


class PictureDesk:
    """Takes pictures from the run's thread and gives shots to the server's event loop."""

    def __init__(self) -> None:
        """Nothing to show yet."""
        self._raw: _Raw | None = None
        self._shot: Shot | None = None
        self._encoded: _Raw | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fresh = asyncio.Event()
        self._done = asyncio.Condition()
        self._waiting = 0
        self._told = False

    def show(self, picture: PixelArray, outlines: Sequence[Outline], *, frame: int | None) -> None:
        """Puts the newest picture there; costs next to nothing while nobody looks. The array must not change later."""
        self._raw = _Raw(picture, frame, outlines)
        if self._loop is not None and self._waiting and not self._told:
            self._told = True
            self._loop.call_soon_threadsafe(self._fresh.set)

    async def serve(self) -> None:
        """Encodes as long as somebody waits; runs until cancelled, in the server's event loop."""
        self._loop = asyncio.get_running_loop()
        serial = 0
        while True:
            start_s = time.monotonic()
            await self._fresh.wait()
            self._fresh.clear()
            self._told = False
            raw = self._raw
            if raw is None or raw is self._encoded:
                continue
            serial += 1
            self._shot = await asyncio.to_thread(_shot_of, raw, serial)
            self._encoded = raw
            async with self._done:
                self._done.notify_all()
            await asyncio.sleep(1 / MOST_FPS - (time.monotonic() - start_s))

    async def next_shot(self, after: int) -> Shot:
        """Waits for a shot newer than `after`; 0 takes the newest picture there is."""
        if after == 0 and self._shot is not None and self._encoded is not self._raw:
            after = self._shot.serial  # encoded while somebody else looked, and old by now
        self._waiting += 1
        try:
            if self._raw is not self._encoded:
                self._fresh.set()
            async with self._done:
                await self._done.wait_for(lambda: self._shot is not None and self._shot.serial > after)
            assert self._shot is not None
            return self._shot
        finally:
            self._waiting -= 1


def _shot_of(raw: _Raw, serial: int) -> Shot:
    height, width = raw.picture.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    picture = raw.picture
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
    jpeg = jpeg_of(picture, quality=_JPEG_QUALITY)
    head = {"serial": serial, "frame": raw.frame, "width": width, "height": height}
    text = json.dumps(head | {"outlines": [asdict(outline) for outline in raw.outlines]}, separators=(",", ":"))
    told = text.encode()
    return Shot(serial, jpeg, struct.pack(">I", len(told)) + told + jpeg)


def jpeg_of(picture: PixelArray, *, quality: int) -> bytes:
    """A picture, uint8 BGR `[height, width, 3]`, as JPEG of this quality (0 to 100)."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
