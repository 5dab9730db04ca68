"""How a camera is doing: its state and its counters, safe to read from any thread."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Condition = Literal["connecting", "live", "lost", "frozen", "faulty", "ended"]
"""What a camera is doing: `connecting` until its first picture; `live`; `lost`: gone, and tried again; `frozen`: the
same picture over and over; `faulty`: black, half or without colour; `ended`."""

# Name of the thread that reads a camera.
CAMERA_THREAD = "camera"
# Frames that the rate is taken over: about a second of most cameras.
_RATE_FRAMES = 30
# A camera that has been silent for so long has no rate.
_RATE_SILENCE_S = 2.0


@dataclass(frozen=True)
class CameraState:
    """One moment of a camera.

    Attributes:
        state: what it is doing.
        detail: why it is not live, in a sentence without passwords; empty otherwise.
        read: pictures that came.
        dropped: pictures of these that nobody looked at, because a newer one came.
        stale: pictures of these equal to the one before, byte for byte.
        faulty: pictures of these that were withheld: black, half, without colour.
        reconnected: times it came back after it was lost.
        fps: pictures a second over the last second or so; 0 when none come.
    """

    state: Condition = "connecting"
    detail: str = ""
    read: int = 0
    dropped: int = 0
    stale: int = 0
    faulty: int = 0
    reconnected: int = 0
    fps: float = 0.0


class CameraRecord:
    """Keeps a camera's state: written by the thread that reads it, read by any."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts at nought; `clock` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._condition: Condition = "connecting"
        self._detail = ""
        self._counts = {"read": 0, "dropped": 0, "stale": 0, "faulty": 0, "reconnected": 0}
        self._arrivals: deque[float] = deque(maxlen=_RATE_FRAMES + 1)

    def set(self, condition: Condition, detail: str = "") -> None:
        """Says what the camera is doing from now on."""
        with self._lock:
            self._condition, self._detail = condition, detail

    def count(self, *, read: int = 0, dropped: int = 0, stale: int = 0, faulty: int = 0, reconnected: int = 0) -> None:
        """Adds to the counters; what is read arrives now."""
        with self._lock:
            for name, more in (
                ("read", read),
                ("dropped", dropped),
                ("stale", stale),
                ("faulty", faulty),
                ("reconnected", reconnected),
            ):
                self._counts[name] += more
            if reconnected:
                self._arrivals.clear()  # the pause was no interval
            self._arrivals.extend([self._clock()] * read)

    @property
    def interval_s(self) -> float | None:
        """Usual seconds between two pictures; None while fewer than two have come."""
        with self._lock:
            return self._interval_s()

    def snapshot(self) -> CameraState:
        """The state of this moment."""
        with self._lock:
            interval_s = self._interval_s()
            silent = not self._arrivals or self._clock() - self._arrivals[-1] > _RATE_SILENCE_S + (interval_s or 0)
            fps = 0.0 if silent or not interval_s else 1 / interval_s
            return CameraState(self._condition, self._detail, fps=fps, **self._counts)

    def _interval_s(self) -> float | None:
        intervals = len(self._arrivals) - 1
        return (self._arrivals[-1] - self._arrivals[0]) / intervals if intervals > 0 else None
