"""Keeps a count on the disk as it happens, so that it is there again after a restart or a power cut."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

from edge_runtime.errors import OutputError
from edge_runtime.live.cell import SeenCell
from edge_runtime.live.count_file import (
    CellLine,
    CountLine,
    Line,
    VerdictLine,
    picture_written,
    read_count,
    whole_lines,
    written,
)
from edge_runtime.live.count_record import CountHead, SavedCount
from edge_runtime.sinks.session import SessionFile, last_numbered
from edge_runtime.sources.frame import uptime_s
from edge_runtime.version import __version__

_FIRST_NAME = "count-000001.jsonl"
_PICTURES_SUFFIX = ".pictures.jsonl"


class CountJournal(AbstractContextManager["CountJournal"]):
    """A `CountKeeper`: each count is a `count-000001.jsonl` in the session's folder, each line there within a second.

    The pictures of its cells are in a file beside it, which goes when a new count begins.

    Attributes:
        saved: the count that an earlier run left; None when there is none.
    """

    def __init__(self, folder: Path, *, model: str, labels: tuple[str, ...], notice: Callable[[str], None]) -> None:
        """Goes on with the folder's newest count, or begins one.

        Args:
            folder: of the session.
            model: SHA-256 of the network and its contract; answers of two models never share a count.
            labels: the model's.
            notice: told, in one line, what goes on, and when the disk takes nothing; from any thread.

        Raises:
            OutputError: the folder cannot be used.
        """
        self._folder, self._notice = folder, notice
        self._first = CountLine(1, __version__, model, labels)
        self._lines: SessionFile | None = None
        self._pictures: SessionFile | None = None
        self.saved: SavedCount | None = None
        newest = last_numbered(folder, _FIRST_NAME)
        if newest is None:
            self.begin()
            return
        try:
            self._go_on(newest)
        except OutputError as error:
            notice(str(error))
            self.begin()

    def _go_on(self, path: Path) -> None:
        beside = _beside(path)
        saved, end = read_count(path, beside, model=self._first.model, labels=self._first.labels)
        self._lines = SessionFile(path, notice=self._notice, start=end)
        self._pictures = SessionFile(
            beside, notice=_say_nothing, start=whole_lines(beside) if beside.exists() else None
        )
        self.saved = saved
        if saved is not None and (saved.cells or saved.head.slide):
            slide = saved.head.slide or "without a name"
            self._notice(f"{path}: the count of slide {slide} goes on, with {len(saved.cells)} cells")

    def begin(self) -> None:
        """Begins the next file; the pictures of the last go."""
        self._close()
        if self._pictures is not None:
            with suppress(OSError):
                self._pictures.path.unlink()
        self._lines = self._pictures = None
        try:
            self._lines = SessionFile.next_in(self._folder, notice=self._notice, first_name=_FIRST_NAME)
            self._pictures = SessionFile(_beside(self._lines.path), notice=_say_nothing)
        except OutputError as error:
            self._notice(f"{error}; the count is in memory alone")
        self._write(self._first)

    @property
    def problem(self) -> str:
        """Why the count cannot be written now, in one line; empty when it can."""
        return self._lines.problem if self._lines is not None else ""

    def note_head(self, head: CountHead) -> None:
        """Writes all but the cells."""
        self._write(head)

    def note_cell(self, cell: SeenCell) -> None:
        """Writes a cell with the model's answer, its pictures first."""
        if self._pictures is not None:
            self._pictures.write(picture_written(cell))
        self._write(CellLine(cell.number, cell.row))

    def note_verdict(self, cell: SeenCell) -> None:
        """Writes a person's word."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._write(VerdictLine(cell.number, cell.verdict, now, round(uptime_s(), 3)))

    def _write(self, line: Line) -> None:
        if self._lines is not None:
            self._lines.write(written(line))

    def _close(self) -> None:
        for file in (self._lines, self._pictures):
            if file is not None:
                with suppress(OutputError):  # what found no room was said when it began to wait
                    file.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def _beside(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(path.suffix) + _PICTURES_SUFFIX)


def _say_nothing(line: str) -> None:
    """The same disk: the count's own file says it."""
