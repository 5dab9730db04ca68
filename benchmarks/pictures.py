"""The pictures everything is measured on: real cells where they are, else the drawn samples."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
SAMPLE_FIELD = ROOT / "sample_fields" / "field-01.png"
DATA_VARIABLE = "EDGE_CLASSIFY_DATA"
_DEFAULT_DATA = "../shared/data"
_COUNT = 64
REFERENCES = ROOT / "benchmarks" / "reference"
# `make model` puts it beside the shipped bundle.
FLOAT_MODEL = REFERENCES / "float32.tflite"


class PicturesError(Exception):
    """The pictures asked for are not there; the message says what to do."""


@dataclass(frozen=True)
class Pictures:
    """Encoded pictures of single cells.

    Attributes:
        source: what they are, for the report.
        files: the bytes of each file.
    """

    source: str
    files: tuple[bytes, ...]


def read_pictures() -> Pictures:
    """Reads 64 cells spread evenly over the sorted names of C-NMC's fold_1, or all drawn samples."""
    cells = _real_cells("fold_1")
    if len(cells) >= _COUNT:
        chosen = [cells[i * len(cells) // _COUNT] for i in range(_COUNT)]
        kind = chosen[0].suffix.removeprefix(".")
        return Pictures(f"C-NMC 2019 fold_1, {_COUNT} cells, {kind}", tuple(path.read_bytes() for path in chosen))
    drawn = sample_paths()
    return Pictures(f"drawn samples, {len(drawn)}, png", tuple(path.read_bytes() for path in drawn))


def data_folder() -> Path:
    """The folder of real data, whether it is there or not."""
    return ROOT / os.environ.get(DATA_VARIABLE, _DEFAULT_DATA)


def cell_paths(count: int) -> list[Path]:
    """Real cells spread evenly over the sorted names of C-NMC.

    Raises:
        PicturesError: fewer are there.
    """
    cells = _real_cells("fold_*")
    if len(cells) < count:
        raise PicturesError(f"{len(cells)} real cells instead of {count}; set {DATA_VARIABLE} to the folder of c-nmc")
    return [cells[i * len(cells) // count] for i in range(count)]


def field_paths(count: int) -> list[Path]:
    """Fields spread evenly over the sorted names of BCCD; none where fewer are there."""
    fields = sorted(data_folder().glob("bccd/images/*.jpg"))
    return [fields[i * len(fields) // count] for i in range(count)] if len(fields) >= count else []


def _real_cells(fold: str) -> list[Path]:
    root = data_folder() / "c-nmc"
    return sorted(path for path in root.glob(f"{fold}/*/*") if path.suffix in (".bmp", ".webp"))


def sample_paths() -> list[Path]:
    """Lists the drawn sample pictures."""
    return sorted(SAMPLES.glob("*.png"))
