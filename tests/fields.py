"""Drawn microscope fields whose cells are known, and a look that finds them."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.look import Look
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row, Status
from edge_runtime.sources.frame import Frame
from samples.draw_field import HEIGHT, WIDTH, Place, draw_field

UM_PER_PIXEL = 0.115
_DARK = 100  # in green; all but nuclei is brighter
_SMALLEST_PX = 300
_BETWEEN_UM, _SURE_UM = 8.9, 1.0  # drawn lymphoblasts are wider than this, drawn lymphocytes narrower
_BORDER = 4


def draw_small_field(seed: int, cells: Sequence[Place]) -> PixelArray:
    """A field with these cells (x and y of the middle, kind) among red ones; uint8 BGR `[480, 640, 3]`."""
    return draw_field(seed, cells, um_per_pixel=UM_PER_PIXEL)


def look_at_drawn_field(labels: tuple[str, ...] = ("all", "hem")) -> Look:
    """A look that finds the nuclei of drawn fields by their darkness; large ones are the first label."""

    def look(frame: Frame) -> Sequence[Row]:
        if frame.picture is None:
            return [Row(frame.path, frame.frame, None, None, None, None, {}, "error", frame.problem)]
        dark = (frame.picture[:, :, 1] < _DARK).astype(np.uint8)
        contours, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = sorted(cv2.boundingRect(contour) for contour in contours if cv2.contourArea(contour) > _SMALLEST_PX)
        return [_row(frame, i, (int(x), int(y), int(w), int(h)), labels) for i, (x, y, w, h) in enumerate(boxes)]

    return look


def _row(frame: Frame, cell: int, box: tuple[int, int, int, int], labels: tuple[str, ...]) -> Row:
    x, y, width, height = box
    if x < _BORDER or y < _BORDER or x + width > WIDTH - _BORDER or y + height > HEIGHT - _BORDER:
        return Row(frame.path, frame.frame, None, cell, box, None, {}, "skipped", "at the border")
    side_um = max(width, height) * UM_PER_PIXEL
    first = float(np.clip((side_um - _BETWEEN_UM) / (2 * _SURE_UM) + 0.5, 0.04, 0.96))
    label = labels[0] if first >= 0.5 else labels[1]
    status: Status = "uncertain" if 0.4 < first < 0.6 else "ok"
    detail = "in the abstain band" if status == "uncertain" else ""
    time = frame.time.isoformat(timespec="milliseconds").replace("+00:00", "Z") if frame.time else None
    probabilities = {labels[0]: round(first, 4), labels[1]: round(1 - first, 4)}
    return Row(frame.path, frame.frame, time, cell, box, label, probabilities, status, detail)


def as_rgb(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """For writers that take RGB."""
    return picture[:, :, ::-1]
