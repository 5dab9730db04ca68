"""A run with nobody near: systemd's socket, rows on the disk, a full disk, uncertain cells within a budget."""

import csv
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.errors import OutputError
from edge_runtime.kept_pictures import KeptPictures, keep_uncertain
from edge_runtime.row import Row
from edge_runtime.sinks.session import SessionFile
from edge_runtime.sources.frame import Frame
from edge_runtime.systemd import Notifier
from tests.conftest import ROOT, RunCli, cli_environment
from tests.network_camera import mjpeg_server

PATIENCE_S = 60
UNIT = ROOT / "deploy" / "edge-classify.service"


@contextmanager
def full_disk(limit_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond a limit: the kernel cuts the write short and refuses the next."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def serve(send: Callable[[int], None]) -> None:
    number = 1
    while True:
        send(number)
        number = number % 25 + 1
        time.sleep(0.02)


def test_systemd_hears_of_start_life_and_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, mjpeg_server(serve) as address:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        command = [sys.executable, "-m", "edge_runtime", "--camera", address, "--session", str(tmp_path / "sessions")]
        process = subprocess.Popen(command, env=cli_environment(env), stderr=subprocess.PIPE, text=True)
        try:
            heard = [systemd.recv(4096).decode()]
            assert heard == ["READY=1"]
            while heard.count("WATCHDOG=1") < 3 or not any(line.startswith("STATUS=live") for line in heard):
                heard.append(systemd.recv(4096).decode())
                if heard[-1] == "WATCHDOG=1" and heard.count("WATCHDOG=1") > 60:
                    break
            process.send_signal(signal.SIGTERM)
            while heard[-1] != "STOPPING=1":
                heard.append(systemd.recv(4096).decode())
            stderr = process.communicate(timeout=PATIENCE_S)[1]
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert heard.count("WATCHDOG=1") >= 3
    assert any(re.match(r"STATUS=(live|connecting), [\d.]+ frames a second; \d+ read, ", line) for line in heard)
    assert {line.partition("=")[0] for line in heard} == {"READY", "WATCHDOG", "STATUS", "STOPPING"}
    (session,) = (tmp_path / "sessions").iterdir()
    rows = list(csv.DictReader(session.read_text("utf-8").splitlines()))
    assert session.name == "session-000001.csv" and rows
    uptimes = [float(row["uptime"]) for row in rows]
    assert uptimes == sorted(uptimes)


def test_systemd_is_not_needed_and_may_go_away(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1000000"}):
        with Notifier(environment) as notifier:
            notifier.ready()
            notifier.beat(lambda: "live")


def test_a_beat_is_sent_twice_an_interval_and_only_for_this_process() -> None:
    name = f"\0edge-classify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        systemd.setblocking(False)

        def heard() -> list[str]:
            lines = []
            with suppress(BlockingIOError):
                while True:
                    lines.append(systemd.recv(4096).decode())
            return lines

        environment = {"NOTIFY_SOCKET": f"@{name[1:]}", "WATCHDOG_USEC": "30000000"}
        now = [100.0]
        notifier = Notifier(environment, clock=lambda: now[0])
        for second in range(31):
            now[0] = 100.0 + second
            notifier.beat(lambda: "live\nREADY=1")
        lines = heard()
        assert lines.count("WATCHDOG=1") == 3  # at 0, 15 and 30 s
        assert lines.count("STATUS=live READY=1") == 7
        Notifier(environment | {"WATCHDOG_PID": "1"}, clock=lambda: now[0]).beat(lambda: "")
        assert heard() == ["STATUS="]


def test_the_unit_file_names_options_that_exist(run_cli: RunCli) -> None:
    text = UNIT.read_text("utf-8")
    help_ = run_cli("--help").stdout
    options = re.findall(r"--[a-z-]+", next(line for line in text.splitlines() if line.startswith("ExecStart=")))
    assert options
    assert all(option in help_ for option in options)
    assert re.search(r"^Type=notify$", text, re.MULTILINE) and re.search(r"^WatchdogSec=\d+$", text, re.MULTILINE)


def test_a_killed_run_leaves_its_rows_and_the_next_takes_the_next_file(tmp_path: Path) -> None:
    with mjpeg_server(serve) as address:
        for number in (1, 2):
            path = tmp_path / f"session-{number:06}.csv"
            command = [sys.executable, "-m", "edge_runtime", "--camera", address, "--session", str(tmp_path)]
            process = subprocess.Popen(command, env=cli_environment(), stderr=subprocess.DEVNULL)
            try:
                wait_for(lambda path=path: path.exists() and path.read_text().count("\n") > 3)  # type: ignore[misc]
            finally:
                process.kill()
                process.wait()
            assert path.read_text("utf-8").partition("\n")[0].endswith(",detail,uptime")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_keeps_whole_rows_and_the_rest_comes_when_there_is_room(tmp_path: Path) -> None:
    notices: list[str] = []
    lines = [f"{number:03}{'x' * 95}\n" for number in range(30)]
    with SessionFile.next_in(tmp_path, notice=notices.append) as session:
        with full_disk(1_050):  # ten rows and a half
            for line in lines:
                session.write(line)
            assert session.path.read_text() == "".join(lines[:10])
        wait_for(lambda: session.path.read_text() == "".join(lines))
        wait_for(lambda: len(notices) == 2)
        session.write("last\n")
    assert session.path.read_text() == "".join(lines) + "last\n"
    assert "cannot be written (" in notices[0] and "make room" in notices[0]
    assert notices[1].endswith("is written again")


def test_rows_that_never_found_room_are_counted(tmp_path: Path) -> None:
    with (
        full_disk(150),
        pytest.raises(OutputError, match="3 rows could not be written"),
        SessionFile.next_in(tmp_path, notice=lambda line: None) as session,
    ):
        for _ in range(4):
            session.write("x" * 99 + "\n")


def test_a_session_folder_that_is_none_is_refused(tmp_path: Path, run_cli: RunCli) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be used"):
        SessionFile.next_in(tmp_path / "file" / "sessions", notice=lambda line: None)
    done = run_cli("--camera", "absent.avi", "--session", tmp_path / "s", "--output", tmp_path / "rows.csv")
    assert done.returncode == 2 and "Give one of: --output, --session" in done.stderr
    done = run_cli("cells", "--reconnect", "3")
    assert done.returncode == 2 and "go with --camera" in done.stderr


def picture(seed: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)


def test_the_oldest_kept_pictures_go_first_and_the_budget_holds_over_runs(tmp_path: Path) -> None:
    budget_mb = 0.05
    for run in range(3):
        (tmp_path / "uncertain-000999.unfinished").touch()
        kept = KeptPictures(tmp_path, budget_mb=budget_mb, notice=pytest.fail)
        for seed in range(5):
            path = kept.keep(picture(10 * run + seed))
            assert path is not None and path.exists()
            assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= budget_mb * 1e6
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names[-1] == "uncertain-000015.png" and len(names) == 4  # of 12.5 kB each
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / names[-1])), picture(24))
    assert kept.keep(picture(0, side=200)) is None
    assert sorted(file.name for file in tmp_path.iterdir()) == names


