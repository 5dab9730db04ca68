"""A count at one moment: its numbers, its cells, and what of it outlives the program."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from edge_runtime.contract import Interval
from edge_runtime.live.cell import SeenCell

CountState = Literal["ready", "running", "stopped"]


@dataclass(frozen=True)
class CountTally:
    """A count in numbers.

    Attributes:
        decided: cells by label, the technician's word before the model's.
        uncertain: cells the model would not decide and nobody has overruled.
        skipped: found and not classified, such as at the border; never part of the count.
        taken_out: cells a technician took out.
        overruled: cells whose label is the technician's.
        share: of the first label among the decided cells; None before the first.
    """

    decided: dict[str, int]
    uncertain: int
    skipped: int
    taken_out: int
    overruled: int
    share: Interval | None

    @property
    def counted(self) -> int:
        """Cells that count towards the target."""
        return sum(self.decided.values())


@dataclass(frozen=True)
class CountRecord:
    """A count as it stands at one moment.

    Attributes:
        slide: its name; empty when it has none.
        state: `ready` before the start, `running`, `stopped`.
        target: decided cells at which the count stops by itself.
        started: UTC, as the machine's clock said; None before the start.
        running_s: how long it has run, by a clock that nobody sets.
        note: why it stopped by itself; empty otherwise.
        tally: its numbers.
        cells: its cells in the order they were met.
    """

    slide: str
    state: CountState
    target: int
    started: datetime | None
    running_s: float
    note: str
    tally: CountTally
    cells: tuple[SeenCell, ...]


@dataclass(frozen=True)
class CountHead:
    """A count without its cells, as far as it cannot be told from them; fields as those of `CountRecord`.

    Attributes:
        skipped: as in `CountTally`.
    """

    slide: str
    state: CountState
    target: int
    started: str | None
    running_s: float
    note: str
    skipped: int


@dataclass(frozen=True)
class SavedCount:
    """A count that an earlier run of the program kept."""

    head: CountHead
    cells: tuple[SeenCell, ...]


class CountKeeper(Protocol):
    """Keeps a count as it happens; told under the count's lock, so it must not wait."""

    def begin(self) -> None:
        """A new, empty count begins; the one before is forgotten."""

    def note_head(self, head: CountHead) -> None:
        """All but the cells has changed."""

    def note_cell(self, cell: SeenCell) -> None:
        """A cell was counted."""

    def note_verdict(self, cell: SeenCell) -> None:
        """A person has said, or taken back, what a cell is."""


class NoKeeper:
    """Keeps nothing: the count lives in memory."""

    def begin(self) -> None:
        """Nothing."""

    def note_head(self, head: CountHead) -> None:
        """Nothing."""

    def note_cell(self, cell: SeenCell) -> None:
        """Nothing."""

    def note_verdict(self, cell: SeenCell) -> None:
        """Nothing."""
