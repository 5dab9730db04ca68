"""Source -> classify -> sink, one frame at a time."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edge_runtime.classifier import Classifier
from edge_runtime.row import Row, row_of
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources.frame import Frame


@dataclass
class Tally:
    """What a run has written so far.

    Attributes:
        decided: rows with status `ok`, by label.
        uncertain: rows with status `uncertain`.
        errors: rows with status `error`.
    """

    decided: Counter[str] = field(default_factory=Counter)
    uncertain: int = 0
    errors: int = 0

    def add(self, row: Row) -> None:
        """Counts one row."""
        if row.status == "ok" and row.label is not None:
            self.decided[row.label] += 1
        elif row.status == "uncertain":
            self.uncertain += 1
        elif row.status == "error":
            self.errors += 1

    @property
    def total(self) -> int:
        """Rows counted."""
        return self.decided.total() + self.uncertain + self.errors


def run(
    frames: Iterable[Frame], classifier: Classifier, sink: Sink, tally: Tally, on_row: Callable[[Row], None]
) -> None:
    """Classifies every frame and writes its row.

    Args:
        frames: from a source.
        classifier: says what each is.
        sink: takes the rows.
        tally: counts them; right at any moment, also when this is interrupted.
        on_row: told each row once it is written.

    Raises:
        EdgeClassifyError: the source or the sink cannot go on.
    """
    labels = classifier.contract.labels
    for frame in frames:
        decision = classifier.classify(frame.picture) if frame.picture is not None else None
        row = row_of(frame, labels, decision)
        sink.write(row)
        tally.add(row)
        on_row(row)