def test_a_full_disk_is_said_once_and_the_run_goes_on(tmp_path: Path) -> None:
    notices: list[str] = []
    kept = KeptPictures(tmp_path, budget_mb=1, notice=notices.append)
    with full_disk(1_000):
        assert [kept.keep(picture(seed)) for seed in range(3)] == [None] * 3
    assert list(tmp_path.iterdir()) == []
    assert kept.keep(picture(3)) is not None
    assert len(notices) == 2 and "cannot be kept" in notices[0] and "kept again" in notices[1]


def test_uncertain_cells_alone_are_kept_cut_out(tmp_path: Path) -> None:
    boxes = [(1, 2, 30, 20), (40, 5, 10, 10)]

    def look(frame: Frame) -> list[Row]:
        return [
            Row("c", frame.frame, None, i, box, "all", {"all": 0.5, "hem": 0.5}, status, "")
            for i, (box, status) in enumerate(zip(boxes, ("uncertain", "ok"), strict=True))
        ]

    def cut(frame: Frame, row: Row) -> np.ndarray:
        assert frame.picture is not None and row.box is not None
        x, y, width, height = row.box
        return frame.picture[y : y + height, x : x + width]

    keeping = keep_uncertain(look, KeptPictures(tmp_path, budget_mb=1, notice=pytest.fail), cut=cut)
    assert len(keeping(Frame("c", picture(1), 0))) == 2
    (kept,) = tmp_path.iterdir()
    np.testing.assert_array_equal(cv2.imread(str(kept)), picture(1)[2:22, 1:31])


def test_whole_pictures_are_kept_once_a_second(tmp_path: Path) -> None:
    now = [0.0]
    look = keep_uncertain(
        lambda frame: [Row("c", frame.frame, None, 0, None, "all", {"all": 0.5}, "uncertain", "too close")],
        KeptPictures(tmp_path, budget_mb=1, notice=pytest.fail),
        cut=lambda frame, row: frame.picture,
        clock=lambda: now[0],
    )
    for i in range(50):
        now[0] = i / 25
        look(Frame("c", picture(i), i))
    assert len(list(tmp_path.iterdir())) == 2


def test_the_command_keeps_uncertain_cells_of_a_camera(tmp_path: Path, run_cli: RunCli) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"frame-{number}.png"), picture(number, side=450))  # noise is no cell
    done = run_cli(
        "--camera",
        tmp_path / "frame-%d.png",
        "--input",
        "cells",
        "--keep-uncertain",
        tmp_path / "kept",
        "--session",
        tmp_path,
    )
    assert done.returncode == 0
    rows = list(csv.DictReader((tmp_path / "session-000001.csv").read_text("utf-8").splitlines()))
    assert [row["status"] for row in rows] == ["uncertain"] * 3
    kept = cv2.imread(str(tmp_path / "kept" / "uncertain-000001.png"))
    np.testing.assert_array_equal(kept, picture(0, side=450))
