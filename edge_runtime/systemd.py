"""Tells systemd how a service is doing, by the protocol of sd_notify(3): datagrams to the socket in $NOTIFY_SOCKET."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType

_MICROSECONDS = 1_000_000
# sd_watchdog_enabled(3) recommends a sign of life at half the interval; a status so often is enough for a person.
_BEATS_AN_INTERVAL = 2
_STATUS_EVERY_S = 5.0


class Notifier(AbstractContextManager["Notifier"]):
    """Speaks to systemd where that listens, and is silent everywhere else; says that the service stops at the end."""

    def __init__(
        self, environment: Mapping[str, str] = os.environ, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; a watchdog for another process is not ours."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        interval = environment.get("WATCHDOG_USEC", "") if ours else ""
        self._beat_every_s = int(interval) / _MICROSECONDS / _BEATS_AN_INTERVAL if interval.isdecimal() else None
        self._clock = clock
        self._last_beat_s = self._last_status_s = float("-inf")

    def ready(self) -> None:
        """The service has started."""
        self._send("READY=1")

    def beat(self, status: Callable[[], str]) -> None:
        """A sign of life; cheap, so that it can be given at every step.

        Args:
            status: one line for `systemctl status`; asked when one is due.
        """
        now_s = self._clock()
        if self._beat_every_s is not None and now_s - self._last_beat_s >= self._beat_every_s:
            self._last_beat_s = now_s
            self._send("WATCHDOG=1")
        if self._address and now_s - self._last_status_s >= _STATUS_EVERY_S:
            self._last_status_s = now_s
            self._send(f"STATUS={status()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL of Linux's abstract sockets.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            try:
                speaker.sendto(message.replace("\n", " ").encode(), address)
            except OSError:
                return  # a service goes on when nobody listens
