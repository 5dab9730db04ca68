"""Pictures of cells as a page shows them."""

import base64

import cv2
import numpy as np

from edge_runtime.preprocess import PixelArray

_BRIGHT_PERCENTILE = 99.5


def brightened(pixels: PixelArray) -> PixelArray:
    """Multiplies a dark picture so that its brightest half percent is white; for people, not for networks."""
    top = np.percentile(pixels, _BRIGHT_PERCENTILE)
    return np.asarray(np.minimum(pixels * (255 / max(top, 1)), 255), np.uint8)


def as_png_uri(picture: PixelArray) -> str:
    """A picture as a `data:` address.

    Args:
        picture: uint8 `[height, width, 3]`, RGB.

    Raises:
        ValueError: it cannot be stored.
    """
    done, data = cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))
    if not done:
        raise ValueError(f"a picture of shape {list(picture.shape)} cannot be stored as PNG")
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")
