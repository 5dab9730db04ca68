"""White cells in a field are found where they are, cut out, and given the answer of the original picture."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.round_trip import FIELD_UM_PER_PIXEL
from edge_runtime.bundle import Bundle
from edge_runtime.cells import AT_THE_BORDER, NO_CELL, NO_COLOUR, NO_SCALE, Field, find_cells
from edge_runtime.classifier import Classifier
from edge_runtime.look_at_field import look_at_field
from edge_runtime.preprocess import PixelArray
from edge_runtime.sources.frame import Frame
from samples.draw import draw_cell
from tests.conftest import RunCli

SLIDE, RED_CELL, PALLOR = (205, 210, 208), (165, 160, 190), (190, 190, 205)
PLACES = ((170, 150), (420, 160), (260, 350))


def drawn_field(*, white: bool = True) -> PixelArray:
    """A slide with red cells and three white ones, at the scale of BCCD."""
    field = np.full((480, 640, 3), SLIDE, np.uint8)
    for x, y in ((60, 60), (300, 70), (560, 70), (70, 300), (560, 300), (430, 400), (80, 420), (300, 210)):
        cv2.circle(field, (x, y), 46, RED_CELL, -1, cv2.LINE_AA)
        cv2.circle(field, (x, y), 14, PALLOR, -1, cv2.LINE_AA)
    for seed, (x, y) in enumerate(PLACES if white else ()):
        factor = 0.04863517691572524 / FIELD_UM_PER_PIXEL
        cell = draw_cell(seed + 1, leukemic=True)[70:-70, 70:-70]
        cell = cv2.resize(cell, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        top, left = y - len(cell) // 2, x - len(cell) // 2
        part = field[top : top + len(cell), left : left + len(cell)]
        np.copyto(part, cell, where=cell.max(axis=2, keepdims=True) > 40)
    return np.asarray(cv2.GaussianBlur(field, (0, 0), 0.7), np.uint8)


def found(picture: PixelArray, bundle: Bundle, um_per_pixel: float | None = FIELD_UM_PER_PIXEL) -> Field:
    return find_cells(picture, bundle.contract.input, um_per_pixel=um_per_pixel)


def middles(field: Field) -> "list[tuple[float, float]]":
    return sorted((x + width / 2, y + height / 2) for x, y, width, height in (cell.box for cell in field.cells))


def test_the_cells_are_found_where_they_are(default_bundle: Bundle) -> None:
    field = found(drawn_field(), default_bundle)
    for (x, y), (to_x, to_y) in zip(middles(field), sorted(PLACES), strict=True):
        assert abs(x - to_x) < 10 and abs(y - to_y) < 10
    for cell in field.cells:
        assert cell.picture is not None and cell.picture.shape == (384, 384, 3)
        assert (cell.picture[0] == 0).all() and cell.picture[192, 192].any()


def test_the_scale_is_measured_on_the_red_cells(default_bundle: Bundle) -> None:
    scale = found(drawn_field(), default_bundle, None).um_per_pixel
    assert scale == pytest.approx(7.5 / 92, rel=0.1)


def test_mirrored_turned_and_moved_the_same_cells_are_found(default_bundle: Bundle) -> None:
    picture = drawn_field()
    before = middles(found(picture, default_bundle))
    mirrored = middles(found(np.ascontiguousarray(picture[:, ::-1]), default_bundle))
    assert np.allclose(sorted((640 - x, y) for x, y in mirrored), before, atol=6)
    turned = middles(found(np.ascontiguousarray(np.rot90(picture, 2)), default_bundle))
    assert np.allclose(sorted((640 - x, 480 - y) for x, y in turned), before, atol=6)
    moved = np.asarray(cv2.copyMakeBorder(picture, 37, 0, 23, 0, cv2.BORDER_CONSTANT, value=SLIDE), np.uint8)
    assert np.allclose([(x - 23, y - 37) for x, y in middles(found(moved, default_bundle))], before, atol=6)


@pytest.mark.parametrize("zoom", [0.7, 1.4])
def test_at_another_magnification_the_same_cells_get_the_same_labels(zoom: float) -> None:
    picture = drawn_field()
    classifier = Classifier.from_file()
    resized = np.asarray(cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), np.uint8)
    before = look_at_field(classifier, um_per_pixel=FIELD_UM_PER_PIXEL)(Frame("a", picture))
    after = look_at_field(classifier, um_per_pixel=FIELD_UM_PER_PIXEL / zoom)(Frame("a", resized))
    assert [row.label for row in after] == [row.label for row in before]


def test_a_cell_at_the_border_is_skipped_with_its_box(default_bundle: Bundle) -> None:
    field = found(np.ascontiguousarray(drawn_field()[:, 170:]), default_bundle)
    (cell,) = [cell for cell in field.cells if cell.skipped]
    assert (cell.skipped, cell.picture, cell.box[0]) == (AT_THE_BORDER, None, 0)


@pytest.mark.parametrize(
    ("picture", "um_per_pixel", "problem"),
    [
        (np.full((300, 400, 3), 255, np.uint8), 0.08, NO_COLOUR),
        (np.zeros((300, 400, 3), np.uint8), None, NO_COLOUR),
        (np.full((300, 400, 3), SLIDE, np.uint8), None, NO_CELL),
        (drawn_field(white=False), None, NO_CELL),
        (np.full((1, 1, 3), (10, 80, 160), np.uint8), 0.08, NO_CELL),
        (draw_cell(1, leukemic=True), None, NO_SCALE),
    ],
    ids=["blank", "black", "empty slide", "no white cell", "one pixel", "no red cell"],
)
def test_a_picture_without_cells_is_one_skipped_row(
    picture: PixelArray, um_per_pixel: float | None, problem: str
) -> None:
    (row,) = look_at_field(Classifier.from_file(), um_per_pixel=um_per_pixel)(Frame("a.png", picture))
    assert (row.status, row.cell, row.box, row.label) == ("skipped", None, None, None)
    assert row.detail == problem


def test_noise_is_never_a_confident_answer() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3)).astype(np.uint8)
    rows = look_at_field(Classifier.from_file(), um_per_pixel=0.08)(Frame("a.png", noise))
    assert rows and all(row.status != "ok" for row in rows)


def test_the_command_writes_rows_and_draws_the_field(run_cli: RunCli, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "field.png"), drawn_field())
    arguments = ("--input", "fields", "--um-per-pixel", str(FIELD_UM_PER_PIXEL), "--annotate", tmp_path / "drawn")
    done = run_cli(tmp_path / "field.png", *arguments, "--output", tmp_path / "rows.jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    assert [row["cell"] for row in rows] == [0, 1, 2]
    assert all(row["width"] > 50 for row in rows)
    (drawn,) = (tmp_path / "drawn").iterdir()
    picture = cv2.imread(str(drawn))
    assert picture.shape[0] > 480 and (picture[:480] != drawn_field()).any()


@pytest.mark.parametrize("option", [("--annotate", "x"), ("--um-per-pixel", "0.1")])
def test_an_option_of_fields_without_fields_is_refused(run_cli: RunCli, option: tuple[str, str]) -> None:
    done = run_cli("x.png", *option)
    assert done.returncode == 2
    assert f"{option[0]} goes with --input fields" in done.stderr
