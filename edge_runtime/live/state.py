"""What the page shows beside the picture, as JSON."""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from edge_runtime.live.cell import SeenCell
from edge_runtime.live.count import TARGETS, Count
from edge_runtime.live.count_record import CountRecord
from edge_runtime.live.meter import Meter, read_temperature
from edge_runtime.live.picture import PictureDesk
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.sources.camera import Camera
from edge_runtime.version import __version__

# Seconds without a frame after which the run is no longer well.
STALE_S = 10.0
_ID_BYTES = 4


@dataclass
class LiveState:
    """Everything the server knows of the run.

    Attributes:
        model: its name.
        camera: what the pictures come from.
        count: the technician's.
        desk: the newest picture.
        meter: rate and latency.
        problems: each gives what is wrong with a part of the run, in one line; empty when nothing is.
        run_id: another one each time the program is started.
    """

    model: str
    camera: Camera
    count: Count
    desk: PictureDesk
    meter: Meter
    problems: list[Callable[[], str]] = field(default_factory=list)
    run_id: str = field(default_factory=lambda: secrets.token_hex(_ID_BYTES))

    @property
    def problem(self) -> str:
        """What is wrong with the run, in one line; empty when nothing is."""
        return next((text for problem in self.problems if (text := problem())), "")

    @property
    def is_well(self) -> bool:
        """Whether frames are being looked at."""
        return self.meter.read().age_s < STALE_S

    def as_json(self) -> str:
        """The whole state: the documented answer of `/api/state`."""
        reading = self.meter.read()
        run = {
            "id": self.run_id,
            "frames": reading.frames,
            "fps": _rounded(reading.fps),
            "latency_ms": _rounded(reading.latency_ms),
            "age_s": _rounded(reading.age_s),
            "temperature_c": _rounded(read_temperature()),
            "well": self.is_well,
            "problem": self.problem,
        }
        model = {"name": self.model, "labels": self.count.labels, "version": __version__, "notice": RESEARCH_USE}
        return json.dumps(
            {
                "count": count_as_dict(self.count.record()),
                "last": [cell_as_dict(cell) for cell in self.count.last()],
                "run": run,
                "camera": {"source": self.camera.name, **asdict(self.camera.state)},
                "model": model,
            },
            separators=(",", ":"),
        )


def count_as_dict(record: CountRecord) -> dict[str, Any]:
    """A count without its cells."""
    tally = record.tally
    return {
        "slide": record.slide,
        "state": record.state,
        "target": record.target,
        "targets": TARGETS,
        "started": record.started.isoformat(timespec="seconds").replace("+00:00", "Z") if record.started else None,
        "running_s": _rounded(record.running_s),
        "note": record.note,
        "decided": tally.decided,
        "counted": tally.counted,
        "uncertain": tally.uncertain,
        "skipped": tally.skipped,
        "taken_out": tally.taken_out,
        "overruled": tally.overruled,
        "share": asdict(tally.share) if tally.share else None,
    }


def cell_as_dict(cell: SeenCell) -> dict[str, Any]:
    """A cell: the model's answer, and apart from it the technician's verdict."""
    row = cell.row
    return {
        "number": cell.number,
        "label": row.label,
        "probability": row.probabilities.get(row.label or ""),
        "status": row.status,
        "detail": row.detail,
        "time": row.time,
        "counted": cell.counted,
        "verdict": cell.verdict,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
