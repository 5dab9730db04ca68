"""The count a technician keeps: which cells belong to it, their tally, and the verdicts that overrule the model."""

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

from edge_runtime.errors import CountError
from edge_runtime.live.cell import TAKEN_OUT, SeenCell
from edge_runtime.live.count_record import (
    CountHead,
    CountKeeper,
    CountRecord,
    CountState,
    CountTally,
    NoKeeper,
    SavedCount,
)
from edge_runtime.row import Row
from edge_runtime.scoring.wilson import wilson

# Cells of the usual differential counts.
TARGETS = (100, 200, 500)
# Undecided cells do not bring a count nearer to its target, so something else must bound it; 1,000 pictures are 50 MB.
MOST_CELLS = 1000
LAST_CELLS = 48
# Whoever goes on with a count after a restart must know that cells in sight may be in it already.
RESTARTED = "edge-classify was started again; move to new cells before you go on"
# A letter or digit first, so that no spreadsheet takes a name for a formula.
_SLIDE = re.compile(r"\w[\w .,:;/()#+-]{0,79}")


class Count:
    """One count at a time, and the last cells whether counted or not. May be used from several threads."""

    def __init__(
        self,
        labels: tuple[str, ...],
        *,
        most_cells: int = MOST_CELLS,
        clock_s: Callable[[], float] = time.monotonic,
        keeper: CountKeeper | None = None,
        saved: SavedCount | None = None,
    ) -> None:
        """An empty count, or one that was kept.

        Args:
            labels: the model's, the first is the one whose share is told.
            most_cells: at which a count stops by itself, whatever they are.
            clock_s: seconds since any moment.
            keeper: is told all that happens; None keeps the count in memory alone.
            saved: what an earlier run kept; a count that was running is stopped.
        """
        self.labels = labels
        self._most_cells = most_cells
        self._clock_s = clock_s
        self._keeper = keeper or NoKeeper()
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
        self._passed_over: set[int] = set()
        if saved is not None:
            self._restore(saved)

    def _restore(self, saved: SavedCount) -> None:
        head = saved.head
        self._slide, self._target, self._ran_s, self._skipped = head.slide, head.target, head.running_s, head.skipped
        self._state, self._note = head.state, head.note
        self._started = datetime.fromisoformat(head.started) if head.started else None
        self._cells = {cell.number: cell for cell in saved.cells}
        self._last.extend(saved.cells)
        self._number = max(self._cells, default=0)
        if self._state == "running":
            self._state, self._note = "stopped", RESTARTED
            self._noted()

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
            self._noted()

    def stop(self, note: str = "") -> None:
        """Stops; the cells stay and can be overruled."""
        with self._lock:
            if self._state == "running":
                self._ran_s += self._clock_s() - self._since_s
                self._state, self._note = "stopped", note
                self._noted()

    def reset(self) -> None:
        """Forgets the count, its cells, its verdicts and the slide's name; the target stays."""
        with self._lock:
            self._state, self._cells, self._slide, self._note = "ready", {}, "", ""
            self._started, self._since_s, self._ran_s = None, 0.0, 0.0
            self._skipped, self._passed_over = 0, set()
            self._last = deque((replace(cell, counted=False, verdict=None) for cell in self._last), LAST_CELLS)
            self._keeper.begin()
            self._noted()

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
            self._noted()

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
            self._noted()

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
                self._keeper.note_cell(cell)
                self._stop_when_over()
                self._noted()
            self._changed()
            return number

    def skip(self, cell: int) -> None:
        """Takes a cell in sight that is not classified; a running count counts it, as `meet` says.

        Args:
            cell: the same number for each frame that shows it.
        """
        with self._lock:
            if self._state == "running" and cell not in self._passed_over:
                self._passed_over.add(cell)
                self._skipped += 1
                self._noted()

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
            self._keeper.note_verdict(cell)
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
            cells = tuple(self._cells.values())
            tally = self._tally()
            return CountRecord(
                self._slide, self._state, self._target, self._started, self._running_s(), self._note, tally, cells
            )

    def _running_s(self) -> float:
        return self._ran_s + (self._clock_s() - self._since_s if self._state == "running" else 0.0)

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

    def _noted(self) -> None:
        started = self._started.isoformat() if self._started else None
        self._keeper.note_head(
            CountHead(self._slide, self._state, self._target, started, self._running_s(), self._note, self._skipped)
        )
        self._changed()
