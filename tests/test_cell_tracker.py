"""The same white cell is counted once; a stage that moved to another place starts anew."""

import cv2
import numpy as np
import pytest

from edge_runtime.cell_tracker import Box, CellTracker
from edge_runtime.look_once import look_once
from edge_runtime.row import Row, Status
from edge_runtime.sources.frame import Frame
from edge_runtime.stage_motion import StageMotion

HEIGHT, WIDTH, CELL = 240, 320, 40
_WHITES = 100


def draw_slide(seed: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """A slide larger than a frame: many red cells, a few white ones; the picture and the white ones' centres."""
    rng = np.random.default_rng(seed)
    slide = np.full((900, 1200, 3), (215, 205, 220), np.uint8)
    for x, y in rng.integers(0, (1200, 900), (500, 2)):
        cv2.circle(slide, (int(x), int(y)), 13, (165, 160, 205), -1, cv2.LINE_AA)
    whites: list[tuple[int, int]] = []
    while len(whites) < _WHITES:
        x, y = (int(value) for value in rng.integers(0, (1200, 900)))
        if all(max(abs(x - a), abs(y - b)) > 1.5 * CELL for a, b in whites):
            whites.append((x, y))
    for x, y in whites:
        cv2.circle(slide, (x, y), CELL // 2, (130, 55, 100), -1, cv2.LINE_AA)
    return slide, whites


SLIDE, WHITES = draw_slide(1)


def view(x: int, y: int, noise: int, *, gain: float = 1.0) -> tuple[np.ndarray, list[Box]]:
    """What the camera sees with its corner there, with the sensor's noise, and the boxes of the whole white cells."""
    rng = np.random.default_rng(noise)
    frame = SLIDE[y : y + HEIGHT, x : x + WIDTH] * gain + rng.normal(0, 5, (HEIGHT, WIDTH, 3))
    half = CELL // 2
    jitter = rng.integers(-2, 3, (len(WHITES), 2))
    boxes = [
        (cx - x - half + int(jx), cy - y - half + int(jy), CELL, CELL)
        for (cx, cy), (jx, jy) in zip(WHITES, jitter, strict=True)
        if half < cx - x < WIDTH - half and half < cy - y < HEIGHT - half
    ]
    return np.clip(frame, 0, 255).astype(np.uint8), boxes


def cells_seen(tracker: CellTracker, views: list[tuple[np.ndarray, list[Box]]]) -> set[int]:
    return {number for picture, boxes in views for number in tracker.step(picture, boxes)}


def test_a_still_stage_counts_each_cell_once() -> None:
    views = [view(100, 100, noise, gain=1 - 0.002 * noise) for noise in range(40)]
    assert len(views[0][1]) >= 3
    assert len(cells_seen(CellTracker(), views)) == len(views[0][1])


def test_the_order_of_the_boxes_does_not_matter_and_numbers_stay() -> None:
    tracker = CellTracker()
    picture, boxes = view(100, 100, 0)
    first = dict(zip((box[:2] for box in boxes), tracker.step(picture, boxes), strict=True))
    assert sorted(first.values()) == list(range(len(boxes)))
    turned = boxes[::-1]
    again = dict(zip((box[:2] for box in turned), tracker.step(picture, turned), strict=True))
    assert again == first


def test_a_cell_that_the_search_misses_for_a_while_is_not_counted_again() -> None:
    views = [view(100, 100, noise) for noise in range(30)]
    whole = len(views[0][1])
    flickering = [(picture, boxes if i % 7 == 0 else boxes[1:]) for i, (picture, boxes) in enumerate(views)]
    assert len(cells_seen(CellTracker(), flickering)) == whole


def test_a_stage_that_moves_slowly_is_followed() -> None:
    steps = [view(100 + 9 * i, 100 + 4 * i, i) for i in range(30)]
    half = CELL // 2
    shown = {
        (x, y)
        for i in range(len(steps))
        for x, y in WHITES
        if half < x - 100 - 9 * i < WIDTH - half and half < y - 100 - 4 * i < HEIGHT - half
    }
    assert len(shown) > len(steps[0][1])
    assert len(cells_seen(CellTracker(), steps)) == len(shown)


@pytest.mark.parametrize("place", [(700, 550), (100, 500), (640, 100)])
def test_a_stage_that_moved_to_another_place_starts_anew(place: tuple[int, int]) -> None:
    tracker = CellTracker()
    here, there = [view(100, 100, noise) for noise in range(5)], [view(*place, noise) for noise in range(5, 10)]
    before, after = cells_seen(tracker, here), cells_seen(tracker, there)
    assert (len(before), len(after)) == (len(here[0][1]), len(there[0][1]))
    assert before.isdisjoint(after)


def test_a_picture_of_another_size_starts_anew() -> None:
    tracker = CellTracker()
    picture, boxes = view(100, 100, 0)
    before = cells_seen(tracker, [(picture, boxes)])
    after = cells_seen(tracker, [(cv2.resize(picture, None, fx=2, fy=2), boxes)])
    assert len(before) == len(after) == len(boxes) and before.isdisjoint(after)


def test_the_shift_is_measured_in_pixels_of_the_frame() -> None:
    motion = StageMotion()
    pictures = [cv2.resize(SLIDE[y : y + 400, x : x + 600], None, fx=2, fy=2) for x, y in ((200, 200), (188, 206))]
    assert motion.step(pictures[0]) is None
    shift = motion.step(pictures[1])
    assert shift is not None
    assert (shift.x, shift.y) == pytest.approx((24, -12), abs=2)


def test_memory_of_cells_long_gone_is_let_go() -> None:
    tracker = CellTracker()
    picture, boxes = view(100, 100, 0)
    tracker.step(picture, boxes)
    for noise in range(1, 40):
        tracker.step(view(100, 100, noise)[0], [])
    assert tracker.remembered == frozenset()


def test_a_look_gives_each_cell_once_and_a_skipped_one_again_when_it_is_looked_at() -> None:
    picture, boxes = view(100, 100, 0)
    statuses: list[Status] = ["skipped", *["ok"] * (len(boxes) - 1)]  # type: ignore[list-item]

    def look(frame: Frame) -> list[Row]:
        return [
            Row(frame.path, frame.frame, None, i, box, "all", {"all": 0.9}, status, "")
            for i, (box, status) in enumerate(zip(boxes, statuses, strict=True))
        ]

    once = look_once(look)
    assert [row.cell for row in once(Frame("c", picture, 0))] == list(range(len(boxes)))
    assert once(Frame("c", view(100, 100, 1)[0], 1)) == []
    statuses[0] = "ok"
    assert [row.cell for row in once(Frame("c", view(100, 100, 2)[0], 2))] == [0]
    assert once(Frame("c", view(100, 100, 3)[0], 3)) == []


def test_a_look_leaves_rows_without_a_box() -> None:
    row = Row("c", 0, None, None, None, None, {}, "error", "lost")
    once = look_once(lambda frame: [row])
    assert [list(once(Frame("c", picture, 0))) for picture in (None, view(0, 0, 0)[0])] == [[row], [row]]
