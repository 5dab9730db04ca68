"""How well white cells are found in whole fields, and whether they are answered as their own pictures are."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from statistics import median
from typing import TypeVar

import cv2
import numpy as np

from benchmarks.bccd import TrueField, read_half
from benchmarks.contact_sheet import Piece
from benchmarks.finds import Finds, compare_boxes
from benchmarks.pictures import cell_paths
from benchmarks.round_trip import (
    FIELD_UM_PER_PIXEL,
    SCALES,
    Counts,
    look_at,
    paste,
    red_cell_tiles,
    resized,
    round_trip,
    turned_alone,
)
from edge_runtime.cells import find_cells
from edge_runtime.classifier import Classifier
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.preprocess import PixelArray

Given = TypeVar("Given")

_CELLS, _QUICK_CELLS, _QUICK_EVERY = 1200, 60, 6
_PASTED_FIELDS = 40
_CELLS_A_FIELD = 6
_GOOD_OVERLAP = 0.5
_ROUNDS, _TIMED_FIELDS = 5, 20
_TILINGS = (2, 4)  # fields across and down, to see how time grows
_RECALL, _PRECISION, _OVERLAPPING, _DECODES = 0.985, 0.96, 0.85, 5.0
_FOUND, _SAME_AS_ORIGINAL, _SAME_RESIZED = 0.98, 0.97, 0.95


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: was measured.
        measured: as text.
        value: to be compared with the target; None where there is none.
        target: at least this, or at most where `at_most`.
    """

    what: str
    measured: str
    value: float | None = None
    target: float = 0.0
    at_most: bool = False

    @property
    def wanted(self) -> str:
        """The target and whether it is reached."""
        if self.value is None:
            return ""
        reached = self.value <= self.target if self.at_most else self.value >= self.target
        return f"{'<=' if self.at_most else '>='} {self.target:g}: {'reached' if reached else 'missed'}"


@dataclass(frozen=True)
class FieldsReport:
    """What `measure` found: the table, how many finds have which status, and what to look at."""

    lines: tuple[Line, ...]
    statuses: Counter[str]
    odd: tuple[Piece, ...]


def measure(*, quick: bool, say: Callable[[str], None]) -> FieldsReport:
    """Measures on the report half of BCCD and on cells of C-NMC, with the shipped model and one thread.

    Args:
        quick: on a sixth of the fields and few cells.
        say: told what comes next.

    Raises:
        PicturesError: the pictures are not there.
    """
    fields = read_half("report", every=_QUICK_EVERY if quick else 1)
    cells = [_read(str(path)) for path in cell_paths(_QUICK_CELLS if quick else _CELLS)]
    classifier = Classifier.from_file()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        say(f"finding the cells of {len(fields)} fields")
        lines, statuses, odd = _found(classifier, fields)
        say(f"pasting {len(cells)} cells into fields")
        tiles = red_cell_tiles([field.picture for field in fields])
        lines += _pasted(classifier, cells, tiles)
        say("the same fields at other sizes")
        lines += _resized(classifier, fields, cells, tiles)
        say("timing")
        lines += _times(classifier, fields)
    finally:
        cv2.setNumThreads(threads)
    return FieldsReport(tuple(lines), statuses, tuple(odd))


def markdown_of(report: FieldsReport) -> str:
    """The table, and the statuses of what was found in BCCD."""
    lines = ["| what | measured | wanted |", "| --- | ---: | --- |"]
    lines += [f"| {line.what} | {line.measured} | {line.wanted} |" for line in report.lines]
    lines += ["", "What became of the finds in BCCD, whose white cells are healthy people's of all kinds:", ""]
    lines += ["| status and detail | finds |", "| --- | ---: |"]
    lines += [f"| {name} | {count} |" for name, count in report.statuses.most_common()]
    return "\n".join([*lines, "", RESEARCH_USE])


def _read(path: str) -> PixelArray:
    return np.asarray(cv2.imread(path, cv2.IMREAD_COLOR), np.uint8)


def _found(classifier: Classifier, fields: Sequence[TrueField]) -> tuple[list[Line], Counter[str], list[Piece]]:
    statuses: Counter[str] = Counter()
    odd: list[Piece] = []
    all_finds: list[Finds] = []
    for field in fields:
        rows = look_at(classifier, field.picture, None)
        statuses.update(f"{row.status}: {row.detail}" if row.detail else row.status for row in rows)
        boxes = [row.box for row in rows if row.box is not None]
        finds = compare_boxes(boxes, field.boxes)
        all_finds.append(finds)
        number = field.name.removeprefix("BloodImage_").removesuffix(".jpg")
        for kind, odd_boxes in (("missed", finds.missed), ("false find", finds.false)):
            odd += [Piece(f"{number}: {kind}", field.picture, box, field.boxes, boxes) for box in odd_boxes]
    overlaps = [overlap for finds in all_finds for overlap in finds.overlaps]
    missed, false = (sum(len(getattr(finds, name)) for finds in all_finds) for name in ("missed", "false"))
    good = sum(overlap > _GOOD_OVERLAP for overlap in overlaps)
    return (
        [
            _share("BCCD, report half: recall by centre", len(overlaps), len(overlaps) + missed, _RECALL),
            _share("BCCD: precision, against the boxes people drew", len(overlaps), len(overlaps) + false, _PRECISION),
            _share(f"BCCD: IoU > {_GOOD_OVERLAP}, of the found", good, len(overlaps), _OVERLAPPING),
        ],
        statuses,
        odd,
    )


