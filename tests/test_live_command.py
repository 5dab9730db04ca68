"""`edge-classify --camera --live` as a user runs it: a real process, a real http camera."""

import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect

from edge_runtime.live.token import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from samples.draw import draw_cell
from tests.conftest import RunCli, cli_environment
from tests.live_run import WAIT_S, ask, draw_place, noisy
from tests.network_camera import mjpeg_server

CELLS = ("--input", "cells")
TOKEN = "a-token-of-the-laboratory"


@pytest.fixture
def camera() -> Iterator[str]:
    """A camera that looks at one drawn cell, and sends as long as it is listened to."""

    def send(send_picture: Any) -> None:
        number = 0
        while True:
            send_picture(number)
            number += 1
            time.sleep(0.04)

    cell = draw_cell(1, leukemic=True)[:, :, ::-1]
    frames = [np.roll(cell, number, axis=0) for number in range(3)]  # never two equal ones
    with mjpeg_server(send, picture=lambda number: frames[number % 3]) as address:
        yield address


@contextmanager
def live(camera: str, *args: str | Path, **env: str) -> "Iterator[tuple[subprocess.Popen[str], IO[str]]]":
    """The command with its page at a free port, unless `args` say another."""
    args = ("--camera", camera, *(() if "--live" in args else ("--live", "0")), *args)
    command = [sys.executable, "-m", "edge_runtime", *map(os.fspath, args)]
    process = subprocess.Popen(
        command, env=cli_environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        yield process, process.stderr
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    status, _, body = ask(port, "GET", path, **headers)
    return status, body


def wait_for_frames(port: int, *, more_than: int = 2, **headers: str) -> dict[str, Any]:
    end_s = time.monotonic() + WAIT_S
    while True:
        state = json.loads(get(port, "/api/state", **headers)[1])
        if state["run"]["frames"] > more_than:
            return state
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_camera_is_shown_and_rows_go_to_the_output(camera: str, tmp_path: Path) -> None:
    with live(camera, *CELLS, "--output", tmp_path / "rows.csv") as (
        process,
        errors,
    ):
        line = errors.readline()
        match = re.fullmatch(r"page: http://127\.0\.0\.1:(\d+)/\n", line)
        assert match, line
        state = wait_for_frames(int(match[1]), more_than=3)  # the last is counted before its row is written
        assert state["run"]["problem"] == "" and state["last"][0]["label"] in ("all", "hem")
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out) == (130, "")
    assert "interrupted; the rows written so far are kept" in rest and "Traceback" not in rest
    assert len((tmp_path / "rows.csv").read_text("utf-8").splitlines()) > 3


def test_a_disk_that_fills_is_told_and_the_run_goes_on(camera: str, tmp_path: Path) -> None:
    """A limit on the file's size stands for the disk: writing fails in the same place, and works again later."""
    rows = tmp_path / "rows.csv"
    with live(camera, *CELLS, "--output", rows) as (process, errors):
        port = int(re.search(r":(\d+)/", errors.readline())[1])  # type: ignore[index]
        wait_for_frames(port)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (rows.stat().st_size, resource.RLIM_INFINITY))
        assert "rows.csv: cannot be written (File too large)" in errors.readline()
        state = wait_for_frames(port, more_than=wait_for_frames(port)["run"]["frames"])
        assert "cannot be written" in state["run"]["problem"]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert re.fullmatch(r"rows are written again; [1-9]\d* were lost\n", errors.readline())
        assert wait_for_frames(port)["run"]["problem"] == ""
    numbers = [int(line.split(",")[1]) for line in rows.read_text("utf-8").splitlines()[1:-1]]
    assert numbers == sorted(set(numbers)), "no row is torn or written twice"


def test_a_field_is_shown_with_the_outlines_of_its_cells(tmp_path: Path) -> None:
    """As it comes: the camera's default is whole fields, and every cell's outline is drawn."""
    stop = threading.Event()

    def send(send_picture: Callable[[int], None]) -> None:
        number = 0
        while not stop.wait(0.04):
            send_picture(number)
            number += 1

    draw_place(0)
    with mjpeg_server(send, picture=lambda number: noisy(0, number % 3)) as address, live(address) as (_, errors):
        port = int(re.search(r":(\d+)/", errors.readline())[1])  # type: ignore[index]
        wait_for_frames(port)
        with connect(f"ws://127.0.0.1:{port}/api/live", max_size=None, open_timeout=WAIT_S) as socket:
            while not isinstance(message := socket.recv(WAIT_S), bytes):
                pass
        (length,) = struct.unpack(">I", message[:4])
        outlines = json.loads(message[4 : 4 + length])["outlines"]
        whole = [outline for outline in outlines if outline["status"] != "skipped"]
        assert (len(outlines), len(whole)) == (4, 3)
        for outline in whole:
            (x, y, width, height), points = outline["box"], outline["points"]
            assert len(points) > 6
            assert all(x - 1 <= px <= x + width + 1 and y - 1 <= py <= y + height + 1 for px, py in points)
        status, _, _ = ask(port, "POST", "/api/count", b'{"action": "start"}', content_type="application/json")
        assert status == 200
        wait_for_frames(port, more_than=wait_for_frames(port)["run"]["frames"] + 1)
        cells = json.loads(get(port, "/api/cells")[1])
        assert len(cells) == 3
        png = get(port, f"/api/cells/{cells[0]['number']}/picture.png")[1]
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape[0] == picture.shape[1] and not picture[0].any(), "cut out on black, as training takes it"
        stop.set()


def test_an_open_address_takes_the_token_from_a_file_and_shows_it_nowhere(camera: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    address, env = "0.0.0.0:0", {TOKEN_FILE_VARIABLE: str(tmp_path / "token"), TOKEN_VARIABLE: ""}
    with live(camera, *CELLS, "--live", address, **env) as (process, errors):
        line = errors.readline()
        port = int(re.search(r":(\d+)/", line)[1])  # type: ignore[index]
        assert "asks for the token you set" in line
        assert get(port, "/api/state")[0] == 401
        assert get(port, f"/?token={TOKEN}x")[0] == 401
        wait_for_frames(port, authorization=f"Bearer {TOKEN}")
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=WAIT_S)
    assert rest.count("refused") == 2 and TOKEN not in line + rest


def test_a_page_without_a_camera_is_a_mistake(run_cli: RunCli, samples: Path) -> None:
    done = run_cli(samples, "--live")
    assert done.returncode == 2 and "go with --camera" in done.stderr


@pytest.mark.parametrize(
    ("address", "env", "words"),
    [
        ("nonsense:port", {}, "is no address for the page"),
        ("no-such-host.invalid", {TOKEN_VARIABLE: TOKEN}, "give this machine's address to --live"),
        (":0", {TOKEN_VARIABLE: "short"}, "16 or more printable"),
        ("0", {TOKEN_FILE_VARIABLE: "no-such-file"}, "cannot be read"),
    ],
)
def test_a_page_that_cannot_be_served_says_why_in_one_line(
    camera: str, run_cli: RunCli, address: str, env: dict[str, str], words: str
) -> None:
    done = run_cli("--camera", camera, "--live", address, env=env)
    assert done.returncode == 1
    assert words in done.stderr and done.stderr.count("\n") == 1, done.stderr
