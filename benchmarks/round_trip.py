"""Real cells pasted into real backgrounds: is what is found there answered as the original picture is?"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.classifier import Classifier, Decision
from edge_runtime.density import measure_background, violet
from edge_runtime.look_at_field import look_at_field
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame

FIELD_UM_PER_PIXEL = 0.087
"""Of BCCD: in its tuning half the middle red cell is 86 pixels wide, and 7.5 um."""

SCALES = (0.7, 1.4)
_CELLS_A_FIELD = 6
_TILES_DOWN, _TILES_ACROSS = 4, 6
_TILE_PX = 160
_TRIES = 200
_VIOLET, _MOST_VIOLET = 0.1, 0.002  # share of a tile's pixels that may be of a white cell or a platelet
_BLACK = 16
_SOFT_PX = 0.7  # the optics' blur of a pasted rim
_APART_PX = 12
_LEAST_MASK, _HALF = 0.02, 0.5
_SEED = 1
_HIDDEN = 0.5  # a find whose middle lies this share of the cell's width away is another


@dataclass(frozen=True)
class Counts:
    """Cells whose answer is known, compared with the answer of the same cell as it was found.

    Attributes:
        cells: all.
        found: of these.
        skipped: of the found, those that had a label and now have a box only, as a clump or at the border.
        same_label: of the found.
        same_status: of those with the same label.
        answered: of the found, `ok` before and after.
        same_answer: of the answered, those with the same label.
    """

    cells: int = 0
    found: int = 0
    skipped: int = 0
    same_label: int = 0
    same_status: int = 0
    answered: int = 0
    same_answer: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Of both together."""
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def red_cell_tiles(fields: Sequence[PixelArray]) -> list[PixelArray]:
    """Squares of fields `[height, width, 3]`, BGR, without white cells."""
    tiles = []
    for field in fields:
        stained = violet(field, measure_background(field)) > _VIOLET
        for top in range(0, field.shape[0] - _TILE_PX + 1, _TILE_PX):
            for left in range(0, field.shape[1] - _TILE_PX + 1, _TILE_PX):
                part = np.s_[top : top + _TILE_PX, left : left + _TILE_PX]
                if stained[part].mean() < _MOST_VIOLET:
                    tiles.append(field[part])
    return tiles


def paste(
    cells: Sequence[PixelArray],
    tiles: Sequence[PixelArray],
    um_per_pixel: float,
    rng: np.random.Generator,
    *,
    zoom: float | None = None,
) -> tuple[PixelArray, list[tuple[float, float, float] | None], float]:
    """Makes a field of tiles, mirrored to fit each other, and pastes cells at random places, angles and one scale.

    Args:
        cells: pictures of C-NMC, uint8 `[450, 450, 3]`, BGR, on black.
        tiles: from `red_cell_tiles`.
        um_per_pixel: of the cells' pictures.
        rng: chooses.
        zoom: enlarges the tiles; None chooses one within `SCALES`.

    Returns:
        The field, x, y and width of each cell there (None where there was no room), and its um per pixel.
    """
    zoom = float(rng.uniform(*SCALES)) if zoom is None else zoom
    size = round(_TILE_PX * zoom)
    rows: list[PixelArray] = []
    for _ in range(_TILES_DOWN):
        chosen = [tiles[int(rng.integers(len(tiles)))] for _ in range(_TILES_ACROSS)]
        resized = [cv2.resize(tile, (size, size), interpolation=cv2.INTER_AREA) for tile in chosen]
        rows.append(np.asarray(np.hstack(resized), np.uint8))
    field = np.asarray(np.vstack(rows), np.uint8)
    field_um = FIELD_UM_PER_PIXEL / zoom
    taken = np.zeros(field.shape[:2], np.uint8)
    places: list[tuple[float, float, float] | None] = []
    for cell in cells:
        places.append(_paste_one(field, taken, cell, um_per_pixel / field_um, rng))
    return field, places, field_um


def _paste_one(
    field: PixelArray, taken: PixelArray, cell: PixelArray, factor: float, rng: np.random.Generator
) -> tuple[float, float, float] | None:
    reduced = _turn(cell, factor, rng)
    small = reduced[..., :3] / np.maximum(reduced[..., 3:], _LEAST_MASK)
    soft = cv2.GaussianBlur(reduced[..., 3], (0, 0), _SOFT_PX)
    small[reduced[..., 3] < _LEAST_MASK] = 0
    x, y, width, height = cv2.boundingRect((reduced[..., 3] > _LEAST_MASK).astype(np.uint8))
    small, soft = small[y : y + height, x : x + width], soft[y : y + height, x : x + width, np.newaxis]
    gap = _APART_PX
    for _ in range(_TRIES):
        top = int(rng.integers(gap, field.shape[0] - height - gap))
        left = int(rng.integers(gap, field.shape[1] - width - gap))
        if taken[top - gap : top + height + gap, left - gap : left + width + gap].any():
            continue
        taken[top : top + height, left : left + width] = 1
        under = field[top : top + height, left : left + width]
        under[:] = np.clip(np.rint(small * soft + under * (1 - soft)), 0, 255).astype(np.uint8)
        return left + width / 2, top + height / 2, float(max(width, height))
    return None


