"""A look at a live camera that gives each cell's row once, however many frames show it."""

from collections.abc import Sequence

from edge_runtime.cell_tracker import CellTracker
from edge_runtime.look import Look
from edge_runtime.row import Row, Status
from edge_runtime.sources.frame import Frame


def look_once(look: Look) -> Look:
    """The look, without the rows of cells that an earlier frame gave; rows without a box all stay.

    A cell that was `skipped`, such as at the border, is given again once when it is looked at.
    """
    tracker = CellTracker()
    given: dict[int, Status] = {}

    def looking(frame: Frame) -> Sequence[Row]:
        nonlocal given
        rows = look(frame)
        if frame.picture is None:
            return rows
        numbers = iter(tracker.step(frame.picture, [row.box for row in rows if row.box is not None]))
        kept = []
        for row in rows:
            if row.box is not None:
                number = next(numbers)
                before = given.get(number)
                if before is not None and (before != "skipped" or row.status == "skipped"):
                    continue
                given[number] = row.status
            kept.append(row)
        given = {number: given[number] for number in tracker.remembered if number in given}
        return kept

    return looking
