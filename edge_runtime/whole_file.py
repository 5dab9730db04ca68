"""Files written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from edge_runtime.errors import OutputError


def check_place(path: Path, option: str, *, replace: bool) -> None:
    """Finds out before a run whether a file can be written after it.

    Raises:
        OutputError: it is there and not to be replaced, or its folder is not there or cannot be written.
    """
    if os.path.lexists(path) and not replace:
        raise OutputError(f"{path}: is already there; give --overwrite or another {option}")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give a file to {option}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder is not there; make it or give another {option}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: cannot be written (no permission); give another {option}")


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file and syncs it to the disk; until it is complete, what was there stays.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        replace_whole(path, content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); make room or give another place") from None


def replace_whole(path: Path, content: bytes) -> None:
    """Does what `write_whole` does, for rooms that have words of their own for a file that cannot be written.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
