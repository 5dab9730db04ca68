"""Keeps the record of a run in step with its output, and finds where a stopped run goes on."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType

from edge_runtime.bundle import Bundle
from edge_runtime.errors import OutputError
from edge_runtime.row import Row
from edge_runtime.rows import read_rows
from edge_runtime.run_record import Part, RunRecord, read_record, write_record
from edge_runtime.sinks.stream import LineFile, LineStream
from edge_runtime.sources.address import shown
from edge_runtime.strict_json import dumps
from edge_runtime.version import __version__

_ADVICE = "give the same again, or --overwrite, or another --output"
_NOTHING = Part(0, hashlib.sha256().hexdigest())


@dataclass(frozen=True)
class Identity:
    """What must be the same for two runs to write the same rows.

    Attributes:
        model: SHA-256 of the network and its contract.
        options: those that change rows, by name.
    """

    model: str
    options: dict[str, str]

    @classmethod
    def of(cls, bundle: Bundle, options: Mapping[str, object]) -> "Identity":
        """Of a loaded model and the options that matter."""
        model = hashlib.sha256(bundle.model + dumps(bundle.contract).encode("utf-8")).hexdigest()
        return cls(model, {name: str(value) for name, value in options.items()})


class Journal(AbstractContextManager["Journal"]):
    """Of a run into a file; a context that notes how the run ended."""

    def __init__(self, path: Path, identity: Identity, *, overwrite: bool, resume: bool, ordered: bool = True) -> None:
        """Opens the output, and what an earlier run left if it is to be resumed; nothing of that is changed yet.

        Args:
            path: of the output.
            identity: of this run.
            overwrite: whether an existing output is replaced.
            resume: whether an existing output is gone on with; without one the run begins.
            ordered: whether the pictures come in the same order each time, so that they can be compared; pictures
                that are waited for do not.

        Raises:
            OutputError: the output cannot be written, is there and neither is asked for, or was made otherwise.
        """
        self._path = path
        self._ordered = ordered
        self._pictures_hash = hashlib.sha256()
        self._record = RunRecord(1, __version__, identity.model, identity.options, _NOTHING, _NOTHING, False)
        self.stream = LineFile(path, os.O_CREAT) if resume else LineStream.to_file(path, overwrite=overwrite)
        try:
            if self.stream.size() > 0:
                self._record = self._checked(read_record(path))
        except OutputError:
            self.stream.close()
            raise
        self._mark = (*self.stream.mark(), self._record.pictures.count, hashlib.sha256())

    def _checked(self, record: RunRecord) -> RunRecord:
        """The record of an earlier run, if this one may go on with it."""
        name, new = self._path, self._record
        if record.version != new.version:
            raise OutputError(f"{name}: was begun by edge-classify {record.version}, this is {new.version}; {_ADVICE}")
        if record.model != new.model:
            raise OutputError(f"{name}: was begun with another model; {_ADVICE}")
        for option in sorted(record.options.keys() | new.options.keys()):
            was, now = record.options.get(option, "not given"), new.options.get(option, "not given")
            if was != now:
                raise OutputError(f"{name}: was begun with {option} {was}, now it is {now}; {_ADVICE}")
        if self.stream.size() < record.output.count or self.stream.adopt(record.output.count) != record.output.sha256:
            raise OutputError(f"{name}: what was written has been changed since; {_ADVICE}")
        return replace(record, finished=False)

    def remaining(self, paths: Iterator[str]) -> Iterator[str]:
        """The pictures that are still to be looked at.

        Args:
            paths: all of them, in the order of the earlier run.

        Raises:
            OutputError: those already looked at are others.
        """
        if not self._ordered:
            return paths
        for path in islice(paths, self._record.pictures.count):
            self._add(path)
        if self._pictures_hash.hexdigest() != self._record.pictures.sha256:
            raise OutputError(
                f"{self._path}: the first {self._record.pictures.count} pictures are no longer those that it was made "
                f"from (renamed, moved or new ones); {_ADVICE}"
            )
        return paths

    @property
    def done(self) -> int:
        """Pictures that an earlier run has done."""
        return self._record.pictures.count

    def rows(self, labels: tuple[str, ...]) -> Iterator[Row]:
        """The rows that an earlier run left and this one keeps."""
        if self._record.output.count == 0:
            return iter(())
        return read_rows(self._path, labels, end=self._record.output.count)

    def begin(self) -> None:
        """Cuts off what an earlier run left unfinished, and notes that a run goes on.

        Raises:
            OutputError: that cannot be noted.
        """
        self.stream.cut()
        self._mark = (*self.stream.mark(), self._record.pictures.count, self._pictures_hash.copy())
        if self.stream.is_regular:
            write_record(self._record, self._path)
            self.stream.before_sync = self._note

    def passed(self, path: str) -> None:
        """Notes that all rows of a picture are written."""
        count = self._mark[2]
        if self._ordered:
            self._add(path)
            count += 1
        # One assignment, because the thread that syncs reads it.
        self._mark = (*self.stream.mark(), count, self._pictures_hash.copy())

    def _add(self, path: str) -> None:
        self._pictures_hash.update(shown(path).encode("utf-8") + b"\0")

    def _note(self) -> Callable[[], None]:
        """What may be noted once everything written until now is on the disk."""
        position, output_hash, count, pictures_hash = self._mark
        record = replace(
            self._record,
            output=Part(position, output_hash.hexdigest()),
            pictures=Part(count, pictures_hash.hexdigest()),
        )

        def note() -> None:
            with suppress(OutputError):  # a full disk: the older record still tells the truth
                write_record(record, self._path)

        return note

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._record = replace(self._record, finished=kind is None)
        self.stream.__exit__(kind, error, trace)
