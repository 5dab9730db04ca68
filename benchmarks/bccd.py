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
_RIM_PX = 1  # a box that comes as near to the rim is of a cell that is cut off
_RED_CELL_PX = (60, 130)  # red cells are some 90 pixels wide; other boxes are of pieces or of several
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


def red_cells(field: TrueField) -> list[PixelArray]:
    """Its single red cells that are whole, uint8 `[height, width, 3]`, BGR."""
    annotation = data_folder() / "bccd" / "annotations" / f"{Path(field.name).stem}.xml"
    height, width = field.picture.shape[:2]
    low, high = _RED_CELL_PX
    return [
        field.picture[y : y + tall, x : x + wide]
        for x, y, wide, tall in _boxes(annotation, "RBC")
        if low <= min(wide, tall) and max(wide, tall) <= high
        if min(x, y) > _RIM_PX and x + wide < width - _RIM_PX and y + tall < height - _RIM_PX
    ]


def _read(path: Path, annotation: Path) -> TrueField:
    data = path.read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return TrueField(path.name, data, np.asarray(picture, np.uint8), _boxes(annotation, "WBC"))


def _boxes(annotation: Path, name: str) -> tuple[Box, ...]:
    objects = ElementTree.parse(annotation).iter("object")
    return tuple(_box(item) for item in objects if item.findtext("name") == name)


def _box(item: ElementTree.Element) -> Box:
    left, top, right, bottom = (int(float(item.findtext(f"bndbox/{side}") or "nan")) for side in _SIDES)
    return left, top, right - left, bottom - top