def _turn(cell: PixelArray, factor: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Turned at random and shrunk: three colours times the share of cell in each pixel, and that share."""
    side = len(cell)
    turn = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), float(rng.uniform(0, 360)), 1.0)
    alpha = (cell.max(axis=2) > _BLACK).astype(np.float32)
    # Together with its mask and to be divided by it, so that the rim is not mixed with black.
    layers = np.dstack([cell.astype(np.float32) * alpha[..., np.newaxis], alpha])
    turned = cv2.warpAffine(layers, turn, (side, side), flags=cv2.INTER_LINEAR)
    size = max(1, round(side * factor))
    return np.asarray(cv2.resize(turned, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def round_trip(
    classifier: Classifier, cells: Sequence[PixelArray], tiles: Sequence[PixelArray], *, known_scale: bool
) -> Counts:
    """Pastes cells, finds them and compares their answers with those of the originals."""
    rng = np.random.default_rng(_SEED)
    spec = classifier.contract.input
    assert spec.um_per_pixel is not None
    total = Counts()
    for start in range(0, len(cells), _CELLS_A_FIELD):
        group = cells[start : start + _CELLS_A_FIELD]
        picture, places, field_um = paste(group, tiles, spec.um_per_pixel, rng)
        rows = look_at(classifier, picture, field_um if known_scale else None)
        for cell, place in zip(group, places, strict=True):
            if place is None:
                continue
            total += _count(rows, place, *_answer(classifier.classify(cell)))
    return total


def resized(
    classifier: Classifier, picture: PixelArray, um_per_pixel: float, *, zoom: float, known_scale: bool
) -> Counts:
    """Compares the cells of a field with those of the same field at another size."""
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    other = np.asarray(cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=method), np.uint8)
    rows = look_at(classifier, other, um_per_pixel / zoom if known_scale else None)
    total = Counts()
    for row in look_at(classifier, picture, um_per_pixel if known_scale else None):
        if row.box is not None:
            x, y, width, height = row.box
            place = (x + width / 2) * zoom, (y + height / 2) * zoom, max(width, height) * zoom
            total += _count(rows, place, row.label, row.status)
    return total


def turned_alone(classifier: Classifier, cells: Sequence[PixelArray]) -> Counts:
    """Classifies cells turned, shrunk as in the round trip and enlarged again: what no finder could do better."""
    rng = np.random.default_rng(_SEED)
    um_per_pixel = classifier.contract.input.um_per_pixel
    assert um_per_pixel is not None
    total = Counts()
    for cell in cells:
        factor = um_per_pixel / FIELD_UM_PER_PIXEL * float(rng.uniform(*SCALES))
        layers = cv2.resize(_turn(cell, factor, rng), cell.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        inside = layers[..., 3:] > _HALF
        colours = np.where(inside, layers[..., :3] / np.maximum(layers[..., 3:], _HALF), 0)
        seen = classifier.classify(np.clip(np.rint(colours), 0, 255).astype(np.uint8))
        total += _compared(*_answer(classifier.classify(cell)), *_answer(seen))
    return total


def look_at(classifier: Classifier, picture: PixelArray, um_per_pixel: float | None) -> Sequence[Row]:
    """Rows of one field; None measures its scale."""
    return look_at_field(classifier, um_per_pixel=um_per_pixel)(Frame("field", picture))


def _answer(decision: Decision) -> tuple[str, str]:
    return decision.label, "uncertain" if decision.uncertain else "ok"


def _count(rows: Sequence[Row], place: tuple[float, float, float], label: str | None, status: str) -> Counts:
    x, y, width = place
    for row in rows:
        if row.box is None:
            continue
        away = np.hypot(row.box[0] + row.box[2] / 2 - x, row.box[1] + row.box[3] / 2 - y)
        if away < _HIDDEN * width:
            return _compared(label, status, row.label, row.status)
    return Counts(cells=1)


def _compared(label: str | None, status: str, label_now: str | None, status_now: str) -> Counts:
    same, answered = label_now == label, status == status_now == "ok"
    return Counts(
        cells=1,
        found=1,
        skipped=int(label is not None and label_now is None),
        same_label=int(same),
        same_status=int(same and status == status_now),
        answered=int(answered),
        same_answer=int(same and answered),
    )
