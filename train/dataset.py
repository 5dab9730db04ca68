"""Lists labelled cells: the C-NMC layout by its file names, or any lab's slides by a CSV."""

import csv
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import InputSpec
from edge_runtime.errors import PictureError
from edge_runtime.findings.names import parse_c_nmc_name
from edge_runtime.preprocess import PixelArray, prepare, read_picture
from edge_runtime.sources.folder import PICTURE_SUFFIXES
from train.errors import TrainError

CSV_COLUMNS = ("path", "subject", "label")


@dataclass(frozen=True)
class Cell:
    """One labelled picture; `subject` is the person it was taken from."""

    path: Path
    subject: str
    label: str


@dataclass(frozen=True)
class Dataset:
    """Labelled cells in a fixed order.

    Attributes:
        root: what the paths are written relative to.
        cells: sorted by path, as found.
        labels: the class names; the first is the positive one.
        misnamed: pictures below `root` whose names do not parse, left out.
    """

    root: Path
    cells: tuple[Cell, ...]
    labels: tuple[str, ...]
    misnamed: tuple[Path, ...] = ()

    def name_of(self, cell: Cell) -> str:
        """The cell's path below `root` without suffix, the same in every format."""
        return os.path.splitext(os.path.relpath(cell.path, self.root))[0].replace(os.sep, "/")


def read_dataset(path: Path) -> Dataset:
    """Lists a C-NMC folder, or a CSV with the columns `path,subject,label` (paths relative to the CSV).

    Raises:
        TrainError: nothing there, or a CSV that is not of this form.
    """
    if path.is_dir():
        dataset = _read_folder(path)
    elif path.is_file():
        dataset = _read_csv(path)
    else:
        raise TrainError(
            f"{path}: no such folder or CSV; give the folder that holds fold_0, or a path,subject,label CSV"
        )
    if not dataset.cells:
        raise TrainError(f"{path}: no cells named UID_<subject>_<image>_<cell>_<all|hem>; check the folder")
    return dataset


def _read_folder(root: Path) -> Dataset:
    cells, misnamed = [], []
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix.lower() not in PICTURE_SUFFIXES:
                continue
            try:
                cells.append(Cell(path, *parse_c_nmc_name(name)))
            except ValueError:
                misnamed.append(path)
    return Dataset(root, tuple(cells), ("all", "hem"), tuple(misnamed))


def _read_csv(path: Path) -> Dataset:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != CSV_COLUMNS:
                raise TrainError(f"{path}: line 1 must be {','.join(CSV_COLUMNS)}")
            cells = []
            for row in reader:
                values = [row[column] for column in CSV_COLUMNS]
                if None in row or not all(value and value == value.strip() for value in values):
                    raise TrainError(f"{path}: line {reader.line_num} must hold a path, a subject and a label")
                cells.append(Cell(path.parent / values[0], values[1], values[2]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainError(f"{path}: not a readable CSV ({error})") from None
    labels = tuple(sorted({cell.label for cell in cells}))
    if len(labels) < 2:
        raise TrainError(f"{path}: two labels or more are needed, found {', '.join(labels) or 'none'}")
    return Dataset(path.parent, tuple(cells), labels)


def several_labels(cells: Sequence[Cell]) -> dict[str, tuple[Cell, Cell]]:
    """The subjects with cells of several labels, each with two cells that differ."""
    first: dict[str, Cell] = {}
    found: dict[str, tuple[Cell, Cell]] = {}
    for cell in cells:
        known = first.setdefault(cell.subject, cell)
        if cell.label != known.label:
            found.setdefault(cell.subject, (known, cell))
    return found


def check_labels(dataset: Dataset) -> None:
    """Refuses to learn from cells that do not have every label.

    Raises:
        TrainError: names what is missing.
    """
    missing = [label for label in dataset.labels if not any(cell.label == label for cell in dataset.cells)]
    if missing:
        raise TrainError(f"{dataset.root}: no cell of label {missing[0]}; all labels are needed to learn from")


def label_indices(cells: Sequence[Cell], labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """The labels as int64 `[n]`, indices into `labels`."""
    return np.array([labels.index(cell.label) for cell in cells], np.int64)


def load_picture(cell: Cell) -> PixelArray:
    """Reads one cell as uint8 BGR `[height, width, 3]`; a `PictureError` names its path."""
    return read_named(cell.path)


def read_named(path: str | Path) -> PixelArray:
    """Reads a picture as `edge_runtime.preprocess.read_picture` does; a `PictureError` names its path."""
    try:
        return read_picture(path)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from None


def load_pixels(
    cells: Sequence[Cell], spec: InputSpec, change: Callable[[PixelArray], PixelArray] | None = None
) -> PixelArray:
    """Reads and prepares cells exactly as the device does.

    Args:
        cells: where the pictures are.
        spec: how they are prepared.
        change: from a picture, uint8 BGR `[height, width, 3]`, to the one that is prepared instead.

    Returns:
        uint8 `[n, size, size, 3]`; 48 KiB a cell at 128 pixels.

    Raises:
        PictureError: a cell that cannot be read; the message names it.
    """
    pixels = np.empty((len(cells), spec.size, spec.size, 3), np.uint8)

    def load(i: int) -> None:
        picture = load_picture(cells[i])
        pixels[i] = prepare(change(picture) if change else picture, spec)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(load, range(len(cells))):
            pass
    return pixels


def fingerprint(dataset: Dataset, pixels: PixelArray) -> str:
    """SHA-256 over path, subject, label and prepared pixels of every cell: another data set gives another value."""
    digest = hashlib.sha256()
    for cell, picture in zip(dataset.cells, pixels, strict=True):
        relative = os.path.relpath(cell.path, dataset.root).replace(os.sep, "/")
        digest.update(f"{relative}\0{cell.subject}\0{cell.label}\0".encode("utf-8", "surrogateescape"))
        digest.update(picture.tobytes())
    return digest.hexdigest()
