"""Text streams whose every line has left the process when `write` returns, and whose errors say what to do."""

import fcntl
import hashlib
import os
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TextIO

from edge_runtime.errors import OutputError

SYNC_EVERY_S = 1.0
_BLOCK_BYTES = 1 << 20


class LineStream(AbstractContextManager["LineStream"]):
    """Standard output, or any open text stream; flushed at every write.

    Attributes:
        begun: whether rows of an earlier run stand before what is written now, and with them a header.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        """Wraps an open stream, which stays open; `name` is for messages."""
        self._stream = stream
        self._name = name
        self.begun = False

    @staticmethod
    def to_file(path: Path, *, overwrite: bool) -> "LineFile":
        """Opens a file for writing, UTF-8.

        Raises:
            OutputError: it is there and `overwrite` is not set, another run writes it, or it cannot be written.
        """
        stream = LineFile(path, os.O_CREAT | (0 if overwrite else os.O_EXCL))
        stream.cut()
        return stream

    @staticmethod
    def to_standard_output() -> "LineStream":
        """Standard output, in UTF-8 whatever the locale.

        Raises:
            OutputError: it is closed.
        """
        stream = sys.stdout
        if stream is None:
            raise OutputError("standard output: is closed; give --output")
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", newline="")
        return LineStream(stream, "standard output")

    def write(self, text: str) -> None:
        """Writes text and hands it to the operating system.

        Raises:
            OutputError: it cannot be written.
            BrokenPipeError: nobody reads the other end any more.
        """
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class LineFile(LineStream):
    """A file that no second run can write, and that is synced to the disk every `SYNC_EVERY_S` and at the end.

    Attributes:
        position: bytes written, those of an earlier run included.
        before_sync: called before each sync; what it returns is called after it, to note what is on the disk now.
    """

    def __init__(self, path: Path, flags: int) -> None:
        """Opens and locks a file; what is in it stays until `cut`.

        Args:
            path: of the file.
            flags: of open(2), beside O_WRONLY.

        Raises:
            OutputError: it is there already and must not be, another run writes it, or it cannot be written.
        """
        try:
            self._file = FileIO(os.open(path, flags | os.O_WRONLY | os.O_CLOEXEC, 0o666), "w")
        except FileExistsError:
            raise OutputError(f"{path}: is already there; give --overwrite, --resume or another --output") from None
        except (OSError, ValueError) as error:
            raise OutputError(f"{path}: cannot be written ({_reason(error)}); give another --output") from None
        self._name = str(path)
        self._path = path
        self.is_regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        self._lock()
        self.begun = False
        self.position = 0
        self._hash = hashlib.sha256()
        self._failure: OutputError | None = None
        self.before_sync: Callable[[], Callable[[], None]] = lambda: lambda: None
        self._ended = threading.Event()
        self._syncer = threading.Thread(target=self._sync_now_and_then, name="sync", daemon=True)

    def _lock(self) -> None:
        if not self.is_regular:
            return
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            message = f"{self._name}: another run is writing it; wait for it, or give another --output"
            raise OutputError(message) from None
        except OSError:
            pass  # a file system without locks

    def mark(self) -> tuple[int, "hashlib._Hash"]:
        """`position`, and the SHA-256 of the bytes until there."""
        return self.position, self._hash.copy()

    def size(self) -> int:
        """Bytes in the file, whoever wrote them."""
        return os.fstat(self._file.fileno()).st_size

    def adopt(self, length: int) -> str:
        """Takes the first bytes in the file for its own, as if it had written them; nothing is changed yet.

        Returns:
            Their SHA-256; of fewer if there are no more.
        """
        self._hash = hashlib.sha256()
        self.position, self.begun = length, length > 0
        with open(self._path, "rb") as file:
            while length and (block := file.read(min(_BLOCK_BYTES, length))):
                self._hash.update(block)
                length -= len(block)
        return self._hash.hexdigest()

    def cut(self) -> None:
        """Cuts off whatever stands behind its own bytes."""
        if self.is_regular:
            os.ftruncate(self._file.fileno(), self.position)
            self._file.seek(self.position)

    def close(self) -> None:
        """Closes it as it is, for when nothing is to be written after all."""
        self._file.close()

    def write(self, text: str) -> None:
        """Writes text and hands it to the operating system; what fails in the middle is cut off again.

        Raises:
            OutputError: it cannot be written, or what was written before cannot be synced.
            BrokenPipeError: nobody reads the other end any more.
        """
        if self._failure is not None:
            raise self._failure
        if self._syncer.ident is None:
            self._syncer.start()
        data = text.encode("utf-8")
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except BrokenPipeError:
            raise
        except OSError as error:
            with suppress(OSError):  # so that the table stays one: only whole lines
                os.ftruncate(self._file.fileno(), self.position)
            raise _unwritable(self._name, error) from None
        self._hash.update(data)
        self.position += len(data)

    def sync(self) -> None:
        """Waits until what was written is on the disk.

        Raises:
            OutputError: it cannot be.
        """
        note = self.before_sync()
        try:
            if self.is_regular:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self._name, error) from None
        note()

    def _sync_now_and_then(self) -> None:
        synced = 0
        while not self._ended.wait(SYNC_EVERY_S):
            if synced == self.position:
                continue
            synced = self.position
            try:
                self.sync()
            except OutputError as error:
                self._failure = error
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._syncer.ident is not None:
            self._syncer.join()
        failure = self._failure
        try:
            self.sync()
        except OutputError as problem:
            failure = failure or problem
        try:
            self._file.close()
        except OSError as problem:
            failure = failure or _unwritable(self._name, problem)
        if failure is not None and error is None:
            raise failure


def _unwritable(name: str, error: OSError) -> OutputError:
    return OutputError(f"{name}: cannot be written ({_reason(error)}); the rows written so far are kept")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
