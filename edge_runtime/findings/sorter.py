"""Pictures linked or copied into a folder for each label; nothing that is there is ever replaced."""

import filecmp
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_runtime.errors import OutputError
from edge_runtime.row import Row
from edge_runtime.sources.opened import path_on_disk

_HASH_LETTERS = 8
_UNSAFE = {"/": "_", "\0": "_"}


class Sorter:
    """Files rows' pictures as they come. Filing the same picture again changes nothing, so a run can be resumed."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder.

        Raises:
            OutputError: it cannot be made or written to.
        """
        self._folder = folder
        self.missing = 0
        self.missing_path = ""
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError("no permission to write")

    def add(self, row: Row) -> None:
        """Files the picture of one row by its status or label; rows of things that were not classified are passed over.

        Raises:
            OutputError: the folder cannot be written.
        """
        if row.status == "skipped":
            return
        source = path_on_disk(row.path)
        if not os.path.isfile(source) or not os.access(source, os.R_OK):
            self.missing += 1
            self.missing_path = self.missing_path or row.path
            return
        shelf = row.label if row.status == "ok" and row.label is not None else row.status
        place = self._folder / "".join(_UNSAFE.get(letter, letter) for letter in shelf)
        with _writing(self._folder):
            place.mkdir(exist_ok=True)
            self._file(source, place)

    def _file(self, source: str, place: Path) -> None:
        """Files a picture under its own name or, where another has it, under that with a hash of where it came from."""
        stem, suffix = os.path.splitext(os.path.basename(source))
        digest = hashlib.sha256(os.fsencode(os.path.abspath(source))).hexdigest()
        for name in (stem + suffix, f"{stem}-{digest[:_HASH_LETTERS]}{suffix}", f"{stem}-{digest}{suffix}"):
            target = os.path.join(place, name)
            if os.path.lexists(target):
                if _is_same(source, target):
                    return
            elif _link_or_copy(source, target):
                return
        raise FileExistsError(f"{place / name} is another picture; give another --sort-into")


def _is_same(source: str, target: str) -> bool:
    if not os.path.isfile(target):
        return False
    return os.path.samefile(source, target) or filecmp.cmp(source, target, shallow=False)


def _link_or_copy(source: str, target: str) -> bool:
    """Links, or copies whole or not at all; False if the target came to be meanwhile."""
    try:
        os.link(os.path.realpath(source), target)
        return True
    except FileExistsError:
        return False
    except OSError:
        pass  # another disk, a disk without links, or somebody else's file: copy
    partial = f"{target}.{os.getpid()}.partial"
    try:
        shutil.copyfile(source, partial)
        if os.path.lexists(target):
            return False
        os.rename(partial, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)
    return True


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); make room, or give another --sort-into; "
            "the rows written so far are kept"
        ) from None
