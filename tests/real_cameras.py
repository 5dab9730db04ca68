"""Real network cameras on loopback, for tests to start and stop: FFmpeg over HTTP, and GStreamer's RTSP server."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# The distribution's own Python: it has GStreamer's bindings, which no wheel brings.
_SYSTEM_PYTHON = "/usr/bin/python3"
_START_TIMEOUT_S = 60
# Of proc(5), tcp: a camera for one viewer no longer listens once it has one.
_LISTENING_OR_SERVING = ("0A", "01")
# FFmpeg names its boundary so, and does not say it by itself.
_CONTENT_TYPE = "multipart/x-mixed-replace;boundary=ffmpeg"


def need(found: bool, name: str) -> None:
    """Skips a test whose system package is not there; in CI it fails."""
    if found:
        return
    reason = f"no {name} here; `make test-system` installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class FfmpegCamera:
    """`ffmpeg` as an http camera: serves one viewer at a time, changing colour pictures."""

    def __init__(self, *, fps: int = 25, size: str = "320x240") -> None:
        """Chooses a port; `start` makes it a camera."""
        need(shutil.which("ffmpeg") is not None, "ffmpeg")
        self._fps = fps
        self._size = size
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._on = threading.Event()
        self.address = f"http://127.0.0.1:{self._port}/video"

    def start(self) -> None:
        """Starts it and waits until it listens. FFmpeg ends when its viewer leaves; then it is started again."""
        self._on.set()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        wait_until_listening(self._port)

    def stop(self) -> None:
        """Kills it, as a pulled plug would."""
        self._on.clear()
        if self._keeper is not None:
            self._kill()
            self._keeper.join()
            self._keeper = None

    def _keep(self) -> None:
        source = f"testsrc2=size={self._size}:rate={self._fps}"
        encoding = f"-c:v mjpeg -q:v 3 -f mpjpeg -listen 1 -content_type {_CONTENT_TYPE}"
        while self._on.is_set():
            self._process = subprocess.Popen(
                [*f"ffmpeg -v error -re -f lavfi -i {source} {encoding}".split(), self.address],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if not self._on.is_set():
                self._kill()
            self._process.wait()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Makes it silent without ending its connection."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


@contextmanager
def ffmpeg_camera(**settings: int) -> Iterator[FfmpegCamera]:
    """A started http camera."""
    camera = FfmpegCamera(**settings)
    camera.start()
    try:
        yield camera
    finally:
        camera.stop()


@contextmanager
def rtsp_camera(*, codec: str, port: int | None = None) -> Iterator[str]:
    """GStreamer's rtsp server with a moving picture; `codec` is `jpeg` or `h264`. Gives its address."""
    bindings = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    there = subprocess.run([_SYSTEM_PYTHON, "-c", bindings], capture_output=True, check=False).returncode == 0
    need(there, "GStreamer rtsp server with its Python bindings")
    port = port or free_port()
    process = subprocess.Popen(
        [_SYSTEM_PYTHON, str(Path(__file__).parent / "rtsp_server.py"), str(port), codec],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_listening(port)
        yield f"rtsp://127.0.0.1:{port}/field"
    finally:
        process.kill()
        process.wait()


def wait_until_listening(port: int) -> None:
    """Waits until the kernel lists a listener on a port of loopback; connecting would use its only viewer up."""
    wanted = f":{port:04X}"
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] in _LISTENING_OR_SERVING:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port}")
