"""White cells in a field are found where they are, cut out, and given the answer of the original picture."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.bundle import Bundle
from edge_runtime.cells import (
    A_CLUMP,
    AT_THE_BORDER,
    BLURRED,
    NO_CELL,
    NO_COLOUR,
    NO_SCALE,
    SEGMENTED,
    Cell,
    Field,
    find_cells,
)
from edge_runtime.classifier import Classifier
from edge_runtime.look_at_field import look_at_field
from edge_runtime.preprocess import PixelArray
from edge_runtime.sources.frame import Frame
from samples.draw import draw_cell
from samples.draw_field import FIELD, HEIGHT, SAMPLE, UM_PER_PIXEL, WIDTH, Place, draw_field
from tests.conftest import RunCli

SLIDE = (205, 210, 208)
WITHIN_PX = 12


@cache
def drawn_field(*, white: bool = True) -> PixelArray:
    """The sample field, or its red cells alone."""
    return draw_field(1, SAMPLE if white else ())


def found(picture: PixelArray, bundle: Bundle, um_per_pixel: float | None = UM_PER_PIXEL) -> Field:
    return find_cells(picture, bundle.contract.input, um_per_pixel=um_per_pixel)


def middle(cell: Cell) -> tuple[float, float]:
    x, y, width, height = cell.box
    return x + width / 2, y + height / 2


def at(field: Field, place: Sequence[float]) -> Cell:
    """The one cell of a field at a place."""
    (cell,) = [cell for cell in field.cells if np.hypot(*np.subtract(middle(cell), place[:2])) < WITHIN_PX]
    return cell


def told(cell: Cell) -> tuple[str, str]:
    return cell.skipped, cell.doubt


def test_the_sample_field_is_the_drawn_one() -> None:
    kept = cv2.imread(str(FIELD)).astype(int)
    assert abs(kept - drawn_field()).max() <= 2, "python -m samples.draw_field writes it again"


@pytest.mark.parametrize("um_per_pixel", [UM_PER_PIXEL, None], ids=["given", "measured"])
def test_each_cell_is_found_where_it_was_drawn(default_bundle: Bundle, um_per_pixel: float | None) -> None:
    field = found(drawn_field(), default_bundle, um_per_pixel)
    *inside, (_, at_border_y, _) = SAMPLE
    assert len(field.cells) == len(SAMPLE)
    for x, y, kind in inside:
        cell = at(field, (x, y))
        assert told(cell) == ("", SEGMENTED if kind == "neutrophil" else "")
        assert cell.picture is not None and cell.picture.shape == (384, 384, 3)
        assert (cell.picture[0] == 0).all()
    (cut,) = [cell for cell in field.cells if cell.skipped]
    assert (cut.skipped, cut.picture, cut.box[0]) == (AT_THE_BORDER, None, 0)
    assert abs(middle(cut)[1] - at_border_y) < WITHIN_PX


@pytest.mark.parametrize("across", [1, 2, 4])
def test_the_scale_is_measured_on_the_red_cells_of_narrow_and_wide_fields(default_bundle: Bundle, across: int) -> None:
    wide = np.tile(drawn_field(), (across, across, 1))
    assert found(wide, default_bundle, None).um_per_pixel == pytest.approx(UM_PER_PIXEL, rel=0.05)


@pytest.mark.parametrize("zoom", [0.5, 0.7, 1.4])
def test_the_measured_scale_follows_the_size_of_the_field(default_bundle: Bundle, zoom: float) -> None:
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    other = np.asarray(cv2.resize(drawn_field(), None, fx=zoom, fy=zoom, interpolation=method), np.uint8)
    before, after = (found(picture, default_bundle, None).um_per_pixel for picture in (drawn_field(), other))
    assert before is not None and after is not None
    assert after * zoom == pytest.approx(before, rel=0.02)


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (lambda picture: picture[:, ::-1], lambda x, y: (WIDTH - x, y)),
        (lambda picture: picture[::-1], lambda x, y: (x, HEIGHT - y)),
        (lambda picture: np.rot90(picture), lambda x, y: (y, WIDTH - x)),
        (lambda picture: np.rot90(picture, 2), lambda x, y: (WIDTH - x, HEIGHT - y)),
        (lambda picture: np.rot90(picture, 3), lambda x, y: (HEIGHT - y, x)),
        (lambda picture: picture[13:, :-21], lambda x, y: (x, y - 13)),
    ],
    ids=["mirrored", "upside down", "turned left", "turned about", "turned right", "moved"],
)
def test_the_same_cells_are_found_in_the_same_field(
    default_bundle: Bundle,
    change: Callable[[PixelArray], PixelArray],
    to: Callable[[float, float], tuple[float, float]],
) -> None:
    before = found(drawn_field(), default_bundle)
    after = found(np.ascontiguousarray(change(drawn_field())), default_bundle)
    assert len(after.cells) == len(before.cells)
    for cell in before.cells:
        assert told(at(after, to(*middle(cell)))) == told(cell)


@pytest.mark.parametrize("zoom", [0.7, 1.4])
def test_at_another_magnification_the_same_cells_get_the_same_labels(zoom: float) -> None:
    classifier = Classifier.from_file()
    resized = np.asarray(cv2.resize(drawn_field(), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), np.uint8)
    before = look_at_field(classifier, um_per_pixel=UM_PER_PIXEL)(Frame("a", drawn_field()))
    after = look_at_field(classifier, um_per_pixel=UM_PER_PIXEL / zoom)(Frame("a", resized))
    sure = [row.cell for row in before if row.status == "ok"]
    assert len(sure) >= 3
    assert [after[number].label for number in sure] == [before[number].label for number in sure]
    assert len(after) == len(before)


@pytest.mark.parametrize("seed", [2, 3])
def test_cells_at_random_places_are_found_there(default_bundle: Bundle, seed: int) -> None:
    rng = np.random.default_rng(seed)
    places: list[Place] = [
        (x + float(rng.uniform(-15, 15)), y + float(rng.uniform(-15, 15)), "all" if rng.random() < 0.5 else "hem")
        for x in (120, 320, 520)
        for y in (130, 350)
    ]
    field = found(draw_field(seed, places), default_bundle)
    assert len(field.cells) == len(places)
    assert [told(at(field, place)) for place in places] == [("", "")] * len(places)


@pytest.mark.parametrize("apart_px", [116, 110])
def test_touching_cells_are_parted(default_bundle: Bundle, apart_px: int) -> None:
    places: list[Place] = [(260, 240, "hem"), (260 + apart_px, 240, "hem")]
    field = found(draw_field(4, places), default_bundle)
    assert [told(at(field, place)) for place in places] == [("", "")] * 2


@pytest.mark.parametrize("apart_px", range(70, 120, 5))
def test_two_cells_are_never_answered_as_one(apart_px: int) -> None:
    picture = draw_field(4, [(260, 240, "hem"), (260 + apart_px, 240, "hem")])
    rows = look_at_field(Classifier.from_file(), um_per_pixel=UM_PER_PIXEL)(Frame("a", picture))
    assert len(rows) == 2 or rows[0].status != "ok"


def test_a_heap_of_cells_is_a_clump(default_bundle: Bundle) -> None:
    heap: list[Place] = [(250 + 60 * i, 200 + 60 * j, "all") for i in range(3) for j in range(3)]
    field = found(draw_field(5, heap), default_bundle)
    assert [cell.skipped for cell in field.cells] == [A_CLUMP]


def test_what_is_out_of_focus_says_so_and_is_not_answered() -> None:
    blurred = np.asarray(cv2.GaussianBlur(drawn_field(), (0, 0), 14), np.uint8)
    rows = look_at_field(Classifier.from_file(), um_per_pixel=UM_PER_PIXEL)(Frame("a", blurred))
    assert rows and all(row.status != "ok" for row in rows)
    assert BLURRED in {row.detail for row in rows}


def test_twenty_megapixels_hold_all_their_cells(default_bundle: Bundle) -> None:
    large = np.tile(drawn_field(), (8, 8, 1))
    assert large.shape[0] * large.shape[1] > 19_000_000
    # Beside each cut cell of one tile lies the next tile.
    assert len(found(large, default_bundle, None).cells) == 8 * 8 * len(SAMPLE)


@pytest.mark.parametrize(
    ("picture", "um_per_pixel", "problem"),
    [
        (np.full((300, 400, 3), 255, np.uint8), 0.08, NO_COLOUR),
        (np.zeros((300, 400, 3), np.uint8), None, NO_COLOUR),
        (np.full((300, 400, 3), SLIDE, np.uint8), None, NO_CELL),
        (drawn_field(white=False), None, NO_CELL),
        (cv2.cvtColor(cv2.cvtColor(drawn_field(), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), 0.08, NO_COLOUR),
        (np.full((1, 1, 3), (10, 80, 160), np.uint8), 0.08, NO_CELL),
        (draw_cell(1, leukemic=True), None, NO_SCALE),
    ],
    ids=["blank", "black", "empty slide", "no white cell", "grey", "one pixel", "no red cell"],
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
    arguments = ("--input", "fields", "--um-per-pixel", str(UM_PER_PIXEL), "--annotate", tmp_path / "drawn")
    done = run_cli(FIELD, *arguments, "--output", tmp_path / "rows.jsonl")
    assert done.returncode == 0 and done.stderr.startswith(f"{len(SAMPLE)} rows: "), done.stderr
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    assert [row["cell"] for row in rows] == list(range(len(SAMPLE)))
    assert all(row["width"] > 50 for row in rows)
    (drawn,) = (tmp_path / "drawn").iterdir()
    picture = cv2.imread(str(drawn))
    assert picture.shape[0] > HEIGHT and (picture[:HEIGHT] != cv2.imread(str(FIELD))).any()


@pytest.mark.parametrize("option", [("--annotate", "x"), ("--um-per-pixel", "0.1")])
def test_an_option_of_fields_without_fields_is_refused(run_cli: RunCli, option: tuple[str, str]) -> None:
    done = run_cli("x.png", *option)
    assert done.returncode == 2
    assert f"{option[0]} goes with --input fields" in done.stderr
