"""Long runs of a live camera: memory, the way back of a lost camera, age of a frame at its decision."""

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.camera_memory import run_for_memory
from benchmarks.http_camera import HttpCamera, http_camera, number_of
from edge_runtime.classifier import DEFAULT_MODEL, Classifier
from edge_runtime.look import Look
from edge_runtime.look_at_field import look_at_field
from edge_runtime.sources.camera import Camera

# Memory is compared with that after so much of the run: by then every buffer has been used.
_WARM_SHARE = 0.1
_TOLD_SHARES = (1 / 30, 1 / 6, 1 / 3, 2 / 3, 1)
_MOST_GROWTH_MB = 2.0
_MOST_WAY_BACK_S = 2.0
_LONGEST_OUTAGE_S = 3.0
_FPS = 25.0
# The first look loads code and the first frames queue up behind it.
_SETTLING_S = 2.0


@dataclass(frozen=True)
class Measured:
    """One line of the soak.

    Attributes:
        name: what was measured.
        values: the numbers, with their units in their names.
        reached: whether they are as the project wants them.
    """

    name: str
    values: dict[str, float]
    reached: bool


def soak(*, frames: int, stops: int, seconds: float, say: Callable[[str], None]) -> list[Measured]:
    """Runs all three.

    Args:
        frames: classified for the memory.
        stops: of the camera.
        seconds: that ages are measured.
        say: told each result as it comes.
    """
    look = look_at_field(Classifier.from_file(DEFAULT_MODEL))
    results = []
    measures: tuple[Callable[[], Measured], ...] = (
        partial(_age, look, seconds),
        partial(_way_back, stops),
        partial(_memory, frames, say),
    )
    for measure in measures:
        results.append(measure())
        say(f"{results[-1].name}: {json.dumps(results[-1].values)}, {'reached' if results[-1].reached else 'MISSED'}")
    return results


def write(results: list[Measured], path: Path) -> None:
    """Writes the results as JSON."""
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")


def _age(look: Look, seconds: float) -> Measured:
    """From the sending of a frame to the end of its decision, less what looking at it took."""
    sent: list[tuple[int, float]] = []
    looked: list[tuple[int, float, float]] = []
    with http_camera(fps=_FPS) as source, Camera(source.address) as camera:
        threading.Thread(target=lambda: sent.extend(source.sent()), daemon=True).start()
        begin_s = time.monotonic() + _SETTLING_S
        for frame in camera.frames():
            if frame.picture is None:
                continue
            start_s = time.monotonic()
            look(frame)
            end_s = time.monotonic()
            if start_s > begin_s:
                looked.append((number_of(frame.picture), start_s, end_s))
            if end_s > begin_s + seconds:
                break
        time.sleep(_SETTLING_S)  # what was sent is known a little later
    looks_ms = [1000 * (end_s - start_s) for _, start_s, end_s in looked]
    # Numbers come round again; a picture was sent the last time before it was looked at.
    waits_ms = [
        1000 * (start_s - max(at_s for other, at_s in sent if other == number and at_s <= start_s))
        for number, start_s, _ in looked
    ]
    values = {
        "frame_time_ms": 1000 / _FPS,
        "sent_to_look_median_ms": float(np.median(waits_ms)),
        "sent_to_look_p99_ms": float(np.percentile(waits_ms, 99)),
        "sent_to_look_max_ms": max(waits_ms),
        "look_median_ms": float(np.median(looks_ms)),
        "frames": len(waits_ms),
    }
    return Measured("newest frame to decision", values, values["sent_to_look_p99_ms"] <= values["frame_time_ms"])


def _way_back(stops: int) -> Measured:
    """From when a stopped camera listens again to its first picture here."""
    chance = random.Random(0)
    ways_s = []
    source = HttpCamera(fps=_FPS)
    source.start()
    try:
        with Camera(source.address) as camera:
            frames = camera.frames()
            next(frames)
            for _ in range(stops):
                source.stop()
                while next(frames).picture is not None:
                    pass
                time.sleep(chance.uniform(0, _LONGEST_OUTAGE_S))
                returned_s = source.start()
                while next(frames).picture is None:
                    pass
                ways_s.append(time.monotonic() - returned_s)
            state = camera.state
    finally:
        source.stop()
    values = {
        "stops": stops,
        "reconnected": state.reconnected,
        "median_s": float(np.median(ways_s)),
        "max_s": max(ways_s),
    }
    return Measured("way back", values, state.reconnected == stops and max(ways_s) <= _MOST_WAY_BACK_S)


def _memory(frames: int, say: Callable[[str], None]) -> Measured:
    """Resident memory of the command over many frames of a camera that sends more than can be looked at."""
    warm, *told = (round(frames * share) for share in (_WARM_SHARE, *_TOLD_SHARES))
    run = run_for_memory(sorted({warm, *told}), say=say)
    growth_mb = run.resident_mb[told[-1]] - run.resident_mb[warm]
    values = {
        "frames": run.frames,
        "read": run.read,
        "frames_a_second": run.frames_a_second,
        **{f"at_{mark}_mb": mb for mark, mb in sorted(run.resident_mb.items())},
        "growth_mb": growth_mb,
    }
    return Measured("memory", values, growth_mb < _MOST_GROWTH_MB)
