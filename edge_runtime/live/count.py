"""The count a technician keeps: which cells belong to it, their tally, and the verdicts that overrule the model."""

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Literal

from edge_runtime.contract import Interval
from edge_runtime.errors import CountError
from edge_runtime.live.cell import TAKEN_OUT, SeenCell
from edge_runtime.row import Row
from edge_runtime.scoring.wilson import wilson

CountState = Literal["ready", "running", "stopped"]
# Cells of the usual differential counts.
TARGETS = (100, 200, 500)
# Undecided cells do not bring a count nearer to its target, so something else must bound it; 1,000 pictures are 50 MB.
MOST_CELLS = 1000
LAST_CELLS = 48
# A letter or digit first, so that no spreadsheet takes a name for a formula.
_SLIDE = re.compile(r"\w[\w .,:;/()#+-]{0,79}")


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


class Count:
    """One count at a time, and the last cells whether counted or not. May be used from several threads."""

    def __init__(
        self, labels: tuple[str, ...], *, most_cells: int = MOST_CELLS, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """An empty count.

        Args:
            labels: the model's, the first is the one whose share is told.
            most_cells: at which a count stops by itself, whatever they are.
            clock_s: seconds since any moment.
        """
        self.labels = labels
        self._most_cells = most_cells
        self._clock_s = clock_s
        self._lock = threading.RLock()
        self._number = 0
        self._version = 0
        self._last: deque[SeenCell] = deque(maxlen=LAST_CELLS)
        self._target = TARGETS[0]
        self._state: CountState = "ready"
        self._cells: dict[int, SeenCell] = {}
        self._slide = self._note = ""
        self._started: datetime | None = None
        self._since_s = self._ran_s = 0.0
        self._skipped = 0

    @property
    def version(self) -> int:
        """Another number after every change."""
        return self._version

    def start(self) -> None:
        """Starts, or goes on with a stopped count.

        Raises:
            CountError: its target is reached, or it is full.
        """
        with self._lock:
            if self._state == "running":
                return
            if reason := self._is_over():
                raise CountError(f"{reason}; raise the target or start a new count")
            self._started = self._started or datetime.now(timezone.utc)
            self._since_s, self._state, self._note = self._clock_s(), "running", ""
            self._changed()

    def stop(self, note: str = "") -> None:
        """Stops; the cells stay and can be overruled."""
        with self._lock:
            if self._state == "running":
                self._ran_s += self._clock_s() - self._since_s
                self._state, self._note = "stopped", note
                self._changed()

    def reset(self) -> None:
        """Forgets the count, its cells, its verdicts and the slide's name; the target stays."""
        with self._lock:
            self._state, self._cells, self._slide, self._note = "ready", {}, "", ""
            self._started, self._since_s, self._ran_s, self._skipped = None, 0.0, 0.0, 0
            self._last = deque((replace(cell, counted=False, verdict=None) for cell in self._last), LAST_CELLS)
            self._changed()

    def name_slide(self, name: str) -> None:
        """Names the slide; an empty name takes the name away.

        Raises:
            CountError: not a name that can stand in a table.
        """
        name = " ".join(name.split())
        if name and _SLIDE.fullmatch(name) is None:
            raise CountError(
                "the slide's name must begin with a letter or digit, hold only letters, digits, spaces and "
                ".,:;/()#+-_ and be at most 80 characters"
            )
        with self._lock:
            self._slide = name
            self._changed()

    def aim(self, target: int) -> None:
        """Sets how many decided cells make the count whole.

        Raises:
            CountError: not one of `TARGETS`.
        """
        if target not in TARGETS:
            raise CountError(f"the target must be one of {', '.join(map(str, TARGETS))}, not {target}")
        with self._lock:
            self._target = target
            self._stop_when_over()
            self._changed()

    def meet(
        self, row: Row, *, thumbnail: Callable[[], bytes], picture: Callable[[], bytes], number: int | None = None
    ) -> int:
        """Takes a cell in sight; a running count counts it, once, also when it was met before the start.

        Args:
            row: the model's answer.
            thumbnail: makes the JPEG; called when the cell is new to the last cells or the count.
            picture: makes the PNG; called when the cell is counted.
            number: what an earlier call gave for this cell; None for one that was not met before.

        Returns:
            The cell's number.
        """
        with self._lock:
            running = self._state == "running"
            if number is not None and (not running or number in self._cells):
                return number
            if number is None:
                self._number += 1
                number = self._number
            cell = SeenCell(number, row, thumbnail(), picture() if running else b"", running)
            self._show(cell)
            if running:
                self._cells[number] = cell
                self._stop_when_over()
            self._changed()
            return number

    def skip(self, cells: int) -> None:
        """Counts cells that were found and not classified."""
        with self._lock:
            if cells and self._state == "running":
                self._skipped += cells
                self._changed()

    def overrule(self, number: int, verdict: str | None) -> SeenCell:
        """Puts a technician's word beside the model's answer.

        Args:
            number: of a counted cell.
            verdict: a label, `TAKEN_OUT`, or None to let the model's answer stand again.

        Raises:
            CountError: no such cell in the count, or no such label.
        """
        if verdict is not None and verdict not in (*self.labels, TAKEN_OUT):
            raise CountError(f"a cell can be {', '.join(self.labels)} or {TAKEN_OUT}; check the spelling")
        with self._lock:
            if number not in self._cells:
                raise CountError(f"cell {number} is not in the count; only counted cells can be overruled")
            self._cells[number] = cell = replace(self._cells[number], verdict=verdict)
            self._show(cell)
            self._stop_when_over()
            self._changed()
            return cell

    def find(self, number: int) -> SeenCell | None:
        """A counted cell or one of the last; None when it is neither."""
        with self._lock:
            return self._cells.get(number) or next((cell for cell in self._last if cell.number == number), None)

    def last(self) -> tuple[SeenCell, ...]:
        """The last cells, the newest first."""
        with self._lock:
            return tuple(reversed(self._last))

    def record(self) -> CountRecord:
        """The count as it stands."""
        with self._lock:
            running_s = self._ran_s + (self._clock_s() - self._since_s if self._state == "running" else 0.0)
            cells = tuple(self._cells.values())
            tally = self._tally()
            return CountRecord(
                self._slide, self._state, self._target, self._started, running_s, self._note, tally, cells
            )

    def _tally(self) -> CountTally:
        decided = Counter(cell.label for cell in self._cells.values() if cell.label is not None)
        by_label = {label: decided[label] for label in self.labels}
        taken_out = sum(cell.verdict == TAKEN_OUT for cell in self._cells.values())
        overruled = sum(cell.verdict in self.labels for cell in self._cells.values())
        counted = decided.total()
        uncertain = len(self._cells) - counted - taken_out
        share = wilson(by_label[self.labels[0]], counted) if counted else None
        return CountTally(by_label, uncertain, self._skipped, taken_out, overruled, share)

    def _show(self, cell: SeenCell) -> None:
        """Puts a cell among the last, in its own place if it is there."""
        place = next((i for i, last in enumerate(self._last) if last.number == cell.number), None)
        if place is None:
            self._last.append(cell)
        else:
            self._last[place] = cell

    def _is_over(self) -> str:
        if sum(cell.label is not None for cell in self._cells.values()) >= self._target:
            return f"{self._target} cells are counted"
        if len(self._cells) >= self._most_cells:
            return f"the count holds {self._most_cells} cells, as many as it can"
        return ""

    def _stop_when_over(self) -> None:
        if self._state == "running" and (reason := self._is_over()):
            self.stop(reason)

    def _changed(self) -> None:
        self._version += 1
