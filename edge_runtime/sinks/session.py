"""A file of rows for runs without anyone near: on the disk within a second, and patient with a full disk."""

import os
import re
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from edge_runtime.errors import OutputError

# A power cut loses what came since the last sync. Syncing every row would wear an SD card and hold the camera up.
_SYNC_EVERY_S = 1.0
# Rows that wait for room on the disk: some MB at most, so that a full disk does not fill the memory too.
_MOST_WAITING = 20_000
_NAME = re.compile(r"session-([0-9]+)\.csv")


class SessionFile(AbstractContextManager["SessionFile"]):
    """Takes lines; each goes to the operating system at once, and to the disk within a second.

    While the disk takes nothing the lines wait in memory, the oldest being dropped when there are too many, and go
    out when there is room again. What is on the disk is whole lines but for the last, if the power was cut.
    """

    def __init__(self, path: Path, *, notice: Callable[[str], None]) -> None:
        """Makes the file.

        Args:
            path: of a file that is not there yet.
            notice: told, in one line, when the disk takes nothing and when it takes rows again; from any thread.

        Raises:
            OutputError: it is there already, or cannot be made.
        """
        self.path = path
        self.begun = False
        self._notice = notice
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); give another --session") from None
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._end = 0
        self._lost = 0
        self._full = False
        self._unsynced = True
        self._closing = threading.Event()
        self._syncer = threading.Thread(target=self._sync_until_closed, name="session", daemon=True)
        self._syncer.start()

    @classmethod
    def next_in(cls, folder: Path, *, notice: Callable[[str], None]) -> "SessionFile":
        """Makes the folder's next `session-000001.csv`; numbered, because the clock may not be set.

        Raises:
            OutputError: the folder or the file cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = [int(match[1]) for name in os.listdir(folder) if (match := _NAME.fullmatch(name))]
        except OSError as error:
            raise OutputError(f"{folder}: cannot be used ({error.strerror}); give another --session") from None
        return cls(folder / f"session-{max(taken, default=0) + 1:06}.csv", notice=notice)

    def write(self, text: str) -> None:
        """Takes one line; never waits for the disk."""
        with self._lock:
            self._waiting.append(text.encode())
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self._lost += 1
            message = "" if self._full else self._drain()  # a full disk is tried again once a second
        if message:
            self._notice(message)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._syncer.join()
        with self._lock:
            self._drain()
            lost = self._lost + len(self._waiting)
        with suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)
        if lost and error is None:
            raise OutputError(f"{self.path}: {lost} rows could not be written; make room on the disk")

    def _drain(self) -> str:
        """Writes what waits, as far as it goes; what the user must know, if that changed."""
        try:
            while self._waiting:
                line = self._waiting[0]
                if os.write(self._file, line) < len(line):
                    raise OSError(0, "No space left on device")
                self._end += len(line)
                self._waiting.popleft()
                self._unsynced = True
        except OSError as error:
            with suppress(OSError):  # half a line must not stay
                os.ftruncate(self._file, self._end)
                os.lseek(self._file, self._end, os.SEEK_SET)
            if self._full:
                return ""
            self._full = True
            return f"{self.path}: cannot be written ({error.strerror}); make room on the disk, the newest rows wait"
        if not self._full:
            return ""
        self._full = False
        lost, self._lost = self._lost, 0
        return f"{self.path}: is written again; {lost} rows were lost" if lost else f"{self.path}: is written again"

    def _sync_until_closed(self) -> None:
        while not self._closing.wait(_SYNC_EVERY_S):
            with self._lock:
                message = self._drain() if self._waiting else ""
                unsynced, self._unsynced = self._unsynced, False
            if message:
                self._notice(message)
            if unsynced:
                with suppress(OSError):  # a pipe has nothing to sync; a full disk says so at the next row
                    os.fsync(self._file)
