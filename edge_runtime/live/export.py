"""A count as files to take away: a CSV of its cells, and the overruled ones with their pictures for training."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence

from edge_runtime.errors import CountError
from edge_runtime.live.count_record import CountRecord
from edge_runtime.row import Value, columns

_FIRST_COLUMNS = ("number", "slide")
_LAST_COLUMNS = ("verdict", "counted_as")
# The columns that `train/dataset.py` reads.
_TRAINING_COLUMNS = ("path", "subject", "label")
_UNSAFE = re.compile(r"[^0-9A-Za-z_-]+")


def csv_of(record: CountRecord, labels: tuple[str, ...]) -> str:
    """One line a cell of the count.

    The columns of a run's rows hold the model's answer, whatever was said of it; `verdict` is the technician's word,
    empty where there is none, and `counted_as` the label the cell counts as, empty when it does not count.
    """
    lines = []
    for cell in record.cells:
        answer = cell.row.values(labels).values()
        lines.append([cell.number, record.slide, *answer, cell.verdict, cell.label])
    return _csv([*_FIRST_COLUMNS, *columns(labels), *_LAST_COLUMNS], lines)


def training_zip_of(record: CountRecord, labels: tuple[str, ...]) -> bytes:
    """The cells a technician named, as `cells.csv` with `path,subject,label` and a PNG each.

    The subject is the slide's name: people, not slides, are what training splits by, so slides should be named by the
    person's code. Cells that were taken out are not in it, nor those whose picture was lost before a restart.

    Raises:
        CountError: the slide has no name, or no cell was named.
    """
    named = [cell for cell in record.cells if cell.verdict in labels and cell.picture]
    if not named:
        raise CountError("no cell was overruled yet; overrule one, then export")
    if not record.slide:
        raise CountError("the slide has no name; name it by the person's code, which training splits by, then export")
    file = io.BytesIO()
    stem = _UNSAFE.sub("-", record.slide).strip("-") or "slide"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNG does not get smaller
        lines = []
        for cell in named:
            name = f"{stem}_{cell.number:05}_{cell.verdict}.png"
            archive.writestr(name, cell.picture)
            lines.append([name, record.slide, cell.verdict])
        archive.writestr("cells.csv", _csv(_TRAINING_COLUMNS, lines))
    return file.getvalue()


def _csv(header: Iterable[str], lines: Sequence[Sequence[Value]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return file.getvalue()
