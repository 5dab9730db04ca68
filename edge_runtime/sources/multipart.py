"""Cuts the parts out of `multipart/x-mixed-replace`, the way network cameras send MJPEG over HTTP."""

import re

from edge_runtime.errors import CameraError

# A part's header is a few lines; the limit keeps what is no multipart stream from filling memory.
_MAX_HEADER_BYTES = 16_384
# The JPEG of a 50-megapixel camera at the best quality stays below it.
_MAX_PART_BYTES = 64_000_000
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


class MultipartParser:
    """Takes bytes as they come and gives the bodies of whole parts.

    A part ends by its Content-Length or, as some cameras send none, where the next boundary begins.
    """

    def __init__(self, boundary: str) -> None:
        """Takes the boundary that the Content-Type names; cameras name it with and without its two dashes."""
        self._delimiter = b"--" + boundary.strip('" ').encode("latin-1").removeprefix(b"--")
        self._buffer = bytearray()
        self._length: int | None = None
        self._in_body = False

    def feed(self, data: bytes) -> list[bytes]:
        """Takes the next bytes.

        Returns:
            The bodies of the parts that are now whole, in their order.

        Raises:
            CameraError: a header or a part is longer than any camera's.
        """
        self._buffer += data
        parts = []
        while (part := self._next()) is not None:
            parts.append(part)
        return parts

    def _next(self) -> bytes | None:
        if not self._in_body and not self._cut_header():
            return None
        if self._length is not None:
            end = after = self._length
            if end > _MAX_PART_BYTES:
                raise CameraError("sends pictures of an impossible size; check that the address is a camera's")
        else:
            end = after = self._buffer.find(self._delimiter)
            if end < 0 and len(self._buffer) > _MAX_PART_BYTES:
                raise CameraError("sends no end of a picture; check that the address is a camera's")
        if end < 0 or len(self._buffer) < end:
            return None
        part = bytes(self._buffer[:end])
        del self._buffer[:after]
        self._in_body = False
        return part

    def _cut_header(self) -> bool:
        """Whether a header was whole, and is now off the buffer."""
        # What stands before the delimiter is the line end of the part before, or the rest of one that was too long.
        start = self._buffer.find(self._delimiter)
        if start > 0:
            del self._buffer[:start]
        blank = _BLANK_LINE.search(self._buffer) if start >= 0 else None
        if blank is None:
            if len(self._buffer) > _MAX_HEADER_BYTES:
                raise CameraError("sends no pictures; check that the address is an MJPEG camera's")
            return False
        length = _LENGTH.search(self._buffer, 0, blank.end())
        self._length = int(length[1]) if length else None
        del self._buffer[: blank.end()]
        self._in_body = True
        return True
