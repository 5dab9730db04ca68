"""Decoding: what comes out is what Pillow sees, and nothing that comes in does harm."""

import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from edge_runtime.errors import PictureError
from edge_runtime.header import read_header
from edge_runtime.preprocess import MAX_PIXELS, decode, read_picture

HEIGHT, WIDTH = 61, 83
LOSSLESS = [
    ("PNG", {}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("WEBP", {"lossless": True}),
]
LOSSY = [
    ("JPEG", {"quality": 90}),
    ("JPEG", {"quality": 90, "progressive": True}),
    ("WEBP", {"quality": 80}),
]
# What two decoders of a lossy format may differ by: a rounding in the colour conversion.
LOSSY_TOLERANCE = 2


def noise(*shape: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, shape, np.uint8)


def encode(picture: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def encoded_colour(format: str, options: dict[str, Any]) -> bytes:
    return encode(Image.fromarray(noise(HEIGHT, WIDTH, 3)), format, **options)


def bgr_of_pillow(data: bytes) -> npt.NDArray[np.uint8]:
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return np.asarray(picture.convert("RGB"))[:, :, ::-1]


@pytest.mark.parametrize(("format", "options"), LOSSLESS)
def test_a_lossless_picture_decodes_to_the_pixels_that_were_saved(format: str, options: dict[str, Any]) -> None:
    decoded = decode(encoded_colour(format, options))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded[:, :, ::-1], noise(HEIGHT, WIDTH, 3))


@pytest.mark.parametrize(("format", "options"), LOSSY)
def test_a_lossy_picture_decodes_to_what_pillow_sees(format: str, options: dict[str, Any]) -> None:
    data = encoded_colour(format, options)
    difference = decode(data).astype(int) - bgr_of_pillow(data)
    assert np.abs(difference).max() <= LOSSY_TOLERANCE


@pytest.mark.parametrize(("format", "options"), LOSSLESS + LOSSY)
def test_the_header_tells_format_and_size(format: str, options: dict[str, Any]) -> None:
    header = read_header(encoded_colour(format, options))
    assert (header.format, header.width, header.height) == (format.lower(), WIDTH, HEIGHT)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_palette_and_two_colour_pictures_become_three_channels(format: str, mode: str) -> None:
    data = encode(Image.fromarray(noise(HEIGHT, WIDTH, 3)).convert(mode), format)
    assert np.array_equal(decode(data), bgr_of_pillow(data))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_a_16_bit_picture_keeps_its_upper_8_bits(format: str) -> None:
    deep = np.random.default_rng(7).integers(0, 65536, (HEIGHT, WIDTH), np.uint16)
    decoded = decode(encode(Image.fromarray(deep), format))
    assert np.array_equal(decoded, np.repeat((deep >> 8)[:, :, np.newaxis], 3, axis=2))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_a_transparent_picture_is_laid_on_black(format: str) -> None:
    pixels = noise(HEIGHT, WIDTH, 4)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    decoded = decode(encode(Image.fromarray(pixels, "RGBA"), format, **options))
    colour, alpha = pixels[:, :, 2::-1].astype(float), pixels[:, :, 3:] / 255
    assert np.abs(decoded - colour * alpha).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("extra_sample", [None, 1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_of_a_tiff_is_applied_once(dtype: type[np.unsignedinteger[Any]], extra_sample: int | None) -> None:
    """A declared alpha of 1 is already in the colours; 2, or none declared, is still to be applied."""
    stored = np.random.default_rng(7).integers(0, np.iinfo(dtype).max, (HEIGHT, WIDTH, 4)).astype(dtype)
    stored[:, :, :3] = np.minimum(stored[:, :, :3], stored[:, :, 3:])  # no colour is brighter than its alpha
    good, encoded = cv2.imencode(".tiff", stored, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    assert good
    data = encoded.tobytes() if extra_sample is None else with_extra_sample(encoded.tobytes(), extra_sample)
    colour, alpha = stored[:, :, :3] / np.iinfo(dtype).max, stored[:, :, 3:] / np.iinfo(dtype).max
    expected = 255 * (colour if extra_sample == 1 else colour * alpha)
    assert np.abs(decode(data) - expected).max() <= 2  # 16-bit colour and alpha each lose their lower byte


def with_extra_sample(tiff: bytes, value: int) -> bytes:
    """The same TIFF with its directory at the end and the tag ExtraSamples in it."""
    (start,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, start)
    entries = [tiff[start + 2 + 12 * i :][:12] for i in range(count)]
    entries.append(struct.pack("<HHIHH", 338, 3, 1, value, 0))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", len(tiff)) + tiff[8:] + directory


@pytest.mark.parametrize(("format", "options"), [case for case in LOSSLESS + LOSSY if case[0] != "BMP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_is_applied(format: str, options: dict[str, Any], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded_colour(format, {**options, "exif": exif})
    expected = bgr_of_pillow(data)
    decoded = decode(data)
    assert decoded.shape == expected.shape
    assert np.abs(decoded.astype(int) - expected).max() <= (LOSSY_TOLERANCE if (format, options) in LOSSY else 0)


def test_damaged_exif_leaves_the_pixels_as_they_are() -> None:
    data = encoded_colour("JPEG", {"exif": b"Exif\0\0MM\0*\xff\xff\xff\xff"})
    assert read_header(data).orientation == 1
    assert decode(data).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "zero bytes"),
        (b"path,label\nnot a picture,all\n", "not a picture"),
        (b"GIF89a" + bytes(100), "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "header"),
        (b"BM", "header"),
        (b"\xff\xd8\xff\xe0", "header"),
        (b"RIFF\x10\0\0\0WEBP", "header"),
        (b"II*\0\x08\0\0\0", "header"),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 0, 5) + bytes(100), "no pixels"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        decode(data)


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.5, 0.9, 0.99, -1])
@pytest.mark.parametrize(("format", "options"), LOSSLESS + LOSSY)
def test_a_truncated_picture_is_refused(format: str, options: dict[str, Any], keep: float) -> None:
    data = encoded_colour(format, options)
    with pytest.raises(PictureError, match="cut off or damaged"):
        decode(data[: int(len(data) * keep) if keep > 0 else -1])


def test_float_pixels_are_refused() -> None:
    with pytest.raises(PictureError, match="float32"):
        decode(encode(Image.fromarray(np.ones((HEIGHT, WIDTH), np.float32)), "TIFF"))


def huge(format: str, side: int = 100_000) -> bytes:
    """A small file whose header claims `side` x `side` pixels."""
    if format == "png":
        ihdr = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr))
    if format == "bmp":
        return b"BM" + bytes(12) + struct.pack("<IiiHH", 40, side, -side, 1, 24) + bytes(24)
    if format == "jpeg":
        side = min(side, 0xFFFF)  # all that JPEG can claim
        return b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, side, side, 3) + bytes(9)
    if format == "webp":
        size = (side - 1).to_bytes(3, "little")
        return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + size + size
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, side) for tag in (0x0100, 0x0101))
    return b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)


