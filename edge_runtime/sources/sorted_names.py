"""Names in order, however many: what does not fit in a bounded part of memory is sorted on the disk."""

import os
from collections.abc import Iterator

MOST_IN_MEMORY = 20_000
_BLOCK_BYTES = 1 << 14


class SortedNames:
    """Takes names in any order and gives them in Python's; an external merge sort (Knuth, TAOCP 3, section 5.4)."""

    def __init__(self) -> None:
        """Starts without any."""
        self._names: list[str] = []
        self._file: int | None = None
        self._runs: list[tuple[int, int]] = []  # where each begins and ends in the file

    def add(self, name: str) -> None:
        """Takes a name of a file.

        Raises:
            OSError: the folder for temporary files is full.
        """
        self._names.append(name)
        if len(self._names) >= MOST_IN_MEMORY:
            self._write_run()

    def __iter__(self) -> Iterator[str]:
        """Gives all names; once, when none is added any more."""
        self._names.sort()
        if self._file is None:
            yield from self._names
            return
        from heapq import merge

        try:
            yield from merge(self._names, *(_read_run(self._file, *run) for run in self._runs))
        finally:
            os.close(self._file)

    def _write_run(self) -> None:
        if self._file is None:
            from tempfile import TemporaryFile  # slow to import, and few folders are large

            with TemporaryFile() as file:  # has no name, so nothing is left behind whatever happens
                self._file = os.dup(file.fileno())
        self._names.sort()
        start = os.lseek(self._file, 0, os.SEEK_CUR)
        with open(self._file, "ab", closefd=False) as run:
            run.writelines(os.fsencode(name) + b"\0" for name in self._names)
        self._runs.append((start, os.lseek(self._file, 0, os.SEEK_CUR)))
        self._names.clear()


def _read_run(file: int, position: int, end: int) -> Iterator[str]:
    rest = b""
    while position < end:
        block = os.pread(file, min(_BLOCK_BYTES, end - position), position)
        position += len(block)
        *names, rest = (rest + block).split(b"\0")
        yield from map(os.fsdecode, names)
