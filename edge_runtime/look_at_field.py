"""How one frame becomes rows: as a field of many cells, each found, cut out and classified."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from edge_runtime.cells import Cell, Field, find_cells
from edge_runtime.classifier import Classifier
from edge_runtime.errors import ModelError
from edge_runtime.look import Look
from edge_runtime.preprocess import PixelArray
from edge_runtime.restain import restain
from edge_runtime.row import Row, row_of
from edge_runtime.sources.frame import Frame

Seen = Callable[[Frame, Field, Sequence[Row]], None]
"""Told what was found in a frame: its cells and their rows in the same order, or one row when there are none."""


def look_at_field(
    classifier: Classifier, *, um_per_pixel: float | None = None, seen: Seen = lambda frame, field, rows: None
) -> Look:
    """A look that finds the white cells of a field.

    It keeps nothing from one frame to the next; one classifier serves one thread.

    Args:
        classifier: of a model with a scale.
        um_per_pixel: scale of the fields; None measures each on its red cells.
        seen: told what was found, for drawing.

    Raises:
        ModelError: a model without a scale.
    """
    if classifier.contract.input.um_per_pixel is None:
        raise ModelError(f"{classifier.bundle.path}: knows no scale, so it takes no fields; use --input cells")

    def look(frame: Frame) -> Sequence[Row]:
        if frame.picture is None:
            return [row_of(frame, classifier.contract.labels, None)]
        field = find_cells(frame.picture, classifier.contract.input, um_per_pixel=um_per_pixel)
        rows = rows_of(frame, field, classifier)
        seen(frame, field, rows)
        return rows

    return look


def rows_of(frame: Frame, field: Field, classifier: Classifier) -> list[Row]:
    """Classifies what was found in a frame: one row a cell, or one that says why there is none."""
    if not field.cells:
        empty = row_of(frame, classifier.contract.labels, None)
        return [replace(empty, status="skipped", detail=field.problem)]
    contract = classifier.contract
    pictures = [cell.picture for cell in field.cells if cell.picture is not None]
    changed, doubt = restain(pictures, contract.input, contract.guard)
    remaining = iter(changed)
    return [
        _row(frame, number, cell, classifier, next(remaining) if cell.picture is not None else None, doubt)
        for number, cell in enumerate(field.cells)
    ]


def _row(frame: Frame, number: int, cell: Cell, classifier: Classifier, picture: PixelArray | None, doubt: str) -> Row:
    if picture is None:
        empty = row_of(frame, classifier.contract.labels, None)
        return replace(empty, cell=number, box=cell.box, status="skipped", detail=cell.skipped)
    decision = classifier.classify(picture)
    # What the outline and the field say comes before what the cut-out says: it names the reason.
    decision = replace(decision, doubt=cell.doubt or doubt or decision.doubt)
    return replace(row_of(frame, classifier.contract.labels, decision), cell=number, box=cell.box)
