"""An http camera that plays fields, in a process of its own: `python -m benchmarks.http_camera PORT FPS`.

The fields are BCCD's where they are, else the drawn one at several places. It writes to standard output when it listens
and when it sends which picture, in seconds of CLOCK_MONOTONIC, which all processes of a machine share. A number on
standard input is another rate.
"""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import cv2
import numpy as np

from benchmarks.pictures import SAMPLE_FIELD, field_paths
from edge_runtime.preprocess import PixelArray, read_picture

PICTURES = 32
_BITS = 5
_BLOCK = 16
_BRIGHT = 128
_HEAD = (
    b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n",
    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n",
)


def number_of(picture: PixelArray) -> int:
    """The number that stands in the top left corner of a picture, uint8 BGR, as bright and dark blocks."""
    middles = picture[_BLOCK // 2, _BLOCK // 2 : _BLOCK * _BITS : _BLOCK, 1]
    return int(sum(1 << bit for bit, value in enumerate(middles) if value > _BRIGHT))


class HttpCamera:
    """The camera as whoever measures it sees it."""

    def __init__(self, *, fps: float) -> None:
        """Chooses a port."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._port = listener.getsockname()[1]
        self._fps = fps
        self._process: subprocess.Popen[str] | None = None
        self.address = f"http://127.0.0.1:{self._port}/video"

    def start(self) -> float:
        """Starts it; returns when it listened, in monotonic seconds."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.http_camera", str(self._port), str(self._fps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())

    def sent(self) -> Iterator[tuple[int, float]]:
        """Number and monotonic time of every picture sent, as they go out."""
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            number, at_s = line.split()
            yield int(number), float(at_s)

    def pace(self, fps: float) -> None:
        """Sends so many pictures a second from now on."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(f"{fps}\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Kills it, as a pulled plug would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def http_camera(*, fps: float) -> Iterator[HttpCamera]:
    """A started camera."""
    camera = HttpCamera(fps=fps)
    camera.start()
    try:
        yield camera
    finally:
        camera.stop()


def _fields() -> list[bytes]:
    """So many fields with a number in the corner, as JPEG."""
    paths = field_paths(PICTURES)
    pictures = []
    for number in range(PICTURES):
        picture = read_picture(paths[number] if paths else SAMPLE_FIELD)
        if not paths:  # as if the stage had moved
            picture = np.roll(picture, number * picture.shape[1] // PICTURES, axis=1)
        for bit in range(_BITS):
            picture[:_BLOCK, bit * _BLOCK : (bit + 1) * _BLOCK] = 255 * (number >> bit & 1)
        pictures.append(cv2.imencode(".jpg", picture)[1].tobytes())
    return pictures


class _Pace:
    """Pictures a second, as last heard."""

    def __init__(self, fps: float) -> None:
        self.fps = fps

    def hear(self) -> None:
        for line in sys.stdin:
            self.fps = float(line)


def main(port: int, fps: float) -> None:
    """Serves one viewer after the other until it is killed."""
    pictures, pace = _fields(), _Pace(fps)
    threading.Thread(target=pace.hear, daemon=True).start()
    with socket.create_server(("127.0.0.1", port), reuse_port=False) as listener:
        sys.stdout.write(f"{time.monotonic()}\n")
        sys.stdout.flush()
        while True:
            viewer, _ = listener.accept()
            with closing(viewer):
                viewer.recv(1 << 16)
                _send(viewer, pictures, pace)


def _send(viewer: socket.socket, pictures: list[bytes], pace: "_Pace") -> None:
    try:
        viewer.sendall(_HEAD[0])
        due_s = time.monotonic()
        number = 0
        while True:
            data = pictures[number]
            sent_s = time.monotonic()
            viewer.sendall(_HEAD[1] % len(data) + data + b"\r\n")
            sys.stdout.write(f"{number} {sent_s}\n")
            sys.stdout.flush()
            due_s = max(due_s + 1 / pace.fps, sent_s)
            time.sleep(max(0.0, due_s - time.monotonic()))
            number = (number + 1) % len(pictures)
    except OSError:
        return  # the viewer has gone


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
