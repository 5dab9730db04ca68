"""Source -> look -> sink, one frame at a time."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edge_runtime.look import Look
from edge_runtime.row import Row
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources.frame import Frame


@dataclass
class Tally:
    """What a run has written so far.

    Attributes:
        decided: rows with status `ok`, by label.
        uncertain: rows with status `uncertain`.
        errors: rows with status `error`.
        skipped: rows with status `skipped`.
    """

    decided: Counter[str] = field(default_factory=Counter)
    uncertain: int = 0
    errors: int = 0
    skipped: int = 0

    def add(self, row: Row) -> None:
        """Counts one row."""
        if row.status == "ok" and row.label is not None:
            self.decided[row.label] += 1
        elif row.status == "uncertain":
            self.uncertain += 1
        elif row.status == "error":
            self.errors += 1
        elif row.status == "skipped":
            self.skipped += 1

    @property
    def total(self) -> int:
        """Rows counted."""
        return self.decided.total() + self.uncertain + self.errors + self.skipped


def run(frames: Iterable[Frame], look: Look, sink: Sink, tally: Tally, on_row: Callable[[Row], None]) -> None:
    """Looks at every frame and writes its rows.

    Args:
        frames: from a source.
        look: says what is in each.
        sink: takes the rows.
        tally: counts them; right at any moment, also when this is interrupted.
        on_row: told each row once it is written.

    Raises:
        EdgeClassifyError: the source or the sink cannot go on.
    """
    for frame in frames:
        for row in look(frame):
            sink.write(row)
            tally.add(row)
            on_row(row)
