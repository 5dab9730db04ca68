"""The pages of a TIFF, each as a file of its own that costs no more than decoding it."""

import struct
from collections.abc import Iterator

from edge_runtime.errors import PictureError
from edge_runtime.preprocess import MAX_PIXELS

MAX_PAGES = 1000
# A stack of a thousand pages of 2 megapixels; a hostile chain can name one large page again and again.
MAX_PIXELS_OF_ALL = 40 * MAX_PIXELS

_FIRST_DIRECTORY_AT, _ENTRY_BYTES = 4, 12
_SUBFILE_TYPE, _WIDTH, _HEIGHT = 254, 256, 257
_SHORT, _LONG = 3, 4
# Bits of NewSubfileType (TIFF 6.0, section 8): a smaller copy of another page, and a transparency mask.
_NO_PAGE_OF_ITS_OWN = 0b101


def pages_of(data: bytes) -> Iterator[tuple[int | None, bytes | bytearray]]:
    """Gives each page of a file; smaller copies (thumbnails, pyramids) and masks are passed over.

    Yields:
        The number of the page, from 0, and a file that begins with it, which must be decoded before the next one is
        asked for: it is the same memory. Of a picture that is no TIFF, has one page or a damaged beginning: None and
        the whole.

    Raises:
        PictureError: the chain of pages is damaged, loops or is too long; the pages before were yielded.
    """
    starts, problem = _directories(data)
    if not starts or (starts == [_first(data)] and not problem):
        yield None, data
        return
    page = bytearray(data)
    for number, start in enumerate(starts):
        struct.pack_into(_order(data) + "I", page, _FIRST_DIRECTORY_AT, start)
        yield number if len(starts) > 1 or problem else None, page
    if problem:
        raise PictureError(problem)


def _order(data: bytes) -> str:
    return {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4], "")


def _first(data: bytes) -> int:
    (start,) = struct.unpack_from(_order(data) + "I", data, _FIRST_DIRECTORY_AT)
    return int(start)


def _directories(data: bytes) -> tuple[list[int], str]:
    """Where the directories of the pages begin, and what is wrong behind the last of them."""
    order = _order(data)
    if not order:
        return [], ""
    starts: list[int] = []
    seen: set[int] = set()
    pixels = 0
    try:
        start = _first(data)
        while start:
            if start in seen:
                return starts, "the chain of its pages loops; save it again"
            if len(seen) >= MAX_PAGES or pixels > MAX_PIXELS_OF_ALL:
                return starts, f"has more than {MAX_PAGES} pages, or too large ones; split it"
            seen.add(start)
            tags, following = _directory(data, order, start)
            if not tags.get(_SUBFILE_TYPE, 0) & _NO_PAGE_OF_ITS_OWN:
                starts.append(start)
                pixels += tags.get(_WIDTH, 0) * tags.get(_HEIGHT, 0)
            start = following
    except struct.error:
        return starts, "the chain of its pages is cut off or damaged; copy it again"
    return starts, ""


def _directory(data: bytes, order: str, start: int) -> tuple[dict[int, int], int]:
    """Single integers of a directory by tag, and where the next begins; 0 after the last."""
    (count,) = struct.unpack_from(order + "H", data, start)
    (following,) = struct.unpack_from(order + "I", data, start + 2 + _ENTRY_BYTES * count)
    tags = {}
    for i in range(count):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, start + 2 + _ENTRY_BYTES * i)
        if tag in (_SUBFILE_TYPE, _WIDTH, _HEIGHT) and kind in (_SHORT, _LONG):
            position = start + 2 + _ENTRY_BYTES * i + 8
            (tags[tag],) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, position)
    return tags, following
