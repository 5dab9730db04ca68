"""A count on the disk: what a person said and what the model said are there again after a kill or a power cut."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.live.cell import TAKEN_OUT
from edge_runtime.live.count import RESTARTED, Count
from edge_runtime.live.count_journal import CountJournal
from tests.live_run import WAIT_S, ask, draw_place, noisy
from tests.network_camera import mjpeg_server
from tests.test_live_command import get, live, wait_for_frames
from tests.test_live_count import LABELS, WORDS, meet, row
from tests.test_live_server import eventually
from tests.test_unattended import full_disk, wait_for

Actions = list[tuple[str, int]]
MODEL = "a" * 64


@contextmanager
def kept(folder: Path, *, model: str = MODEL, notice: Callable[[str], None] = lambda line: None) -> Iterator[Count]:
    """A count in a folder, gone on with if it is there."""
    with CountJournal(folder, model=model, labels=LABELS, notice=notice) as journal:
        yield Count(LABELS, keeper=journal, saved=journal.saved)


def facts(count: Count) -> dict[str, Any]:
    """All that must outlive a restart."""
    record = count.record()
    state = "stopped" if record.state == "running" else record.state
    return {
        **{name: getattr(record, name) for name in ("slide", "target", "started", "tally", "cells")},
        "state": state,
    }


def act(count: Count, action: str, value: int) -> None:
    numbers = [cell.number for cell in count.record().cells]
    if action == "meet":
        meet(count, LABELS[value % 2], status="ok" if value % 3 else "uncertain")
    elif action == "say" and numbers:
        count.overrule(numbers[value % len(numbers)], WORDS[value % len(WORDS)])
    elif action == "name":
        count.name_slide(f"P{value} \u00e4")
    elif action == "skip":
        count.skip(value)
    elif action in ("start", "stop", "reset"):
        getattr(count, action)()


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["meet", "meet", "meet", "say", "say", "name", "skip", "start", "stop", "reset"]),
        st.integers(0, 20),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=25)
@given(ACTIONS, ACTIONS)
def test_whatever_was_done_is_there_again(before: Actions, after: Actions) -> None:
    with TemporaryDirectory() as folder:
        seen: dict[str, Any] = {}
        for actions in (before, after, []):
            with kept(Path(folder)) as count:
                assert not seen or facts(count) == seen
                act(count, "start", 0)
                for action, value in actions:
                    act(count, action, value)
                seen = facts(count)


def counted(folder: Path) -> list[dict[str, Any]]:
    """Keeps a count of three cells with two verdicts; what it was before the last one, and at the end."""
    with kept(folder) as count:
        count.name_slide("P07")
        count.start()
        meet(count, "all", "hem", "all")
        count.overrule(1, "hem")
        count.stop()
        states = [facts(count)]
        count.overrule(2, TAKEN_OUT)
        return [*states, facts(count)]


def test_a_torn_last_line_costs_no_more_than_itself(tmp_path: Path) -> None:
    before, _ = counted(tmp_path / "whole")
    whole = (tmp_path / "whole" / "count-000001.jsonl").read_bytes()
    last = whole[whole[:-1].rindex(b"\n") + 1 :]
    assert b"verdict" in last
    for lost in (1, len(last) // 2, len(last) - 1, len(last)):
        folder = tmp_path / f"torn-{lost}"
        folder.mkdir()
        file = folder / "count-000001.jsonl"
        (folder / "count-000001.pictures.jsonl").write_bytes(
            (tmp_path / "whole" / "count-000001.pictures.jsonl").read_bytes()
        )
        file.write_bytes(whole[:-lost])
        with kept(folder) as count:
            assert facts(count) == before
            count.overrule(3, "hem")
            after = facts(count)
        assert file.read_bytes().startswith(whole[: -len(last)])
        with kept(folder) as count:
            assert facts(count) == after, "what follows a torn line is whole again"


def test_zeros_of_a_power_cut_are_passed_over(tmp_path: Path) -> None:
    _, after = counted(tmp_path)
    file = tmp_path / "count-000001.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines.insert(-1, bytes(100) + b"\n")
    file.write_bytes(b"".join(lines) + bytes(512))
    with kept(tmp_path) as count:
        assert facts(count) == after


def test_a_count_without_its_pictures_is_still_right(tmp_path: Path) -> None:
    _, after = counted(tmp_path)
    (tmp_path / "count-000001.pictures.jsonl").unlink()
    with kept(tmp_path) as count:
        assert count.record().tally == after["tally"]
        assert {(cell.thumbnail, cell.picture) for cell in count.record().cells} == {(b"", b"")}


def test_a_person_s_word_never_touches_the_model_s_answer_on_the_disk(tmp_path: Path) -> None:
    counted(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "count-000001.jsonl").read_text("utf-8").splitlines()]
    cells = [line["cell"] for line in lines if "cell" in line]
    said = [line["verdict"] for line in lines if "verdict" in line]
    assert [(cell["number"], cell["row"]["label"]) for cell in cells] == [(1, "all"), (2, "hem"), (3, "all")]
    assert [(word["number"], word["verdict"]) for word in said] == [(1, "hem"), (2, TAKEN_OUT)]
    assert all(word["uptime_s"] > 0 and word["time"].endswith("Z") for word in said)


def test_a_running_count_is_stopped_by_a_restart_and_says_why(tmp_path: Path) -> None:
    with kept(tmp_path) as count:
        count.start()
        (cell,) = meet(count, "all")
    lines: list[str] = []
    with kept(tmp_path, notice=lines.append) as count:
        record = count.record()
        assert (record.state, record.note) == ("stopped", RESTARTED)
        count.start()
        assert meet(count, "hem")[0].number == cell.number + 1
    assert len(lines) == 1 and "goes on, with 1 cells" in lines[0]


def test_a_new_count_is_another_file_and_takes_the_pictures_away(tmp_path: Path) -> None:
    counted(tmp_path)
    with kept(tmp_path) as count:
        count.reset()
        count.name_slide("P08")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "count-000001.jsonl",
        "count-000002.jsonl",
        "count-000002.pictures.jsonl",
    ]
    with kept(tmp_path) as count:
        assert (count.record().slide, count.record().cells) == ("P08", ())


@pytest.mark.parametrize("content", [None, b"", b"not ours\n", b'{"count": {"schema": 2}}\n'])
def test_another_model_s_count_is_left_alone(content: bytes | None, tmp_path: Path) -> None:
    counted(tmp_path)
    file = tmp_path / "count-000001.jsonl"
    if content is not None:
        file.write_bytes(content)
    before = file.read_bytes()
    lines: list[str] = []
    with kept(tmp_path, model="b" * 64 if content is None else MODEL, notice=lines.append) as count:
        assert count.record().cells == ()
        count.start()
    assert file.read_bytes() == before and (tmp_path / "count-000002.jsonl").exists()
    assert len(lines) == 1 and "a new" in lines[0]


def test_two_runs_never_share_a_count(tmp_path: Path) -> None:
    lines: list[str] = []
    with kept(tmp_path) as first, kept(tmp_path, notice=lines.append) as second:
        first.name_slide("P07")
        second.name_slide("P08")
    assert "another run is writing it" in lines[0]
    assert [b"P07" in (tmp_path / f"count-00000{number}.jsonl").read_bytes() for number in (1, 2)] == [True, False]


def test_a_full_disk_is_said_once_and_the_count_is_written_when_there_is_room(tmp_path: Path) -> None:
    lines: list[str] = []
    with kept(tmp_path, notice=lines.append) as count:
        with full_disk(700):
            count.start()
            meet(count, *["all"] * 20)
            count.overrule(20, "hem")
            assert count.record().tally.counted == 20
        wait_for(lambda: len(lines) == 2)
        seen = facts(count)
    assert "cannot be written (" in lines[0] and lines[1].endswith("is written again")
    with kept(tmp_path) as count:
        assert facts(count) == seen


@pytest.fixture
def camera() -> Iterator[str]:
    """A camera at a drawn field of three whole cells and one at the border."""

    def send(send_picture: Callable[[int], None]) -> None:
        number = 0
        while True:
            send_picture(number % 3)
            number += 1
            time.sleep(0.04)

    draw_place(0)
    with mjpeg_server(send, picture=lambda number: noisy(0, number)) as address:
        yield address


def port_of(errors: IO[str]) -> int:
    for line in errors:
        if match := re.search(r"^page: http://127\.0\.0\.1:(\d+)/", line):
            return int(match[1])
    raise AssertionError("no page")


def post(port: int, path: str, **body: Any) -> Any:
    status, _, answer = ask(port, "POST", path, json.dumps(body).encode(), content_type="application/json")
    assert status == 200, answer
    return json.loads(answer)


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=WAIT_S)


def test_a_killed_run_comes_back_with_count_slide_and_verdicts(camera: str, tmp_path: Path) -> None:
    session = ("--session", tmp_path, "--um-per-pixel", "0.115")
    with live(camera, *session) as (process, errors):
        port = port_of(errors)
        wait_for_frames(port)
        post(port, "/api/count", slide="P07 / 2", target=200, action="start")
        eventually(lambda: len(json.loads(get(port, "/api/cells")[1])) == 3)
        numbers = [cell["number"] for cell in json.loads(get(port, "/api/cells")[1])]
        for number, word in zip(numbers, ("hem", TAKEN_OUT, "all"), strict=True):
            post(port, f"/api/cells/{number}", verdict=word)
        post(port, f"/api/cells/{numbers[2]}", verdict=None)
        cells, table = get(port, "/api/cells")[1], get(port, "/api/count.csv")[1]
        pictures = [get(port, f"/api/cells/{numbers[0]}/{name}")[1] for name in ("thumbnail.jpg", "picture.png")]
        kill(process)
    with open(tmp_path / "count-000001.jsonl", "ab") as file:
        file.write(b'{"verdict":{"number":')  # as a power cut leaves it
    with live(camera, *session) as (process, errors):
        port = port_of(errors)
        count = wait_for_frames(port)["count"]
        assert (count["slide"], count["target"], count["state"]) == ("P07 / 2", 200, "stopped")
        assert (count["taken_out"], count["overruled"], count["note"]) == (1, 1, RESTARTED)
        assert json.loads(get(port, "/api/cells")[1]) == json.loads(cells)
        assert get(port, "/api/count.csv")[1] == table
        assert [
            get(port, f"/api/cells/{numbers[0]}/{name}")[1] for name in ("thumbnail.jpg", "picture.png")
        ] == pictures
        assert cv2.imdecode(np.frombuffer(pictures[1], np.uint8), 1).shape[2] == 3
        last = {cell["number"]: cell for cell in wait_for_frames(port)["last"]}
        assert last[numbers[0]]["verdict"] == "hem" and last[numbers[0]]["label"] in LABELS
        post(port, "/api/count", action="start")
        post(port, f"/api/cells/{numbers[0]}", verdict=None)
        kill(process)
    with live(camera, *session) as (process, errors):
        port = port_of(errors)
        assert json.loads(get(port, f"/api/cells/{numbers[0]}")[1])["verdict"] is None
        kill(process)


def test_rows_are_equal_after_reading_them_back(tmp_path: Path) -> None:
    odd = row(label="hem")
    with kept(tmp_path) as count:
        count.start()
        count.meet(odd, thumbnail=lambda: bytes(range(256)), picture=lambda: b"\x00\n")
    with kept(tmp_path) as count:
        (cell,) = count.record().cells
    assert (cell.row, cell.thumbnail, cell.picture) == (odd, bytes(range(256)), b"\x00\n")
