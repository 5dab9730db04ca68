"""The output of a run in parts: a folder with a file for each, and a note of what run it is."""

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType

from edge_runtime.errors import OutputError
from edge_runtime.row import Row
from edge_runtime.rows import read_rows
from edge_runtime.sources.address import shown
from edge_runtime.whole_file import write_whole

NOTE = "run.json"
_OTHER = {
    "version": "another edge-classify",
    "model": "another --model",
    "contract": "another --model",
    "options": "other options",
    "arguments": "other PATHs",
    "part_size": "another --part-size",
}
_RUN = "run"
_DONE = "done.json"
_LOCK = ".lock"
_OURS = re.compile(r"part-[0-9]{6,}\.(csv|jsonl|parquet)|run\.json")
# What a lost worker left, and that all is done, which it is no more until it is again.
_NO_MORE = re.compile(r"\.[0-9a-f]{32}\.[a-z.0-9]+|done\.json")


@dataclass(frozen=True)
class Identity:
    """What must be the same for a run to be gone on with.

    Attributes:
        version: of edge-classify.
        model: SHA-256 of the flatbuffer.
        contract: SHA-256 of the contract.
        options: those that change rows, by name.
        arguments: what was asked to be read.
        part_size: pictures in a part.
    """

    version: str
    model: str
    contract: str
    options: dict[str, str]
    arguments: tuple[str, ...]
    part_size: int


@dataclass(frozen=True)
class Part:
    """Some pictures in a row; `number` from 0."""

    number: int
    paths: tuple[str, ...]


def split(paths: Iterable[str], size: int) -> Iterator[Part]:
    """Cuts paths into parts of `size`; never all in memory."""
    rest, number = iter(paths), 0
    while chosen := tuple(islice(rest, size)):
        yield Part(number, chosen)
        number += 1


class PartFolder(AbstractContextManager["PartFolder"]):
    """The folder, held by one run at a time."""

    def __init__(self, folder: Path, identity: Identity, run: str, *, overwrite: bool, resume: bool) -> None:
        """Claims the folder.

        Args:
            folder: made when absent; its suffix says the form of the parts.
            identity: of this run.
            run: its name, another for every run.
            overwrite: whether a folder of another run is emptied.
            resume: whether finished parts of the same run are kept.

        Raises:
            OutputError: another run holds it or was made otherwise, or it cannot be written.
        """
        self.folder = folder
        self._suffix = folder.suffix.lower()
        try:
            folder.mkdir(exist_ok=True)
            self._lock = open(folder / _LOCK, "w")
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written ({error.strerror}); give another --output") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise OutputError(f"{folder}: another run is writing into it; give another --output") from None
        try:
            self._claim(identity, run, overwrite=overwrite, resume=resume)
        except BaseException:
            self._lock.close()
            raise

    def _claim(self, identity: Identity, run: str, *, overwrite: bool, resume: bool) -> None:
        note = self.folder / NOTE
        wanted = json.loads(json.dumps(asdict(identity)))
        if note.exists() and resume:
            known = _read(note)
            other = [name for name, value in wanted.items() if known.get(name) != value]
            if other:
                raise OutputError(
                    f"{self.folder}: was made with {_OTHER[other[0]]}; give the same again, or --overwrite, or another "
                    "--output"
                )
        elif self._names():
            if not (overwrite and note.exists()):
                advice = "--resume, --overwrite or another --output" if note.exists() else "another --output"
                raise OutputError(f"{self.folder}: is already there; give {advice}")
            self._remove_all(_OURS)
        self._remove_all(_NO_MORE)
        write_whole(note, (json.dumps({**wanted, _RUN: run}, indent=2) + "\n").encode())

    def target(self, part: Part) -> Path:
        """Where the rows of a part are."""
        return self.folder / f"part-{part.number:06}{self._suffix}"

    def finished(self, part: Part) -> bool:
        """Whether the rows of a part are there, whole."""
        return self.target(part).exists()

    def rows(self, part: Part, labels: tuple[str, ...]) -> Iterator[Row]:
        """Reads the rows of a finished part.

        Raises:
            OutputError: they cannot be read, or are of other pictures.
        """
        expected = (path for path, _ in groupby(map(shown, part.paths)))
        for path, rows in groupby(read_rows(self.target(part), labels), lambda row: row.path):
            if path != next(expected, None):
                raise self._changed(part)
            yield from rows
        if next(expected, None) is not None:
            raise self._changed(part)

    def _changed(self, part: Part) -> OutputError:
        return OutputError(
            f"{self.target(part)}: is of other pictures than are there now; give --overwrite or another --output"
        )

    def finish(self, parts: int) -> None:
        """Notes that all parts are there.

        Raises:
            OutputError: it cannot be written.
        """
        write_whole(self.folder / _DONE, (json.dumps({"parts": parts}) + "\n").encode())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.close()

    def _names(self) -> list[str]:
        return [name for name in os.listdir(self.folder) if name != _LOCK]

    def _remove_all(self, names: re.Pattern[str]) -> None:
        for name in filter(names.fullmatch, self._names()):
            try:
                (self.folder / name).unlink()
            except OSError as error:
                raise OutputError(
                    f"{self.folder / name}: cannot be deleted ({error.strerror}); give another --output"
                ) from None


def check_run(target: Path, run: str) -> None:
    """Makes sure that a part still belongs to the run that its folder is of.

    Raises:
        OutputError: another run has taken the folder since.
    """
    if _read(target.parent / NOTE).get(_RUN) != run:
        raise OutputError(f"{target.parent}: another run has taken the folder; this one writes nothing more")


def _read(note: Path) -> dict[str, object]:
    try:
        known = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        known = None
    if not isinstance(known, dict):
        raise OutputError(f"{note}: is damaged, or not there on every machine; give --overwrite or another --output")
    return known
