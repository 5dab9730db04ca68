"""The page's cost: `python -m benchmarks live`, classification with browsers connected beside it without them.

Whole frames go through the default model as fast as they are taken, in turn without and with browsers. The browsers are
WebSocket clients in a process of their own that take, unpack and acknowledge every picture and the state, as
`page.js` does; a Chromium each would compete for the two cores that on a Pi are not the browsers'.
"""

import json
import multiprocessing
import statistics
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np

from edge_runtime.classifier import Classifier
from edge_runtime.live.run import live_run
from edge_runtime.look import look_at_cell
from edge_runtime.pipeline import Tally, run
from edge_runtime.preprocess import PixelArray
from edge_runtime.sinks.lenient import LenientSink
from edge_runtime.sources.camera import Camera
from edge_runtime.sources.camera_state import CameraState
from edge_runtime.sources.frame import Frame

BROWSERS = 5
TARGET_FPS, TARGET_RATE = 20.0, 0.9
_SIZE = (480, 640)
_PICTURES = 8
_WARM_UP_S = 2.0


@dataclass(frozen=True)
class LiveResult:
    """What was measured.

    Attributes:
        camera_fps: what the camera gave at most; None for frames without end.
        alone_fps: frames classified a second without browsers, median over the rounds.
        watched_fps: the same with browsers.
        browser_fps: pictures a second of each browser, over all rounds.
    """

    camera_fps: float | None
    alone_fps: float
    watched_fps: float
    browser_fps: tuple[float, ...]

    @property
    def reached(self) -> bool:
        """Whether both targets are."""
        return min(self.browser_fps) >= TARGET_FPS and self.watched_fps >= TARGET_RATE * self.alone_fps

    def __str__(self) -> str:
        camera = "frames without end" if self.camera_fps is None else f"camera of {self.camera_fps:g} frames/s"
        kept, slowest = self.watched_fps / self.alone_fps, min(self.browser_fps)
        return (
            f"{camera}: {self.alone_fps:.1f} frames/s alone, {self.watched_fps:.1f} with {BROWSERS} browsers "
            f"({kept:.1%}; target {TARGET_RATE:.0%}); slowest browser {slowest:.1f} pictures/s (target "
            f"{TARGET_FPS:g}): {'reached' if self.reached else 'missed'}"
        )


def measure(*, camera_fps: float | None, seconds: float, rounds: int) -> LiveResult:
    """Runs the page and counts.

    Args:
        camera_fps: of the camera; None gives the next frame at once.
        seconds: of each part of a round.
        rounds: of one part without and one with browsers.
    """
    classifier = Classifier.from_file()
    camera = cast(Camera, SimpleNamespace(name="drawn frames", state=CameraState("live")))
    said: list[str] = []
    stop = threading.Event()
    done = Tally()
    with live_run("127.0.0.1:0", classifier, camera=camera, say=said.append) as page:
        look = page.watch(look_at_cell(classifier))
        work = threading.Thread(
            target=run, args=(_frames(camera_fps, stop), look, LenientSink(None, said.append), done, id)
        )
        work.start()
        url = said[0].split()[1].replace("http", "ws") + "api/live"
        try:
            parts = [_round(url, done, seconds) for _ in range(rounds)]
        finally:
            stop.set()
            work.join()
    alone, watched, shown = zip(*parts, strict=True)
    browsers = tuple(statistics.mean(fps) for fps in zip(*shown, strict=True))
    return LiveResult(camera_fps, statistics.median(alone), statistics.median(watched), browsers)


def _round(url: str, done: Tally, seconds: float) -> tuple[float, float, list[float]]:
    time.sleep(_WARM_UP_S)
    alone = _rate(done, seconds)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_browse, args=(url, there), daemon=True)
    process.start()
    here.recv()  # all are connected and have drawn
    time.sleep(_WARM_UP_S)
    here.send("count")
    watched = _rate(done, seconds)
    here.send("stop")
    shown: list[float] = here.recv()
    process.join()
    return alone, watched, shown


def _rate(done: Tally, seconds: float) -> float:
    frames, start_s = done.total, time.monotonic()
    time.sleep(seconds)
    return (done.total - frames) / (time.monotonic() - start_s)


def _frames(camera_fps: float | None, stop: threading.Event) -> Iterator[Frame]:
    pictures = [_picture(seed) for seed in range(_PICTURES)]
    number, next_s = 0, time.monotonic()
    while not stop.is_set():
        if camera_fps is not None:
            next_s += 1 / camera_fps
            time.sleep(max(0.0, next_s - time.monotonic()))
        yield Frame("drawn frames", pictures[number % _PICTURES], number)
        number += 1


def _picture(seed: int) -> PixelArray:
    """A frame with as much in it as a microscope's: discs on a pale ground, and grain; uint8 BGR."""
    rng = np.random.default_rng(seed)
    picture = np.full((*_SIZE, 3), (228, 226, 236), np.uint8)
    for _ in range(60):
        centre = int(rng.integers(0, _SIZE[1])), int(rng.integers(0, _SIZE[0]))
        cv2.circle(picture, centre, 22, (176, 178, 222), -1, cv2.LINE_AA)
    cv2.circle(picture, (_SIZE[1] // 2, _SIZE[0] // 2), 90, (142, 62, 104), -1, cv2.LINE_AA)
    return np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def _browse(url: str, pipe: Connection) -> None:
    """Five browsers, in their own process."""
    from websockets.sync.client import connect

    counts, counting, stop = [0] * BROWSERS, threading.Event(), threading.Event()
    drawn = [threading.Event() for _ in range(BROWSERS)]

    def browse(i: int) -> None:
        with connect(url, max_size=None, compression=None) as socket:
            while not stop.is_set():
                message = socket.recv()
                if isinstance(message, str):
                    json.loads(message)
                    continue
                (length,) = struct.unpack(">I", message[:4])
                json.loads(message[4 : 4 + length])
                counts[i] += counting.is_set()
                socket.send("drawn")
                drawn[i].set()

    threads = [threading.Thread(target=browse, args=(i,)) for i in range(BROWSERS)]
    for thread in threads:
        thread.start()
    for event in drawn:
        event.wait()
    pipe.send("ready")
    pipe.recv()
    start_s = time.monotonic()
    counting.set()
    pipe.recv()
    counting.clear()
    took_s = time.monotonic() - start_s
    stop.set()
    for thread in threads:
        thread.join()
    pipe.send([count / took_s for count in counts])
