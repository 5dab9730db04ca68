"""Resident memory of a camera's whole run, page, session and kept pictures with it, over many frames."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from benchmarks.http_camera import http_camera
from benchmarks.pictures import ROOT

# The camera sends a little more than is looked at, so that some is dropped and little work goes into that.
_FIRST_FPS, _MORE = 5.0, 1.25
# So small that the oldest kept pictures soon make way.
_KEEP_MB = 5
_POLL_S = 1.0
_TIMEOUT_S = 60.0
_PAGE = re.compile(r"page: (http://\S+/)")


@dataclass(frozen=True)
class MemoryRun:
    """What was seen of a run.

    Attributes:
        frames: looked at.
        read: pictures that the camera sent.
        frames_a_second: looked at.
        resident_mb: memory when so many frames were looked at, MB of 1,000,000 bytes.
    """

    frames: int
    read: int
    frames_a_second: float
    resident_mb: dict[int, float]


def run_for_memory(marks: list[int], *, say: Callable[[str], None]) -> MemoryRun:
    """Runs `edge-classify` at an http camera that plays fields, with everything a lab's unit asks for.

    Args:
        marks: rising numbers of frames at which memory is read; the last ends the run.
        say: told each reading.

    Raises:
        RuntimeError: the run ended by itself, or looked at nothing for a minute.
    """
    seen: dict[int, float] = {}
    with http_camera(fps=_FIRST_FPS) as camera, _started(camera.address) as (process, page):
        threading.Thread(target=lambda: deque(camera.sent(), maxlen=0), daemon=True).start()  # or its pipe fills up
        start_s = changed_s = time.monotonic()
        frames = 0
        while frames < marks[-1]:
            time.sleep(_POLL_S)
            before, state = frames, _state(page)
            frames = state["run"]["frames"]
            camera.pace(max(_FIRST_FPS, _MORE * (frames - before) / _POLL_S))
            changed_s = time.monotonic() if frames > before else changed_s
            if process.poll() is not None or time.monotonic() - changed_s > _TIMEOUT_S:
                raise RuntimeError(f"the run stopped at frame {frames}")
            for mark in marks:
                if mark <= frames and mark not in seen:
                    seen[mark] = _resident_mb(process.pid)
                    say(f"{mark} frames: {seen[mark]:.1f} MB")
        took_s = time.monotonic() - start_s
    return MemoryRun(frames, state["camera"]["read"], frames / took_s, seen)


@contextmanager
def _started(camera: str) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    """The command at a camera, and the address of its page."""
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--session", f"{scratch}/sessions", "--keep-uncertain", f"{scratch}/kept"]
        command = [sys.executable, "-m", "edge_runtime", "--camera", camera, "--live", "0"]
        process = subprocess.Popen(
            [*command, *options, "--keep-budget", str(_KEEP_MB)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            match = _PAGE.match(line)
            if match is None:
                raise RuntimeError(f"the run did not start: {line.strip()}")
            yield process, match[1]
        finally:
            process.terminate()
            process.communicate()


def _state(page: str) -> "dict[str, dict[str, int]]":
    with urlopen(f"{page}api/state", timeout=_TIMEOUT_S) as answer:
        state: dict[str, dict[str, int]] = json.load(answer)
        return state


def _resident_mb(pid: int) -> float:
    """Resident memory of a process, proc(5) statm."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
