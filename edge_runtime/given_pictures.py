"""The pictures that the classifier was given of a field's cells: on black, at the training's scale and stain."""

from collections.abc import Sequence

from edge_runtime.cells import Field
from edge_runtime.contract import Contract
from edge_runtime.preprocess import PixelArray
from edge_runtime.restain import restain
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame


class GivenPictures:
    """Remembers the field that was searched last; its cells are restained again only when one is asked for."""

    def __init__(self, contract: Contract) -> None:
        """Knows no field yet; `contract` is the classifier's."""
        self._contract = contract
        self._frame: Frame | None = None
        self._field: Field | None = None

    def note(self, frame: Frame, field: Field, rows: Sequence[Row]) -> None:
        """Takes what was found in a frame; a `Seen` of `look_at_field`."""
        self._frame, self._field = frame, field

    def of(self, frame: Frame, row: Row) -> PixelArray:
        """What the classifier was given for a row of a frame, uint8 BGR.

        Args:
            frame: with a picture.
            row: of a cell that was classified; without a box the whole picture is the cell.
        """
        assert frame.picture is not None
        if row.box is None:
            return frame.picture
        assert frame is self._frame and self._field is not None and row.cell is not None
        cells = self._field.cells
        given = [cell.picture for cell in cells if cell.picture is not None]
        restained, _ = restain(given, self._contract.input, self._contract.guard)
        return restained[sum(cell.picture is not None for cell in cells[: row.cell])]
