"""The file of a count: JSON lines, appended as things happen, and read back after a restart.

Each line is an object of one key that names what happened: `count` (the first line), `head`, `cell` or `verdict`. The
model's answer and the person's word stand in different lines, so neither ever replaces the other.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge_runtime.errors import OutputError
from edge_runtime.live.cell import SeenCell
from edge_runtime.live.count_record import CountHead, SavedCount
from edge_runtime.row import Row
from edge_runtime.strict_json import StrictJsonError, read_value

# A longer line is none of ours: a cell's pictures take some tens of kB.
_LONGEST_LINE = 20_000_000


@dataclass(frozen=True)
class CountLine:
    """The first line.

    Attributes:
        schema: of the lines.
        version: of edge-classify.
        model: SHA-256 of the network and its contract.
        labels: the model's.
    """

    schema: Literal[1]
    version: str
    model: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class CellLine:
    """A cell was counted; `row` is the model's answer."""

    number: int
    row: Row


@dataclass(frozen=True)
class VerdictLine:
    """A person's word; None takes it back. `time` is UTC as the clock said, `uptime_s` right without a clock."""

    number: int
    verdict: str | None
    time: str
    uptime_s: float


@dataclass(frozen=True)
class PictureLine:
    """A cell's pictures, base64, in the file beside: `thumbnail` JPEG, `picture` PNG."""

    number: int
    thumbnail: str
    picture: str


Line = CountLine | CountHead | CellLine | VerdictLine
_KINDS: dict[str, type[Line]] = {"count": CountLine, "head": CountHead, "cell": CellLine, "verdict": VerdictLine}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def written(line: Line) -> str:
    """A line as it stands in the file, with its end."""
    return _json({_NAMES[type(line)]: asdict(line)})


def picture_written(cell: SeenCell) -> str:
    """A cell's pictures as a line of the file beside, with its end."""
    pictures = (b64encode(data).decode("ascii") for data in (cell.thumbnail, cell.picture))
    return _json(asdict(PictureLine(cell.number, *pictures)))


def read_count(path: Path, pictures: Path, *, model: str, labels: tuple[str, ...]) -> tuple[SavedCount | None, int]:
    """Reads a count back.

    What a power cut tore is left out: at the end it is cut off, elsewhere passed over.

    Args:
        path: of the count.
        pictures: of the file beside it; cells whose pictures are not there have empty ones.
        model: SHA-256 of the network and its contract.
        labels: the model's.

    Returns:
        The count, None when nothing has happened in it; and how many bytes of the file are whole lines.

    Raises:
        OutputError: it cannot be read, or was kept by another model or version.
    """
    head: CountHead | None = None
    cells: dict[int, SeenCell] = {}
    end, first = 0, True
    for document, end in _documents(path):  # noqa: B007 - returned below
        line = _line(document)
        if first and not (isinstance(line, CountLine) and (line.model, line.labels) == (model, labels)):
            raise OutputError(f"{path}: was kept by another model or version; it stays as it is, a new count begins")
        first = False
        if isinstance(line, CountHead):
            head = line
        elif isinstance(line, CellLine):
            cells[line.number] = SeenCell(line.number, line.row, b"", b"", counted=True)
        elif isinstance(line, VerdictLine) and line.number in cells:
            cells[line.number] = replace(cells[line.number], verdict=line.verdict)
    if first:
        raise OutputError(f"{path}: holds no count; it stays as it is, a new one begins")
    if head is None:
        return None, end
    _add_pictures(cells, pictures)
    return SavedCount(head, tuple(cells.values())), end


def whole_lines(path: Path) -> int:
    """How many bytes of a file are whole lines; 0 when it is not there."""
    return max((end for _, end in _documents(path)), default=0) if path.exists() else 0


def _add_pictures(cells: dict[int, SeenCell], path: Path) -> None:
    with suppress(OutputError):  # not there: the count is right without
        for document, _ in _documents(path):
            with suppress(StrictJsonError, ValueError):
                line = read_value(document, PictureLine)
                if line.number in cells:
                    thumbnail, picture = (b64decode(text, validate=True) for text in (line.thumbnail, line.picture))
                    cells[line.number] = replace(cells[line.number], thumbnail=thumbnail, picture=picture)


def _documents(path: Path) -> Iterator[tuple[Any, int]]:
    """Every whole line as JSON, None when it is damaged, and where it ends."""
    end = 0
    try:
        with open(path, "rb") as file:
            while (line := file.readline(_LONGEST_LINE)).endswith(b"\n"):
                end += len(line)
                try:
                    yield json.loads(line), end
                except (ValueError, RecursionError):
                    yield None, end
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}); a new count begins") from None


def _line(document: Any) -> Line | None:
    """One line; None when it is damaged."""
    if not isinstance(document, dict) or len(document) != 1:
        return None
    ((name, value),) = document.items()
    try:
        return read_value(value, _KINDS[name])
    except (KeyError, StrictJsonError):
        return None


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
