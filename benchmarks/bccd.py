"""The fields of BCCD and the boxes of their white cells, in two halves: one to tune on, one to report on."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from benchmarks.finds import Box
from benchmarks.pictures import DATA_VARIABLE, PicturesError, data_folder
from edge_runtime.preprocess import PixelArray

Half = Literal["tuning", "report"]
_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class TrueField:
    """One field of BCCD.

    Attributes:
        name: of its file.
        data: bytes of the file, JPEG.
        picture: uint8 `[480, 640, 3]`, BGR.
        boxes: of its white cells, as people drew them.
    """

    name: str
    data: bytes
    picture: PixelArray
    boxes: tuple[Box, ...]


def read_half(half: Half, *, every: int = 1) -> list[TrueField]:
    """Reads one half of BCCD: of the sorted names the first, third and so on are for tuning, the others to report.

    Args:
        half: which.
        every: reads only each such field of it.

    Raises:
        PicturesError: it is not there.
    """
    folder = data_folder() / "bccd"
    paths = sorted(folder.glob("images/*.jpg"))[0 if half == "tuning" else 1 :: 2]
    if not paths:
        raise PicturesError(f"no fields in bccd/images; set {DATA_VARIABLE} to the folder of bccd")
    return [_read(path, folder / "annotations" / f"{path.stem}.xml") for path in paths[::every]]


def _read(path: Path, annotation: Path) -> TrueField:
    data = path.read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    objects = ElementTree.parse(annotation).iter("object")
    boxes = tuple(_box(item) for item in objects if item.findtext("name") == "WBC")
    return TrueField(path.name, data, np.asarray(picture, np.uint8), boxes)


def _box(item: ElementTree.Element) -> Box:
    left, top, right, bottom = (int(float(item.findtext(f"bndbox/{side}") or "nan")) for side in _SIDES)
    return left, top, right - left, bottom - top
