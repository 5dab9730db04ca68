"""What every source yields."""

import time
from dataclasses import dataclass
from datetime import datetime

from edge_runtime.preprocess import PixelArray


@dataclass(frozen=True)
class Frame:
    """One picture to look at.

    Attributes:
        path: where it came from, safe to show: no credentials, valid UTF-8.
        picture: uint8 `[height, width, 3]`, BGR; None when it could not be read.
        frame: number in a stream, from 0; None for a plain picture.
        time: when a live camera gave it, UTC; None for files.
        problem: why there is no picture; empty otherwise.
        uptime_s: seconds since this machine started, with the time it slept, when a live camera gave it: right also
            while the clock is not set; None for files.
    """

    path: str
    picture: PixelArray | None
    frame: int | None = None
    time: datetime | None = None
    problem: str = ""
    uptime_s: float | None = None


def uptime_s() -> float:
    """Seconds since this machine started, clock_gettime(2) CLOCK_BOOTTIME; no setting of the clock changes it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
