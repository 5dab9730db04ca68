"""A text stream whose every line has left the process when `write` returns, and whose errors say what to do."""

import os
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from edge_runtime.errors import OutputError


class LineStream(AbstractContextManager["LineStream"]):
    """A file or standard output, flushed at every write; files are synced to the disk at the end."""

    def __init__(self, stream: TextIO, name: str, *, owned: bool) -> None:
        """Wraps an open stream; `name` is for messages, an `owned` one is closed at the end."""
        self._stream = stream
        self._name = name
        self._owned = owned

    @classmethod
    def to_file(cls, path: Path, *, overwrite: bool) -> "LineStream":
        """Opens a file for writing, UTF-8.

        Raises:
            OutputError: it is there and `overwrite` is not set, or it cannot be written.
        """
        try:
            stream = open(path, "w" if overwrite else "x", encoding="utf-8", newline="")
        except FileExistsError:
            raise OutputError(f"{path}: is already there; give --overwrite or another --output") from None
        except (OSError, ValueError) as error:
            raise OutputError(f"{path}: cannot be written ({_reason(error)}); give another --output") from None
        return cls(stream, str(path), owned=True)

    @classmethod
    def to_standard_output(cls) -> "LineStream":
        """Standard output, in UTF-8 whatever the locale.

        Raises:
            OutputError: it is closed.
        """
        stream = sys.stdout
        if stream is None:
            raise OutputError("standard output: is closed; give --output")
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", newline="")
        return cls(stream, "standard output", owned=False)

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
            raise OutputError(
                f"{self._name}: cannot be written ({_reason(error)}); the rows written so far are kept"
            ) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._owned:
            return
        with suppress(OSError):  # a pipe or a device has nothing to sync
            os.fsync(self._stream.fileno())
        try:
            self._stream.close()
        except OSError as problem:
            if error is None:
                raise OutputError(f"{self._name}: cannot be written ({_reason(problem)})") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