def _pasted(classifier: Classifier, cells: Sequence[PixelArray], tiles: Sequence[PixelArray]) -> list[Line]:
    lines = _answers("C-NMC turned, shrunk and enlarged, no finder", turned_alone(classifier, cells), None, None)
    for known in (True, False):
        counts = round_trip(classifier, cells, tiles, known_scale=known)
        lines += _answers(f"C-NMC pasted, scale {_how(known)}", counts, _FOUND, _SAME_AS_ORIGINAL)
    return lines


def _resized(
    classifier: Classifier, fields: Sequence[TrueField], cells: Sequence[PixelArray], tiles: Sequence[PixelArray]
) -> list[Line]:
    um_per_pixel = classifier.contract.input.um_per_pixel
    assert um_per_pixel is not None
    rng = np.random.default_rng(0)
    groups = [cells[at : at + _CELLS_A_FIELD] for at in range(0, len(cells), _CELLS_A_FIELD)][:_PASTED_FIELDS]
    pasted = [paste(group, tiles, um_per_pixel, rng, zoom=1.0)[0] for group in groups]
    lines = []
    for name, pictures in (("BCCD", [field.picture for field in fields]), ("C-NMC pasted", pasted)):
        for known in (True, False):
            for zoom in SCALES:
                counts = _sum(
                    resized(classifier, picture, FIELD_UM_PER_PIXEL, zoom=zoom, known_scale=known)
                    for picture in pictures
                )
                lines += _answers(f"{name} at {zoom:g} times its size, scale {_how(known)}", counts, 1.0, _SAME_RESIZED)
    return lines


def _times(classifier: Classifier, fields: Sequence[TrueField]) -> list[Line]:
    spec = classifier.contract.input
    timed = fields[:: max(1, len(fields) // _TIMED_FIELDS)]
    ratios = {}
    for known in (True, False):
        find = partial(find_cells, spec=spec, um_per_pixel=FIELD_UM_PER_PIXEL if known else None)
        pairs = [
            (_seconds(_decode, field.data), _seconds(find, field.picture)) for _ in range(_ROUNDS) for field in timed
        ]
        ratios[known] = median(found_s for _, found_s in pairs) / median(decoded_s for decoded_s, _ in pairs)
    lines = [
        Line(f"finding and cutting out / decoding the JPEG, scale {_how(known)}", f"{ratio:.2f}", ratio, _DECODES, True)
        for known, ratio in ratios.items()
    ]
    find = partial(find_cells, spec=spec, um_per_pixel=FIELD_UM_PER_PIXEL)
    for across in _TILINGS:
        growth = median(
            _seconds(find, np.tile(field.picture, (across, across, 1))) / (_seconds(find, field.picture) * across**2)
            for field in timed
        )
        lines.append(Line(f"time a pixel at {across**2} times the pixels / at once the pixels", f"{growth:.2f}"))
    return lines


def _decode(data: bytes) -> object:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def _seconds(call: Callable[[Given], object], given: Given) -> float:
    start_s = time.perf_counter()
    call(given)
    return time.perf_counter() - start_s


def _answers(what: str, counts: Counts, found: float | None, same: float | None) -> list[Line]:
    lines = [] if found is None else [_share(f"{what}: found", counts.found, counts.cells, found)]
    return [
        *lines,
        _share(f"{what}: same label", counts.same_label, counts.found, same),
        _share(f"{what}: same label, of those that still have one", counts.same_label, counts.found - counts.skipped),
        _share(f"{what}: same label and status", counts.same_status, counts.found),
        _share(f"{what}: same label where both are `ok`", counts.same_answer, counts.answered),
    ]


def _share(what: str, part: int, whole: int, target: float | None = None) -> Line:
    value = part / max(1, whole)
    text = f"{value:.3f} ({part} of {whole})"
    return Line(what, text) if target is None else Line(what, text, value, target)


def _sum(counts: Iterable[Counts]) -> Counts:
    return reduce(add, counts, Counts())


def _how(known: bool) -> str:
    return "given" if known else "measured"
