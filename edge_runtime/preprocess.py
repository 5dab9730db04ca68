"""The only code that decodes, crops, resizes, orders colour and quantises; training calls the same functions."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.contract import InputSpec
from edge_runtime.errors import PictureError
from edge_runtime.header import Header, read_header

PixelArray = npt.NDArray[np.uint8]

# A 50-megapixel camera is the largest seen on a microscope; decoded, that is 150 MB.
MAX_PIXELS = 50_000_000
# An uncompressed 16-bit RGBA picture of MAX_PIXELS, and a little for its headers.
MAX_FILE_BYTES = MAX_PIXELS * 8 + 1_000_000
_READ_BYTES = 1 << 20


def read_picture(path: str | Path) -> PixelArray:
    """Reads a picture file; of several pages the first.

    Returns:
        uint8 `[height, width, 3]`, BGR.

    Raises:
        PictureError: the file cannot be read, or is not a whole picture; the message does not repeat the path.
    """
    return decode(read_file(path))


def read_file(path: str | Path) -> bytes:
    """Reads the bytes of a picture file, of one that is too large only so many that `decode` sees it.

    Raises:
        PictureError: the file cannot be read; the message does not repeat the path.
    """
    try:
        # Unbuffered, and asked for no more than is there: Python takes the memory it is asked for at once.
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            parts = [file.read(min(size, MAX_FILE_BYTES) + 1)]
            read = len(parts[0])
            while parts[-1] and read <= MAX_FILE_BYTES:  # a pipe has no size, and a file may grow
                parts.append(file.read(_READ_BYTES))
                read += len(parts[-1])
            return parts[0] if len(parts) <= 2 else b"".join(parts)
    except FileNotFoundError:
        raise PictureError("no such file; check the path") from None
    except IsADirectoryError:
        raise PictureError(
            "is a folder that cannot be read as a picture; check its permissions, or give its path as an argument"
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise PictureError(f"cannot be read ({reason}); check its permissions and the disk") from None
    except ValueError:
        raise PictureError("not a file name; check the path") from None


def decode(data: bytes | bytearray) -> PixelArray:
    """Decodes a picture.

    16-bit pictures keep their upper 8 bits, grey is repeated in all channels, transparency is laid on black (the
    background of the training cells), and an EXIF orientation is applied.

    Args:
        data: a BMP, JPEG, PNG, TIFF or WebP file.

    Returns:
        uint8 `[height, width, 3]`, BGR.

    Raises:
        PictureError: empty, not a picture, cut off, over `MAX_PIXELS`, or of a pixel type that is not an integer.
    """
    if not data:
        raise PictureError("the file is empty (zero bytes); copy it again")
    header = read_header(data)
    if header.width < 1 or header.height < 1:
        raise PictureError("the picture has no pixels")
    if header.width * header.height > MAX_PIXELS or len(data) > MAX_FILE_BYTES:
        raise PictureError(
            f"{header.width} x {header.height} pixels is over the limit of {MAX_PIXELS // 1_000_000} megapixels; "
            "cut it into tiles"
        )
    try:
        # IMREAD_UNCHANGED keeps alpha; its EXIF handling differs between OpenCV versions, so header.py reads it.
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        picture = None
    if picture is None:
        raise PictureError(f"the {header.format.upper()} file is cut off or damaged; copy it again")
    return _oriented(_as_bgr8(picture, _is_on_black(header, picture.dtype)), header.orientation)


def _is_on_black(header: Header, dtype: np.dtype[Any]) -> bool:
    """Whether alpha is already multiplied into the decoded colours.

    OpenCV reads 8-bit TIFF through libtiff's RGBA interface, which does so; 16-bit TIFF it gives as stored.
    """
    return header.extra_sample is not None and (dtype == np.uint8 or header.extra_sample == 1)


def _as_bgr8(picture: npt.NDArray[Any], is_on_black: bool) -> PixelArray:
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    if picture.dtype != np.uint8:
        raise PictureError(f"pixels of type {picture.dtype} are not read; save it with 8 or 16 bits per channel")
    if picture.ndim == 2:
        return np.repeat(picture[:, :, np.newaxis], 3, axis=2)
    channels = picture.shape[2]
    if channels == 3:
        return picture
    if channels == 4 and is_on_black:
        return np.ascontiguousarray(picture[:, :, :3])
    if channels == 4:
        alpha = picture[:, :, 3:].astype(np.uint16)
        return ((picture[:, :, :3] * alpha + 127) // 255).astype(np.uint8)
    raise PictureError(f"{channels} channels are not read; save it as grey, RGB or RGBA")


def _oriented(picture: PixelArray, orientation: int) -> PixelArray:
    """Applies an EXIF orientation (Exif 2.3, tag 0x0112)."""
    if orientation == 1:
        return picture
    if orientation >= 5:
        picture = picture.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def prepare(picture: PixelArray, spec: InputSpec) -> PixelArray:
    """Makes the network's input from a picture.

    Args:
        picture: uint8 `[height, width, 3]`, BGR.
        spec: the contract's input part.

    Returns:
        uint8 `[size, size, 3]` in `spec.colour_order`, contiguous; light, or what the spec's table makes of it.

    Raises:
        ValueError: not such an array.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a picture is uint8 [height, width, 3], not {picture.dtype} {list(picture.shape)}")
    square = _centre_square(picture, spec.crop)
    if spec.crop != spec.size:
        square = cv2.resize(square, (spec.size, spec.size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if spec.optical_density_table is not None:
        square = cv2.LUT(square, np.array(spec.optical_density_table, np.uint8)).astype(np.uint8, copy=False)
    if spec.colour_order == "rgb":
        square = cv2.cvtColor(square, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)  # numpy takes far longer
    return np.ascontiguousarray(square)


def _centre_square(picture: PixelArray, side: int) -> PixelArray:
    height, width = picture.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    if top >= 0 and left >= 0:
        return picture[top : top + side, left : left + side]
    square = np.zeros((side, side, 3), np.uint8)
    part = picture[max(top, 0) : max(top, 0) + side, max(left, 0) : max(left, 0) + side]
    y, x = max(-top, 0), max(-left, 0)
    square[y : y + part.shape[0], x : x + part.shape[1]] = part
    return square


def quantise(pixels: PixelArray, spec: InputSpec, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Brings prepared pixels into the tensor's type.

    Args:
        pixels: uint8 `[..., size, size, 3]` from `prepare`.
        spec: gives scale and offset for a float tensor.
        dtype: of the input tensor; uint8 pixels pass unchanged, float32 becomes `scale * pixel + offset`.

    Returns:
        The same shape in `dtype`.

    Raises:
        ValueError: another dtype.
    """
    if np.dtype(dtype) == np.uint8:
        return pixels
    if np.dtype(dtype) == np.float32:
        real: npt.NDArray[np.float32] = pixels.astype(np.float32) * np.float32(spec.scale) + np.float32(spec.offset)
        return real
    raise ValueError(f"an input tensor is uint8 or float32, not {np.dtype(dtype)}")
