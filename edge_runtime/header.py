"""Reads a picture's format, size and orientation from its first bytes, without decoding it."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from edge_runtime.errors import PictureError

_EXIF_ORIENTATION = 0x0112
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SAMPLES, _TIFF_EXTRA_SAMPLE = 0x0100, 0x0101, 0x0115, 0x0152
# JPEG start-of-frame markers that carry the size (all SOFn but DHT, JPG and DAC).
_JPEG_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_MAX_IFD_ENTRIES = 4096


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        format: `bmp`, `jpeg`, `png`, `tiff` or `webp`.
        width: in pixels, as stored, before any rotation.
        height: in pixels, as stored.
        orientation: EXIF orientation 1..8 still to be applied. Always 1 for TIFF, whose decoder applies it.
        extra_sample: what the fourth channel of an RGBA TIFF is (1 and 2 are alpha; 1 is already multiplied into the
            colours); None where it does not say, and for all other pictures.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    extra_sample: int | None = None


def read_header(data: bytes | bytearray) -> Header:
    """Reads the header of an encoded picture.

    Raises:
        PictureError: not one of the five formats, or cut off within the header.
    """
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(data)
        if data.startswith(b"BM"):
            return _bmp(data)
    except (struct.error, IndexError, KeyError):
        raise PictureError("the file is cut off or damaged within its header; copy it again") from None
    raise PictureError("not a picture (BMP, JPEG, PNG, TIFF and WebP are read)")


def _png(data: bytes | bytearray) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    orientation = 1
    for kind, start, length in _png_chunks(data):
        if kind == b"eXIf":
            orientation = _orientation(data[start : start + length])
    return Header("png", width, height, orientation)


def _png_chunks(data: bytes | bytearray) -> Iterator[tuple[bytes, int, int]]:
    position = 8
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, position + 8, length
        position += 12 + length


def _jpeg(data: bytes | bytearray) -> Header:
    position, orientation = 2, 1
    while True:
        if data[position] != 0xFF:
            raise IndexError
        marker = data[position + 1]
        if marker == 0xFF or marker in _JPEG_STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _JPEG_SOF:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return Header("jpeg", width, height, orientation)
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            orientation = _orientation(data[position + 10 : position + 2 + length])
        position += 2 + length


def _webp(data: bytes | bytearray) -> Header:
    size: tuple[int, int] | None = None
    orientation = 1
    position = 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if kind == b"VP8X":
            size = (
                1 + int.from_bytes(data[start + 4 : start + 7], "little"),
                1 + int.from_bytes(data[start + 7 : start + 10], "little"),
            )
        elif kind == b"VP8L" and size is None:
            (bits,) = struct.unpack_from("<I", data, start + 1)
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"VP8 " and size is None:
            width, height = struct.unpack_from("<HH", data, start + 6)
            size = width & 0x3FFF, height & 0x3FFF
        elif kind == b"EXIF":
            exif = data[start : start + length]
            orientation = _orientation(exif.removeprefix(b"Exif\0\0"))
        position = start + length + length % 2
    if size is None:
        raise IndexError
    return Header("webp", *size, orientation)


def _bmp(data: bytes | bytearray) -> Header:
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return Header("bmp", abs(width), abs(height))


def _tiff(data: bytes | bytearray) -> Header:
    tags = _ifd(data)
    extra_sample = tags.get(_TIFF_EXTRA_SAMPLE) if tags.get(_TIFF_SAMPLES) == 4 else None
    return Header("tiff", tags[_TIFF_WIDTH], tags[_TIFF_HEIGHT], extra_sample=extra_sample)


def _orientation(exif: bytes | bytearray) -> int:
    try:
        value = _ifd(exif).get(_EXIF_ORIENTATION, 1)
    except (struct.error, IndexError):
        return 1  # damaged EXIF: the pixels are still good
    return value if 1 <= value <= 8 else 1


def _ifd(data: bytes | bytearray) -> dict[int, int]:
    """Single integers of the first image file directory (TIFF 6.0, section 2), by tag."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        raise IndexError
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    tags = {}
    for i in range(min(count, _MAX_IFD_ENTRIES)):
        position = start + 2 + 12 * i
        tag, kind, _ = struct.unpack_from(order + "HHI", data, position)
        if kind in (3, 4):  # SHORT, LONG
            (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, position + 8)
    return tags
