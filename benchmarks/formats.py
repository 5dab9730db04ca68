"""One picture in every format that is read."""

from pathlib import Path

import cv2

from edge_runtime.preprocess import PixelArray

# Pixels must come out as they went in, on every processor.
LOSSLESS = frozenset({"bmp", "png", "webp", "tiff"})
_OPTIONS: dict[str, list[int]] = {
    "bmp": [],
    "png": [],
    "webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # over 100 is OpenCV's lossless WebP
    "tiff": [],
    "jpg": [cv2.IMWRITE_JPEG_QUALITY, 90],
}


def write_formats(picture: PixelArray, folder: Path) -> dict[str, Path]:
    """Writes a picture once a format.

    Args:
        picture: uint8 `[height, width, 3]`, BGR.
        folder: where to.

    Returns:
        The file of each suffix.

    Raises:
        OSError: one cannot be written.
    """
    paths = {suffix: folder / f"cell.{suffix}" for suffix in _OPTIONS}
    for suffix, path in paths.items():
        if not cv2.imwrite(str(path), picture, _OPTIONS[suffix]):
            raise OSError(f"{path}: cannot be written")
    return paths