@pytest.mark.parametrize("format", ["png", "bmp", "jpeg", "webp", "tiff"])
def test_a_header_that_claims_too_much_is_refused_before_decoding(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("the decoder was reached"))
    start = time.perf_counter()
    with pytest.raises(PictureError, match="over the limit of 50 megapixels"):
        decode(huge(format))
    assert time.perf_counter() - start < 0.1


def test_the_limit_itself_is_not_refused_by_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    data = huge("bmp", int(MAX_PIXELS**0.5))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: np.zeros((2, 2, 3), np.uint8))
    assert decode(data).shape == (2, 2, 3)


def test_a_file_is_read_as_its_bytes(tmp_path: Path) -> None:
    data = encoded_colour("PNG", {})
    path = tmp_path / "blood, \u00e4 \u6f22.png"
    path.write_bytes(data)
    assert np.array_equal(read_picture(path), decode(data))
    assert np.array_equal(read_picture(str(path)), decode(data))


@pytest.mark.parametrize(
    ("name", "message"), [("absent.png", "no such file"), (".", "is a folder"), ("a\0b.png", "not a file name")]
)
def test_a_path_that_gives_no_bytes_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        read_picture(f"{tmp_path}/{name}")


def decodes_or_refuses(data: bytes) -> None:
    try:
        picture = decode(data)
    except PictureError as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.shape[2] == 3


MAGICS = [b"", b"\x89PNG\r\n\x1a\n", b"BM", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"RIFF\x40\0\0\0WEBP"]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MAGICS), st.binary(max_size=200))
def test_random_bytes_decode_or_are_refused(magic: bytes, rest: bytes) -> None:
    decodes_or_refuses(magic + rest)


REAL_FILES = [encoded_colour(format, {**options}) for format, options in LOSSLESS + LOSSY]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_corrupted_file_decodes_or_is_refused(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(REAL_FILES)))
    # Headers are where a flipped byte does most.
    places = st.integers(0, len(file) - 1) | st.integers(0, 120)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        file[place] = value
    cut = data.draw(st.integers(0, len(file)) | st.just(len(file)))
    decodes_or_refuses(bytes(file[:cut]))
