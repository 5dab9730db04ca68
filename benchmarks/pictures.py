"""The pictures everything is measured on: real cells where they are, else the drawn samples."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
DATA_VARIABLE = "EDGE_CLASSIFY_DATA"
_DEFAULT_DATA = "../shared/data"
_COUNT = 64


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
    fold = ROOT / os.environ.get(DATA_VARIABLE, _DEFAULT_DATA) / "c-nmc" / "fold_1"
    cells = sorted(path for path in fold.glob("*/*") if path.suffix in (".bmp", ".webp"))
    if len(cells) >= _COUNT:
        chosen = [cells[i * len(cells) // _COUNT] for i in range(_COUNT)]
        kind = chosen[0].suffix.removeprefix(".")
        return Pictures(f"C-NMC 2019 fold_1, {_COUNT} cells, {kind}", tuple(path.read_bytes() for path in chosen))
    drawn = sample_paths()
    return Pictures(f"drawn samples, {len(drawn)}, png", tuple(path.read_bytes() for path in drawn))


def sample_paths() -> list[Path]:
    """Lists the drawn sample pictures."""
    return sorted(SAMPLES.glob("*.png"))
