"""The conveyor: many files at once, and yet in order, bounded, and not to be stopped by one of them."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from edge_runtime.conveyor import Conveyor, Looked
from edge_runtime.errors import InputError, ModelError
from edge_runtime.look import Look
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame

DEADLINE_S = 60


def row(frame: Frame, cell: int = 0) -> Row:
    return Row(frame.path, frame.frame, None, cell, None, None, {}, "error" if frame.problem else "ok", frame.problem)


def look_once() -> Look:
    return lambda frame: [row(frame)]


def pictures(samples: Path, count: int) -> list[str]:
    names = sorted(map(str, samples.glob("*.png")))
    return [names[i % len(names)] for i in range(count)]


def test_files_come_in_their_order_however_long_each_takes(samples: Path) -> None:
    paths = pictures(samples, 60)

    def make() -> Look:
        def look(frame: Frame) -> Sequence[Row]:
            time.sleep(0.01 if frame.path.endswith("01.png") else 0)
            return [row(frame)]

        return look

    with Conveyor(iter(paths), make, threads=4) as files:
        assert [file.path for file in files] == paths


def test_each_thread_has_a_look_of_its_own(samples: Path) -> None:
    users: dict[int, set[int]] = {}
    meet = threading.Barrier(2)

    def make() -> Look:
        mine = len(users)
        users[mine] = set()

        def look(frame: Frame) -> Sequence[Row]:
            if not users[mine]:
                meet.wait(DEADLINE_S)  # so that both threads get one
            users[mine].add(threading.get_ident())
            return [row(frame)]

        return look

    with Conveyor(iter(pictures(samples, 30)), make, threads=2) as files:
        assert len(list(files)) == 30
    assert [len(threads) for threads in users.values()] == [1, 1]


def test_a_file_may_give_many_rows_or_none(samples: Path) -> None:
    def make() -> Look:
        return lambda frame: [row(frame, cell) for cell in range(int(frame.path[-5]))]

    with Conveyor(iter(pictures(samples, 12)), make, threads=2) as files:
        assert [[each.cell for each in file.rows] for file in files] == [
            list(range(int(path[-5]))) for path in pictures(samples, 12)
        ]


def test_no_more_is_taken_than_is_on_its_way(samples: Path) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield str(samples / "cell-01.png")

    with Conveyor(endless(), look_once, threads=2) as files:
        for given, _ in enumerate(files):
            assert taken - given <= 64
            if given == 300:
                break


def test_what_is_there_is_given_while_more_is_awaited(samples: Path) -> None:
    more = threading.Event()

    def slowly() -> Iterator[str]:
        yield from pictures(samples, 3)
        more.wait(DEADLINE_S)
        yield from pictures(samples, 2)

    with Conveyor(slowly(), look_once, threads=2, patient=True, stall_s=0.01) as files:
        rest = iter(files)
        assert len([next(rest) for _ in range(3)]) == 3
        more.set()
        assert len(list(rest)) == 2


def given_before(paths: Iterator[str], make: Callable[[], Look], error: type[Exception]) -> list[Looked]:
    """What comes before an error that must come."""
    given: list[Looked] = []
    with pytest.raises(error), Conveyor(paths, make, threads=2) as files:
        given.extend(files)
    return given


def test_an_error_of_the_paths_comes_after_what_was_before_it(samples: Path) -> None:
    def failing() -> Iterator[str]:
        yield from pictures(samples, 20)
        raise InputError("the folder is gone")

    assert len(given_before(failing(), look_once, InputError)) == 20


def test_an_error_of_a_look_comes_after_what_was_before_it(samples: Path) -> None:
    paths = [*pictures(samples, 20), "absent.png", *pictures(samples, 20)]

    def make() -> Look:
        def look(frame: Frame) -> Sequence[Row]:
            if frame.problem:
                raise ZeroDivisionError
            return [row(frame)]

        return look

    assert len(given_before(iter(paths), make, ZeroDivisionError)) == 20


def test_a_look_that_cannot_be_made_ends_the_run(samples: Path) -> None:
    def make() -> Look:
        raise ModelError("does not load")

    assert given_before(iter(pictures(samples, 3)), make, ModelError) == []


def test_a_look_without_memory_for_one_picture_goes_on(samples: Path) -> None:
    def make() -> Look:
        def look(frame: Frame) -> Sequence[Row]:
            if frame.path.endswith("02.png") and frame.picture is not None:
                raise MemoryError
            return [row(frame)]

        return look

    with Conveyor(iter(pictures(samples, 3)), make, threads=2) as files:
        assert [file.rows[0].detail for file in files] == ["", "needs more memory than there is; cut it into tiles", ""]


def test_a_file_that_never_comes_is_given_up(samples: Path, tmp_path: Path) -> None:
    """A pipe nobody writes to hangs as a file on a dead network does."""
    for name in ("1", "2"):
        os.mkfifo(tmp_path / name)
    paths = [*pictures(samples, 5), str(tmp_path / "1"), *pictures(samples, 5), str(tmp_path / "2")]
    with Conveyor(iter(paths), look_once, threads=2, stall_s=0.5) as files:
        rows = [file.rows[0] for file in files]
    assert [each.path for each in rows] == paths
    stalled = [each.path for each in rows if each.detail.startswith("did not come within 0.5 s")]
    assert stalled == [str(tmp_path / "1"), str(tmp_path / "2")]


def test_a_folder_that_is_never_listed_ends_the_run(samples: Path) -> None:
    def hanging() -> Iterator[str]:
        yield from pictures(samples, 2)
        threading.Event().wait(DEADLINE_S)

    with (
        pytest.raises(InputError, match="after 2 pictures the folder does not answer"),
        Conveyor(hanging(), look_once, threads=1, stall_s=0.05) as files,
    ):
        list(files)


def test_leaving_early_ends_the_threads_that_look(samples: Path) -> None:
    before = threading.active_count()
    with Conveyor(iter(pictures(samples, 500)), look_once, threads=3) as files:
        next(iter(files))
    deadline = time.monotonic() + DEADLINE_S
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
