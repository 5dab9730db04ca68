"""How one frame becomes rows: as a picture of one cell."""

from collections.abc import Callable, Sequence

from edge_runtime.classifier import Classifier
from edge_runtime.row import Row, row_of
from edge_runtime.sources.frame import Frame

Look = Callable[[Frame], Sequence[Row]]
"""Says what is in a frame, a row a cell; a frame without a picture gives one row with its problem."""


def look_at_cell(classifier: Classifier) -> Look:
    """A look that takes the whole picture as one cell."""

    def look(frame: Frame) -> Sequence[Row]:
        decision = classifier.classify(frame.picture) if frame.picture is not None else None
        return [row_of(frame, classifier.contract.labels, decision)]

    return look
