"""One line of results."""

from dataclasses import dataclass
from typing import Literal

from edge_runtime.classifier import Decision
from edge_runtime.sources.frame import Frame

Status = Literal["ok", "uncertain", "skipped", "error"]
Value = str | int | float | None

# Enough to tell two 8-bit scores apart, and short enough to read.
_DECIMALS = 4
_UPTIME_DECIMALS = 3


@dataclass(frozen=True)
class Row:
    """What is said of one cell.

    Attributes:
        path: where the picture came from.
        frame: number in a stream, from 0; None for a plain picture.
        time: UTC, ISO 8601; None for files.
        cell: number of the cell in its picture, from 0; None when there is none.
        box: x, y, width, height in pixels, from the top-left corner; None when the whole picture is the cell.
        label: the answer; None when there is none.
        probabilities: calibrated, by label; empty when there is no answer.
        status: `ok`, `uncertain` (in the abstain band, or unlike the training cells), `skipped` or `error`.
        detail: why it is not `ok`; empty otherwise.
        uptime_s: seconds since the machine started, beside `time`, right also while the clock is not set; None for
            files.
    """

    path: str
    frame: int | None
    time: str | None
    cell: int | None
    box: tuple[int, int, int, int] | None
    label: str | None
    probabilities: dict[str, float]
    status: Status
    detail: str
    uptime_s: float | None = None

    def values(self, labels: tuple[str, ...]) -> dict[str, Value]:
        """The row as columns, in the order of `columns(labels)`; None is empty."""
        x, y, width, height = self.box or (None,) * 4
        probability = self.probabilities.get(self.label) if self.label is not None else None
        return {
            "path": self.path,
            "frame": self.frame,
            "time": self.time,
            "cell": self.cell,
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "label": self.label,
            "probability": probability,
            **{f"p_{label}": self.probabilities.get(label) for label in labels},
            "status": self.status,
            "detail": self.detail,
        }


def columns(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The column names of a model with these labels."""
    empty = Row("", None, None, None, None, None, {}, "ok", "")
    return tuple(empty.values(labels))


def row_of(frame: Frame, labels: tuple[str, ...], decision: Decision | None) -> Row:
    """The row of a frame whose whole picture is one cell; without a decision, that of its problem."""
    time = frame.time.isoformat(timespec="milliseconds").replace("+00:00", "Z") if frame.time else None
    uptime_s = round(frame.uptime_s, _UPTIME_DECIMALS) if frame.uptime_s is not None else None
    if decision is None:
        return Row(frame.path, frame.frame, time, None, None, None, {}, "error", frame.problem, uptime_s)
    probabilities = {
        label: round(value, _DECIMALS) for label, value in zip(labels, decision.probabilities, strict=True)
    }
    status: Status = "uncertain" if decision.uncertain else "ok"
    return Row(frame.path, frame.frame, time, 0, None, decision.label, probabilities, status, decision.doubt, uptime_s)
