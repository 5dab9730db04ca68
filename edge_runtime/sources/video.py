"""Every frame of a video file, or of pictures that are one sequence."""

import glob
import os
import re
from collections.abc import Iterator

import cv2
import numpy as np

from edge_runtime.errors import CameraError, PictureError
from edge_runtime.preprocess import read_picture
from edge_runtime.sources.address import shown
from edge_runtime.sources.frame import Frame

# A number in a name as in `frame-%04d.png`, the way FFmpeg and OpenCV write it.
_PERCENT = re.compile(r"%0?[0-9]*d")
_NUMBERS = re.compile(r"([0-9]+)")


def is_sequence(source: str) -> bool:
    """Whether this names a sequence: a glob, or a name with `%d` or `%04d`."""
    return _PERCENT.search(os.path.basename(source)) is not None or glob.has_magic(source)


def read_video(path: str) -> Iterator[Frame]:
    """Reads a video file; every frame waits to be taken.

    Raises:
        CameraError: not one frame can be read.
    """
    name = shown(path)
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    number = 0
    try:
        while True:
            try:
                good, picture = capture.read()
            except cv2.error:
                good = False
            if not good:
                break
            yield Frame(name, np.asarray(picture, np.uint8), frame=number)
            number += 1
    finally:
        capture.release()
    if number == 0:
        raise CameraError(f"{name}: not a video that can be read; give an AVI, MP4 or MKV file")


def find_sequence(source: str) -> list[str]:
    """Lists the pictures of a sequence, by the numbers in their names.

    Raises:
        CameraError: there are none.
    """
    folder, name = os.path.split(source)
    if _PERCENT.search(name):
        parts = _PERCENT.split(name)
        number = re.compile("([0-9]+)".join(map(re.escape, parts)))
        listed = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
        paths = [os.path.join(folder, entry) for entry in listed if number.fullmatch(entry)]
    else:
        paths = [path for path in glob.iglob(source, recursive=True) if not os.path.isdir(path)]
    if not paths:
        raise CameraError(f"{shown(source)}: no such camera; no picture has such a name")
    return sorted(paths, key=_counted)


def read_sequence(paths: list[str], name: str) -> Iterator[Frame]:
    """Reads the pictures of a sequence; one that cannot be read becomes a frame with a problem."""
    for number, path in enumerate(paths):
        try:
            yield Frame(name, read_picture(path), frame=number)
        except PictureError as error:
            yield Frame(name, None, frame=number, problem=f"{shown(os.path.basename(path))}: {error}")


def _counted(path: str) -> list[tuple[int, str]]:
    """A key that sorts 2 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(path)]
