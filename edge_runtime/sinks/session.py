"""A file of rows for runs without anyone near: on the disk within a second, and patient with a full disk."""

import fcntl
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
_FIRST_NAME = "session-000001.csv"
_NUMBER = re.compile(r"[0-9]{6,}")


class SessionFile(AbstractContextManager["SessionFile"]):
    """Takes lines; each goes to the operating system at once, and to the disk within a second.

    While the disk takes nothing the lines wait in memory, the oldest being dropped when there are too many, and go
    out when there is room again. What is on the disk is whole lines but for the last, if the power was cut.

    Attributes:
        problem: why lines wait, in one line; empty when none do.
    """

    def __init__(self, path: Path, *, notice: Callable[[str], None], start: int | None = None) -> None:
        """Makes the file, or goes on with one.

        Args:
            path: of a file that is not there yet, unless `start` is given.
            notice: told, in one line, when the disk takes nothing and when it takes rows again; from any thread.
            start: bytes of a file that is there already which stay; what follows them is cut off.

        Raises:
            OutputError: it is there already, cannot be made, or another run is writing it.
        """
        self.path = path
        self.begun = False
        self._notice = notice
        flags = os.O_CREAT | os.O_EXCL if start is None else 0
        try:
            self._file = os.open(path, flags | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); give another --session") from None
        self._lock_file()
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._end = start or 0
        self._cut()
        self._lost = 0
        self.problem = ""
        self._unsynced = True
        self._closing = threading.Event()
        self._syncer = threading.Thread(target=self._sync_until_closed, name="session", daemon=True)
        self._syncer.start()

    @classmethod
    def next_in(cls, folder: Path, *, notice: Callable[[str], None], first_name: str = _FIRST_NAME) -> "SessionFile":
        """Makes the folder's next `session-000001.csv`; numbered, because the clock may not be set.

        Args:
            folder: made if it is not there.
            notice: as of `SessionFile`.
            first_name: of the file numbered 1.

        Raises:
            OutputError: the folder or the file cannot be made.
        """
        path = last_numbered(folder, first_name)
        number = int(_NUMBER.findall(path.name)[-1]) + 1 if path else 1
        return cls(folder / _NUMBER.sub(f"{number:06}", first_name), notice=notice)

    def _lock_file(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise OutputError(f"{self.path}: another run is writing it; give another --session") from None
        except OSError:
            pass  # a file system without locks

    def _cut(self) -> None:
        with suppress(OSError):  # half a line must not stay
            os.ftruncate(self._file, self._end)
            os.lseek(self._file, self._end, os.SEEK_SET)

    def write(self, text: str) -> None:
        """Takes one line; never waits for the disk."""
        with self._lock:
            self._waiting.append(text.encode())
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self._lost += 1
            message = "" if self.problem else self._drain()  # a full disk is tried again once a second
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
            self._cut()
            if self.problem:
                return ""
            self.problem = (
                f"{self.path}: cannot be written ({error.strerror}); make room on the disk, the newest rows wait"
            )
            return self.problem
        if not self.problem:
            return ""
        self.problem = ""
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


def last_numbered(folder: Path, first_name: str) -> Path | None:
    """The file of a folder with the highest number; None when there is none. Makes the folder.

    Args:
        folder: made if it is not there.
        first_name: of the file numbered 1, such as `session-000001.csv`.

    Raises:
        OutputError: the folder cannot be used.
    """
    pattern = re.compile(_NUMBER.sub("([0-9]{6,})", re.escape(first_name)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = [(int(match[1]), name) for name in os.listdir(folder) if (match := pattern.fullmatch(name))]
    except OSError as error:
        raise OutputError(f"{folder}: cannot be used ({error.strerror}); give another --session") from None
    return folder / max(taken)[1] if taken else None
