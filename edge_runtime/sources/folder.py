"""Pictures from files: single ones, folders, globs and lists, in a defined order and never all in memory."""

import glob
import os
from collections.abc import Iterable, Iterator

from edge_runtime.errors import InputError, PictureError
from edge_runtime.preprocess import decode, read_file
from edge_runtime.sources.address import shown
from edge_runtime.sources.frame import Frame
from edge_runtime.sources.pages import pages_of
from edge_runtime.sources.sorted_names import SortedNames

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
        yield from _some(walk(path), f"{shown(path)}: no pictures in this folder ({_suffixes()})")
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
            data = read_file(path)
        except PictureError as error:
            yield Frame(shown(path), None, problem=str(error))
        else:
            yield from frames_of(path, data)


def frames_of(path: str, data: bytes) -> Iterator[Frame]:
    """Decodes a file: one frame, or of a TIFF with several pages a numbered one each; a bad page is a problem."""
    number: int | None = None
    try:
        for number, page in pages_of(data):
            try:
                frame = Frame(shown(path), decode(page), number)
            except PictureError as error:
                frame = Frame(shown(path), None, number, problem=str(error))
            yield frame
    except PictureError as error:
        yield Frame(shown(path), None, (number or 0) + 1, problem=str(error))


def walk(folder: str) -> Iterator[str]:
    """Lists the pictures below a folder, sorted by name within each, files before folders.

    Yields:
        Paths; also that of a folder below that cannot be listed.

    Raises:
        InputError: the folder itself cannot be listed.
    """
    files, folders = _list(folder)
    yield from (os.path.join(folder, name) for name in files)
    waiting = [(folder, folders)]  # and no recursion, because folders nest deeper than Python calls
    while waiting:
        parent, names = waiting[-1]
        name = next(names, None)
        if name is None:
            waiting.pop()
            continue
        path = os.path.join(parent, name)
        try:
            files, folders = _list(path)
        except InputError:
            yield path  # becomes an error row, and the run goes on
            continue
        yield from (os.path.join(path, name) for name in files)
        waiting.append((path, folders))


def _list(folder: str) -> tuple[Iterator[str], Iterator[str]]:
    """Names of the pictures and of the folders in a folder, sorted; pipes and devices are no pictures."""
    files, folders = SortedNames(), SortedNames()
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                if entry.is_dir(follow_symlinks=False):
                    folders.add(entry.name)
                elif is_picture_name(entry.name) and (entry.is_symlink() or entry.is_file()):
                    files.add(entry.name)
    except OSError as error:
        raise InputError(f"{shown(folder)}: cannot be listed ({error.strerror}); check its permissions") from None
    return iter(files), iter(folders)


def is_picture_name(name: str) -> bool:
    """Whether a name ends as pictures do."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


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
