"""Drawn microscope fields whose cells are known, and a look that finds them."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.look import Look
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row, Status
from edge_runtime.sources.frame import Frame

WIDTH, HEIGHT = 640, 480
_PALE, _RED_CELL, _PLASMA = (228, 226, 236), (176, 178, 222), (214, 186, 200)
_NUCLEUS = {"all": (142, 62, 104), "hem": (120, 40, 92)}
_RADIUS = {"all": 46, "hem": 30}
_BORDER = 4


def draw_field(seed: int, cells: Sequence[tuple[int, int, str]]) -> PixelArray:
    """A field with these cells (x and y of the middle, label) among red ones; uint8 BGR `[480, 640, 3]`."""
    rng = np.random.default_rng(seed)
    field = np.full((HEIGHT, WIDTH, 3), _PALE, np.uint8)
    for _ in range(60):
        x, y, radius = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT)), int(rng.integers(19, 25))
        cv2.circle(field, (x, y), radius, _RED_CELL, -1, cv2.LINE_AA)
        cv2.circle(field, (x, y), radius // 3, _PALE, -1, cv2.LINE_AA)
    field = cv2.GaussianBlur(field, (0, 0), 1.4).astype(np.uint8)
    for x, y, label in cells:
        radius = _RADIUS[label]
        tall, wide, turn = int(radius * rng.uniform(0.84, 1)), radius, int(rng.integers(0, 180))
        cv2.ellipse(field, (x, y), (wide + 12, tall + 9), turn + 20, 0, 360, _PLASMA, -1, cv2.LINE_AA)
        cv2.ellipse(field, (x, y), (wide, tall), turn, 0, 360, _NUCLEUS[label], -1, cv2.LINE_AA)
        for _ in range(14):
            dx, dy = rng.uniform(-0.55, 0.55, 2) * radius
            shade = tuple(int(v) for v in np.array(_NUCLEUS[label]) + rng.integers(-24, 34))
            cv2.circle(field, (int(x + dx), int(y + dy)), int(rng.integers(4, 9)), shade, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(field, (0, 0), 1.2).astype(np.uint8)


def look_at_drawn_field(labels: tuple[str, ...] = ("all", "hem")) -> Look:
    """A look that finds the nuclei of drawn fields by their darkness; large ones are the first label."""

    def look(frame: Frame) -> Sequence[Row]:
        if frame.picture is None:
            return [Row(frame.path, frame.frame, None, None, None, None, {}, "error", frame.problem)]
        dark = (frame.picture[:, :, 1] < 110).astype(np.uint8)
        contours, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = sorted(cv2.boundingRect(contour) for contour in contours if cv2.contourArea(contour) > 300)
        return [_row(frame, i, (int(x), int(y), int(w), int(h)), labels) for i, (x, y, w, h) in enumerate(boxes)]

    return look


def _row(frame: Frame, cell: int, box: tuple[int, int, int, int], labels: tuple[str, ...]) -> Row:
    x, y, width, height = box
    if x < _BORDER or y < _BORDER or x + width > WIDTH - _BORDER or y + height > HEIGHT - _BORDER:
        return Row(frame.path, frame.frame, None, cell, box, None, {}, "skipped", "at the border")
    side = max(width, height)
    first = float(np.clip((side - 60) / 40 + 0.3, 0.04, 0.96))
    label = labels[0] if first >= 0.5 else labels[1]
    status: Status = "uncertain" if 0.4 < first < 0.6 else "ok"
    detail = "in the abstain band" if status == "uncertain" else ""
    time = frame.time.isoformat(timespec="milliseconds").replace("+00:00", "Z") if frame.time else None
    probabilities = {labels[0]: round(first, 4), labels[1]: round(1 - first, 4)}
    return Row(frame.path, frame.frame, time, cell, box, label, probabilities, status, detail)


def as_rgb(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """For writers that take RGB."""
    return picture[:, :, ::-1]
