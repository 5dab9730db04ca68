"""Pictures from files: single ones, folders, globs and lists, in a defined order and never all in memory."""

import glob
import os
from collections.abc import Iterable, Iterator

from edge_runtime.errors import InputError, PictureError
from edge_runtime.preprocess import read_picture
from edge_runtime.sources.address import shown
from edge_runtime.sources.frame import Frame

PICTURE_SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})


def find_pictures(path: str) -> Iterator[str]:
    """Lists the pictures that one argument names.

    Args:
        path: a file (whatever its suffix), a folder (searched with its folders for `PICTURE_SUFFIXES`), or a glob
            (`**` goes into folders). A name that exists is never read as a glob.

    Yields:
        Paths, sorted by name within each folder, files before folders.

    Raises:
        InputError: nothing there, a folder that cannot be listed, or no picture in it.
    """
    if os.path.isdir(path):
        yield from _some(_walk(path), f"{shown(path)}: no pictures in this folder ({_suffixes()})")
    elif os.path.lexists(path):
        yield path
    elif glob.has_magic(path):
        found = (name for name in sorted(glob.iglob(path, recursive=True)) if not os.path.isdir(name))
        yield from _some(found, f"{shown(path)}: no file matches; check the pattern")
    else:
        raise InputError(f"{shown(path)}: no such file or folder; check the path")


def listed_paths(lines: Iterable[bytes]) -> Iterator[str]:
    """Reads a list of files, one path a line; empty lines are passed over.

    Raises:
        InputError: the list holds no path.
    """
    paths = (os.fsdecode(line.rstrip(b"\r\n")) for line in lines)
    return _some((path for path in paths if path), "standard input: no paths; give one a line")


def read_frames(paths: Iterable[str]) -> Iterator[Frame]:
    """Reads pictures one after the other; an unreadable one becomes a frame with a problem."""
    for path in paths:
        try:
            yield Frame(shown(path), read_picture(path))
        except PictureError as error:
            yield Frame(shown(path), None, problem=str(error))


def _walk(folder: str) -> Iterator[str]:
    files, folders = _list(folder)
    for name in files:
        yield os.path.join(folder, name)
    for name in folders:
        path = os.path.join(folder, name)
        try:
            yield from _walk(path)
        except InputError:
            yield path  # becomes an error row, and the run goes on


def _list(folder: str) -> tuple[list[str], list[str]]:
    """Names of the pictures and of the folders in a folder, sorted; pipes and devices are no pictures."""
    files, folders = [], []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif os.path.splitext(entry.name)[1].lower() in PICTURE_SUFFIXES and (
                    entry.is_symlink() or entry.is_file()
                ):
                    files.append(entry.name)
    except OSError as error:
        raise InputError(f"{shown(folder)}: cannot be listed ({error.strerror}); check its permissions") from None
    return sorted(files), sorted(folders)


def _some(paths: Iterator[str], message: str) -> Iterator[str]:
    """The same paths; raises when there is none."""
    empty = True
    for path in paths:
        empty = False
        yield path
    if empty:
        raise InputError(message)


def _suffixes() -> str:
    return ", ".join(sorted(PICTURE_SUFFIXES))
