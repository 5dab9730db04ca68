"""What is wrong with a camera's picture as a whole: black, cut off, or in wrong colours."""

import numpy as np

from edge_runtime.preprocess import PixelArray

# Every so many pixels in x and y are looked at: enough for a whole picture's faults, and quick.
_STEP = 8
# A covered sensor gives a little noise; the darkest field of a microscope is brighter.
_BLACK_MEAN, _BLACK_PEAK, _PEAK_PERCENTILE = 6, 16, 99
# JPEG and FFmpeg fill what did not come with mid grey, or with zeros in YUV, which are this green (ITU-R BT.601).
_FILLS_BGR = ((128, 128, 128), (0, 135, 0))
_FILL_TOLERANCE = 4
_BOTTOM_PART = 8
_GREY_SPREAD, _GREY_CONTRAST = 2, 8
_CHANNEL_ABSENT, _CHANNEL_PRESENT = 8, 64
_CHANNELS = ("blue", "green", "red")


def find_fault(picture: PixelArray) -> str:
    """Says what is wrong with a picture.

    Red and blue exchanged cannot be told from a field alone; the model's guard says it of each cell.

    Args:
        picture: uint8 `[height, width, 3]`, BGR.

    Returns:
        A sentence's end after "the picture", with what to do; empty when nothing is wrong.
    """
    sample = picture[::_STEP, ::_STEP].reshape(-1, 3)
    if sample.mean() < _BLACK_MEAN and np.percentile(sample, _PEAK_PERCENTILE) < _BLACK_PEAK:
        return "is black; check the lamp, the light path and the lens cap"
    if _is_cut_off(picture):
        return "comes only half; check the cable and the network"
    peaks = np.percentile(sample, _PEAK_PERCENTILE, axis=0)
    if sample.mean(axis=0).max() > _CHANNEL_PRESENT and peaks.min() < _CHANNEL_ABSENT:
        absent = " and ".join(name for name, peak in zip(_CHANNELS, peaks, strict=True) if peak < _CHANNEL_ABSENT)
        return f"has no {absent}; check the cable and the camera's colour settings"
    brightness = sample.mean(axis=1)
    if np.ptp(sample, axis=1).max() <= _GREY_SPREAD and brightness.std() > _GREY_CONTRAST:
        return "has no colour; switch the camera to colour"
    return ""


def _is_cut_off(picture: PixelArray) -> bool:
    """Whether the bottom is one filling, below a top that is a picture."""
    bottom = picture[-max(len(picture) // _BOTTOM_PART, 1) :]
    colour = bottom[-1, 0].astype(int)
    if not any(np.abs(colour - fill).max() <= _FILL_TOLERANCE for fill in _FILLS_BGR):
        return False
    return bool((bottom == bottom[-1, 0]).all() and (picture[: len(picture) // 2, ::_STEP] != bottom[-1, 0]).any())
