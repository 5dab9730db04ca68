"""How the run is doing: rate, latency, temperature."""

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_WINDOW = 60  # frames that rate and latency are told of
# A rate of frames that came long ago is no rate.
_FORGET_S = 5.0
_ZONES = Path("/sys/class/thermal")
_MILLI = 1000


@dataclass(frozen=True)
class Reading:
    """What the meter shows.

    Attributes:
        frames: looked at since the start.
        fps: frames looked at a second lately; None while too few came.
        latency_ms: median time from a frame to its decisions lately; None before the first.
        age_s: since the last frame, or since the start.
    """

    frames: int
    fps: float | None
    latency_ms: float | None
    age_s: float


class Meter:
    """Told every frame's end; may be read from another thread."""

    def __init__(self, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Starts now."""
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._ends_s: deque[float] = deque(maxlen=_WINDOW)
        self._took_s: deque[float] = deque(maxlen=_WINDOW)
        self._frames = 0
        self._last_s = clock_s()

    def add(self, took_s: float) -> None:
        """Notes a frame that was just decided and how long that took."""
        with self._lock:
            self._last_s = self._clock_s()
            self._frames += 1
            self._ends_s.append(self._last_s)
            self._took_s.append(took_s)

    def read(self) -> Reading:
        """What it shows now."""
        with self._lock:
            now_s = self._clock_s()
            ends_s = [end_s for end_s in self._ends_s if now_s - end_s <= _FORGET_S]
            span_s = ends_s[-1] - ends_s[0] if len(ends_s) > 1 else 0.0
            fps = (len(ends_s) - 1) / span_s if span_s > 0 else None
            latency_ms = statistics.median(self._took_s) * _MILLI if self._took_s else None
            return Reading(self._frames, fps, latency_ms, now_s - self._last_s)


def read_temperature(zones: Path = _ZONES) -> float | None:
    """The processor's temperature in degrees Celsius, as Linux tells it; None where it does not.

    Args:
        zones: `/sys/class/thermal`; the first zone is the processor's on a Raspberry Pi.
    """
    try:
        return int((zones / "thermal_zone0" / "temp").read_text("ascii")) / _MILLI
    except (OSError, ValueError):
        return None
