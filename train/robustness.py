"""Named, fixed changes of pictures, in what another lab's may differ: size, stain, light, sharpness, JPEG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.contract import InputSpec
from edge_runtime.preprocess import PixelArray, decode
from train.dataset import Cell, load_pixels
from train.optics import SHARPEN_SIGMA_PX

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prepared:
    """Cells as a network reads them.

    Attributes:
        cells: where their pictures are.
        spec: how those are prepared.
        pixels: uint8 RGB `[n, size, size, 3]`, prepared.
    """

    cells: Sequence[Cell]
    spec: InputSpec
    pixels: PixelArray


Change = Callable[[Prepared], PixelArray]
"""Gives the prepared pictures as they are once changed: the same shape and dtype."""


def scale(picture: PixelArray, factor: float) -> PixelArray:
    """Enlarges a cell about the middle of its picture, as another objective or camera would.

    Args:
        picture: uint8 `[height, width, 3]`, as it is read.
        factor: of lengths; below 1 the cell gets smaller. What comes in from outside is black, what no longer fits is
            cut off.

    Returns:
        The same shape and dtype.
    """
    height, width = picture.shape[:2]
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR  # a smaller picture of a cell is sharp
    scaled = cv2.resize(picture, (round(width * factor), round(height * factor)), interpolation=interpolation)
    result = np.zeros_like(picture)
    (rows_into, rows_of), (columns_into, columns_of) = map(_middles, picture.shape[:2], scaled.shape[:2])
    result[rows_into, columns_into] = scaled[rows_of, columns_of]
    return result


def _middles(wanted: int, given: int) -> tuple[slice, slice]:
    """Where the middle of a side of `given` pixels goes in one of `wanted`, and what of it."""
    length = min(wanted, given)
    into, of = (wanted - length) // 2, (given - length) // 2
    return slice(into, into + length), slice(of, of + length)


def stain(pixels: PixelArray, factors: Sequence[float]) -> PixelArray:
    """Multiplies the optical density -log10(pixel / 255) of each channel, as more or less dye would (Beer-Lambert).

    Args:
        pixels: uint8 `[n, size, size, 3]`, RGB.
        factors: one per channel.

    Returns:
        The same shape and dtype; black stays black.
    """
    light = np.arange(256)[:, None] / 255
    table = np.rint(255 * light ** np.asarray(factors, np.float64)).astype(np.uint8)  # [256, 3]
    return np.stack([table[pixels[..., channel], channel] for channel in range(3)], axis=-1)


def brighten(pixels: PixelArray, factor: float) -> PixelArray:
    """Multiplies every value, as a longer exposure or a brighter lamp would; what goes over 255 is 255."""
    table = np.minimum(np.rint(np.arange(256) * factor), 255).astype(np.uint8)
    return np.asarray(table[pixels], np.uint8)


def blur(pixels: PixelArray, sigma_px: float) -> PixelArray:
    """Blurs the cells with a Gaussian, as a picture out of focus before the cell was cut out: no black flows in.

    Args:
        pixels: uint8 `[n, size, size, 3]`.
        sigma_px: in pixels of the prepared picture.

    Returns:
        The same shape and dtype; black stays black.
    """
    return _each(pixels, lambda picture: _on_black(_blurred(picture, sigma_px), picture))


def sharpen(pixels: PixelArray, amount: float) -> PixelArray:
    """Adds `amount` times the difference from the blurred picture (unsharp masking); black stays black."""

    def change(picture: PixelArray) -> PixelArray:
        return _on_black(picture + amount * (picture - _blurred(picture, SHARPEN_SIGMA_PX)), picture)

    return _each(pixels, change)


def recompress(pixels: PixelArray, quality: int) -> PixelArray:
    """Stores and reads the prepared pictures as JPEG and blackens the background again.

    A camera compresses the larger picture, before it is made small; at the same quality this does more harm.

    Args:
        pixels: uint8 `[n, size, size, 3]`, RGB.
        quality: of JPEG, 1 to 100.

    Returns:
        The same shape and dtype.
    """

    def change(picture: PixelArray) -> PixelArray:
        done, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            raise ValueError(f"a picture of shape {list(picture.shape)} cannot be stored as JPEG")
        return _on_black(decode(data.tobytes())[:, :, ::-1], picture)

    return _each(pixels, change)


def _blurred(picture: PixelArray, sigma_px: float) -> Floats:
    """The mean of the cell's own pixels around each, weighted by a Gaussian, float32; outside the cell anything."""
    inside = np.asarray(picture.any(axis=2), np.float32)
    around = cv2.GaussianBlur(inside, (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT)
    total = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / np.maximum(around, 1e-6)[:, :, None], np.float32)


def _on_black(changed: npt.NDArray[np.generic], picture: PixelArray) -> PixelArray:
    """Rounds to uint8 and blackens what is black in the unchanged picture."""
    rounded = np.clip(np.rint(np.asarray(changed, np.float32)), 0, 255).astype(np.uint8)
    return np.where(picture.any(axis=2, keepdims=True), rounded, np.uint8(0))


def _each(pixels: PixelArray, change: Callable[[PixelArray], npt.NDArray[np.generic]]) -> PixelArray:
    changed = np.empty_like(pixels)
    for i, picture in enumerate(pixels):
        changed[i] = change(picture)
    return changed


def _scaled(prepared: Prepared, factor: float) -> PixelArray:
    """Of the pictures as they are read: prepared ones are too coarse to be scaled without a blur."""
    return load_pixels(prepared.cells, prepared.spec, partial(scale, factor=factor))


def _of_pixels(change: Callable[[PixelArray], PixelArray]) -> Change:
    return lambda prepared: change(prepared.pixels)


def _changes() -> dict[str, Change]:
    changes: dict[str, Change] = {}
    for factor in (0.80, 0.85, 0.90, 1.10, 1.15, 1.25):
        changes[f"scale x {factor:.2f}"] = partial(_scaled, factor=factor)
    for channel, colour in enumerate(("red", "green", "blue")):
        for factor in (0.95, 1.05):
            factors = [factor if i == channel else 1.0 for i in range(3)]
            changes[f"{colour} density x {factor:.2f}"] = _of_pixels(partial(stain, factors=factors))
    for factor in (0.90, 1.10):
        changes[f"all densities x {factor:.2f}"] = _of_pixels(partial(stain, factors=[factor] * 3))
    for factor in (0.80, 1.20):
        changes[f"brightness x {factor:.2f}"] = _of_pixels(partial(brighten, factor=factor))
    for sigma in (0.7, 1.5):
        changes[f"blur, sigma {sigma} px"] = _of_pixels(partial(blur, sigma_px=sigma))
    changes["sharpened, half the detail added"] = _of_pixels(partial(sharpen, amount=0.5))
    for quality in (80, 50):
        changes[f"JPEG quality {quality}"] = _of_pixels(partial(recompress, quality=quality))
    return changes


CHANGES: dict[str, Change] = _changes()
"""By what they do to cells on black; the same cells give the same pictures."""
