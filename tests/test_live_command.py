"""`edge-classify --camera --live` as a user runs it: a real process, a real http camera."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from edge_runtime.live.token import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from samples.draw import draw_cell
from tests.conftest import RunCli, cli_environment
from tests.live_run import WAIT_S, ask
from tests.network_camera import mjpeg_server

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

    frames = [draw_cell(1, leukemic=True)[number:, :, ::-1] for number in range(3)]  # never two equal ones
    with mjpeg_server(send, picture=lambda number: frames[number % 3]) as address:
        yield address


@contextmanager
def running(*args: str | Path, **env: str) -> "Iterator[tuple[subprocess.Popen[str], IO[str]]]":
    """The command, ended by Ctrl-C."""
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


def wait_for_frames(port: int, **headers: str) -> dict[str, Any]:
    end_s = time.monotonic() + WAIT_S
    while True:
        state = json.loads(get(port, "/api/state", **headers)[1])
        if state["run"]["frames"] >= 3:
            return state
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_camera_is_shown_and_rows_go_to_the_output(camera: str, tmp_path: Path) -> None:
    with running("--camera", camera, "--input", "cells", "--live", "0", "--output", tmp_path / "rows.csv") as (
        process,
        errors,
    ):
        line = errors.readline()
        match = re.fullmatch(r"page: http://127\.0\.0\.1:(\d+)/\n", line)
        assert match, line
        state = wait_for_frames(int(match[1]))
        assert state["run"]["problem"] == "" and state["last"][0]["label"] in ("all", "hem")
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out) == (130, "")
    assert "interrupted; the rows written so far are kept" in rest and "Traceback" not in rest
    assert len((tmp_path / "rows.csv").read_text("utf-8").splitlines()) > 3


def test_a_full_disk_is_told_and_the_run_goes_on(camera: str, tmp_path: Path) -> None:
    (tmp_path / "full.csv").symlink_to("/dev/full")
    with running(
        "--camera", camera, "--input", "cells", "--live", "0", "--output", tmp_path / "full.csv", "--overwrite"
    ) as (_, errors):
        lines = [errors.readline(), errors.readline()]
        port = int(next(m[1] for line in lines if (m := re.search(r"127\.0\.0\.1:(\d+)/$", line.strip()))))
        told = [line for line in lines if "full.csv: cannot be written (No space left on device)" in line]
        assert len(told) == 1
        frames = wait_for_frames(port)["run"]["frames"]
        end_s = time.monotonic() + WAIT_S
        while (state := json.loads(get(port, "/api/state")[1]))["run"]["frames"] <= frames:
            assert time.monotonic() < end_s
        assert "No space left on device" in state["run"]["problem"]


def test_an_open_address_takes_the_token_from_a_file_and_shows_it_nowhere(camera: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    address, env = "0.0.0.0:0", {TOKEN_FILE_VARIABLE: str(tmp_path / "token"), TOKEN_VARIABLE: ""}
    with running("--camera", camera, "--input", "cells", "--live", address, **env) as (process, errors):
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
