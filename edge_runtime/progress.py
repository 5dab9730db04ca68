"""How far a run is, on one line of the terminal: pictures, rate, time left."""

import threading
import time
from collections.abc import Callable, Iterable

import click

from edge_runtime.errors import EdgeClassifyError

_EVERY_S = 0.5
_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


class Progress:
    """A line that is written over; nothing when it is not shown."""

    def __init__(self, *, shown: bool) -> None:
        """Starts the clock."""
        self._shown = shown
        self._start_s = self._last_s = time.monotonic()
        self._done = self._before = 0
        self._total: int | None = None

    def begin(self, files: Callable[[], Iterable[object] | None], *, done: int) -> None:
        """Starts the clock anew.

        Args:
            files: gives what there is in all, to be counted in a thread of its own so that the time left can be told;
                None where that cannot be known.
            done: how many of them an earlier run has done.
        """
        self._before = self._done = done
        self._start_s = time.monotonic()
        if self._shown:
            threading.Thread(target=self._count, args=(files,), name="count", daemon=True).start()

    def _count(self, files: Callable[[], Iterable[object] | None]) -> None:
        try:
            found = files()
            self._total = sum(1 for _ in found) if found is not None else None
        except EdgeClassifyError:  # the run itself will say what is wrong with them
            return

    def step(self) -> None:
        """Notes one more picture."""
        self._done += 1
        if self._shown and (now_s := time.monotonic()) - self._last_s >= _EVERY_S:
            self._last_s = now_s
            click.echo(f"\r\033[K{self.line(now_s - self._start_s)}", nl=False, err=True)

    def line(self, elapsed_s: float) -> str:
        """What is shown after so many seconds."""
        rate = (self._done - self._before) / elapsed_s if elapsed_s > 0 else 0.0
        if self._total is None or rate == 0 or self._total < self._done:
            return f"{self._done:,} pictures, {rate:.0f}/s"
        left_s = (self._total - self._done) / rate
        return f"{self._done:,} of {self._total:,} pictures, {rate:.0f}/s, {_duration(left_s)} left"

    def clear(self) -> None:
        """Takes the line away, so that something else can be written."""
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)


def _duration(seconds: float) -> str:
    """In the two largest units that matter."""
    rest = max(round(seconds), 1)
    parts: list[str] = []
    for size, unit in _UNITS:
        if rest >= size or (unit == "s" and not parts):
            parts.append(f"{rest // size} {unit}")
            rest %= size
    return " ".join(parts[:2])
