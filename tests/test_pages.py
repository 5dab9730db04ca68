"""TIFF pages: each is a picture, and no chain of them does harm."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge_runtime.sources.folder import frames_of
from edge_runtime.sources.pages import MAX_PAGES, pages_of

SIDE = 16


def page(value: int, dtype: type = np.uint8) -> Image.Image:
    shape = (SIDE, SIDE, 3) if dtype is np.uint8 else (SIDE, SIDE)
    return Image.fromarray(np.full(shape, value, dtype))


def tiff(*pages: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], **options)
    return file.getvalue()


def directories(data: bytes) -> list[int]:
    """Where each directory begins; the position of a link to the next is 2 + 12 * entries behind it."""
    starts, (start,) = [], struct.unpack_from("<I", data, 4)
    while start:
        starts.append(start)
        (start,) = struct.unpack_from("<I", data, link_of(data, start))
    return starts


def link_of(data: bytes, start: int) -> int:
    (count,) = struct.unpack_from("<H", data, start)
    return start + 2 + 12 * int(count)


def linked(data: bytes, number: int, target: int) -> bytes:
    """The file with the link behind a page changed."""
    changed = bytearray(data)
    struct.pack_into("<I", changed, link_of(data, directories(data)[number]), target)
    return bytes(changed)


def values(data: bytes) -> list[tuple[int | None, int | None]]:
    """Number and colour of each frame; no colour where there is a problem."""
    return [
        (frame.frame, None if frame.picture is None else int(frame.picture[0, 0, 0]))
        for frame in frames_of("a.tif", data)
    ]


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_every_page_is_a_numbered_frame(options: dict[str, Any]) -> None:
    assert values(tiff(page(10), page(20), page(30), **options)) == [(0, 10), (1, 20), (2, 30)]


def test_pages_of_16_bits_keep_their_upper_8() -> None:
    assert values(tiff(page(0x1234, np.uint16), page(0xABCD, np.uint16))) == [(0, 0x12), (1, 0xAB)]


def test_a_single_page_has_no_number() -> None:
    assert values(tiff(page(10))) == [(None, 10)]


@pytest.mark.parametrize("number", [0, 1])
def test_a_thumbnail_is_no_page(number: int) -> None:
    """Whether it stands first, as some cameras write it, or last."""
    data = bytearray(tiff(page(10), page(20)))
    start = directories(bytes(data))[number]
    # Any entry will do that decoding can miss: its tag becomes NewSubfileType, its value "reduced-resolution".
    (count,) = struct.unpack_from("<H", data, start)
    at = {struct.unpack_from("<H", data, start + 2 + 12 * i)[0]: start + 2 + 12 * i for i in range(count)}
    struct.pack_into("<HHII", data, at[284], 254, 4, 1, 1)  # 284: PlanarConfiguration
    assert values(bytes(data)) == [(None, [20, 10][number])]


def test_a_picture_of_another_format_is_given_as_it_is(samples: Path) -> None:
    data = (samples / "cell-01.png").read_bytes()
    assert list(pages_of(data)) == [(None, data)]


@pytest.mark.parametrize("target", [0, 1])
def test_a_chain_that_loops_ends_with_a_problem(target: int) -> None:
    data = tiff(page(10), page(20))
    looped = linked(data, 1, directories(data)[target])
    assert values(looped) == [(0, 10), (1, 20), (2, None)]
    assert "loops" in list(frames_of("a.tif", looped))[-1].problem


def test_a_chain_that_is_damaged_keeps_the_pages_before() -> None:
    data = tiff(page(10), page(20))
    assert values(linked(data, 1, len(data) + 1000)) == [(0, 10), (1, 20), (2, None)]
    assert values(linked(data, 0, len(data) + 1000)) == [(0, 10), (1, None)]


def chain(count: int) -> bytes:
    """Directories that all name the same pixels."""
    data = bytearray(tiff(page(10)))
    (first,) = directories(data)
    entries = bytes(data[first : link_of(data, first)])
    link = link_of(data, first)
    for _ in range(count - 1):
        data += bytes(len(data) % 2)
        struct.pack_into("<I", data, link, len(data))
        link = len(data) + len(entries)
        data += entries + bytes(4)
    return bytes(data)


def test_a_long_chain_is_cut_off() -> None:
    frames = list(frames_of("a.tif", chain(MAX_PAGES + 1)))
    assert len(frames) == MAX_PAGES + 1
    assert all(frame.picture is not None for frame in frames[:-1])
    assert f"more than {MAX_PAGES} pages" in frames[-1].problem


def test_a_chain_of_large_pages_is_cut_off() -> None:
    data = bytearray(chain(60))
    for start in directories(bytes(data)):
        for i in range(struct.unpack_from("<H", data, start)[0]):
            tag = struct.unpack_from("<H", data, start + 2 + 12 * i)[0]
            if tag in (256, 257):
                struct.pack_into("<HI", data, start + 2 + 12 * i + 2, 4, 1)
                struct.pack_into("<I", data, start + 2 + 12 * i + 8, 50_000 if tag == 256 else 1000)
    frames = list(frames_of("a.tif", bytes(data)))
    assert 40 <= len(frames) <= 43
    assert "too large" in frames[-1].problem


def test_a_damaged_first_page_is_one_problem() -> None:
    data = tiff(page(10), page(20))
    assert values(data[:6]) == [(None, None)]
    assert values(b"II*\0" + bytes(100)) == [(None, None)]
