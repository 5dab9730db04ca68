"""A page beside a run: a loopback camera that plays drawn fields, and a look that finds their cells."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np

from edge_runtime.classifier import Classifier
from edge_runtime.live.run import LiveRun, live_run
from edge_runtime.pipeline import Tally, run
from edge_runtime.sinks.lenient import LenientSink
from edge_runtime.sources.camera import Camera
from tests.fields import as_rgb, draw_small_field, look_at_drawn_field
from tests.network_camera import mjpeg_server

# Two leukemic cells and one normal; one at the border; then another place with one of each.
FIELDS = (
    ((160, 150, "all"), (420, 300, "all"), (500, 120, "hem"), (2, 380, "hem")),
    ((300, 140, "all"), (200, 360, "hem")),
    (),
)
WAIT_S = 60
_FRAME_S = 1 / 25
_NOISES = 3


@cache
def noisy(place: int, noise: int) -> np.ndarray:
    """A field as a camera sees it: no two frames are equal."""
    grain = np.random.default_rng([place, noise]).normal(0, 2, (480, 640, 3))
    return as_rgb(np.clip(_field(place) + grain, 0, 255).astype(np.uint8))


def draw_place(place: int) -> None:
    """Draws what a camera shows first: a busy machine takes longer than a camera may be silent."""
    for noise in range(_NOISES):
        noisy(place, noise)


@cache
def _field(place: int) -> np.ndarray:
    return draw_small_field(place, FIELDS[place])


@dataclass
class Microscope:
    """What a test sees and does.

    Attributes:
        page: the run's page.
        lines: what was said to the user.
        place: which of `FIELDS` the camera sees; may be changed.
    """

    page: LiveRun
    lines: list[str]
    place: int

    @property
    def url(self) -> str:
        """Of the page, with the token where one was printed."""
        return self.lines[0].split()[1]

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Asks as a program does; underscores in header names are hyphens."""
        return ask(urlsplit(self.url).port or 0, method, path, body, **headers)


def ask(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Asks a server on loopback; underscores in header names are hyphens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@contextmanager
def microscope(address: str = "127.0.0.1:0", *, place: int = 0) -> Iterator[Microscope]:
    """Runs camera, look and page until left; the camera first sees `place`."""
    lines: list[str] = []
    seen: list[Microscope] = []
    stop = threading.Event()
    draw_place(place)

    def picture(number: int) -> np.ndarray:
        return noisy(seen[0].place if seen else place, number % _NOISES)

    def send(send_picture: Callable[[int], None]) -> None:
        number = 0
        while not stop.wait(_FRAME_S):
            send_picture(number)
            number += 1

    with (
        mjpeg_server(send, picture=picture) as source,
        Camera(source) as camera,
        live_run(address, Classifier.from_file(), camera=camera, say=lines.append) as page,
    ):
        scope = Microscope(page, lines, place)
        seen.append(scope)

        def frames() -> Iterator[object]:
            for frame in camera.frames():
                if stop.is_set():
                    return
                yield frame

        work = threading.Thread(
            target=run,
            args=(frames(), page.watch(look_at_drawn_field()), LenientSink(None, lines.append), Tally(), id),
        )
        work.start()
        try:
            yield scope
        finally:
            stop.set()
            work.join(WAIT_S)
