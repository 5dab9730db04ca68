"""What a teacher says of the cells that a network learns from, and the small file that keeps it."""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from train.data import Data
from train.errors import TrainError
from train.files import write_whole
from train.shallow import Shallow
from train.split import LEARNT
from train.teacher import teach

# Of a probability; a hundredth of a percent is far below what the teacher knows.
_DECIMALS = 4
_SMALLEST_SUM, _LARGEST_SUM = 0.99, 1.01


@dataclass(frozen=True)
class Teaching:
    """A teacher's answers to the cells to learn from, each given without having seen the person.

    Attributes:
        cells: positions in the data set, int64 `[n]`, rising.
        probabilities: float64 `[n, labels]`, calibrated.
    """

    cells: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]

    @property
    def sha256(self) -> str:
        """Tells one teaching from another."""
        digits = np.rint(self.probabilities * 10**_DECIMALS).astype(np.int64)
        return hashlib.sha256(self.cells.tobytes() + digits.tobytes()).hexdigest()


def ask_teacher(data: Data, features: Shallow, *, seed: int) -> Teaching:
    """Teaches the train and select parts; the report part is not looked at.

    Args:
        data: the cells and their parts.
        features: of all cells of `data`, in their order.
        seed: of the teacher.

    Raises:
        TrainError: too few subject groups of a class.
    """
    cells = data.part(*LEARNT)
    groups = [data.groups[i] for i in cells]
    said = teach(features.take(cells), data.targets[cells], groups, data.dataset.labels, seed=seed)
    # As the file keeps it, so that a network learns the same from either.
    return Teaching(cells, said.round(_DECIMALS))


class AskTeacher(Protocol):
    """What asks a teacher: `ask_teacher`, or `RememberingTeacher`."""

    def __call__(self, data: Data, features: Shallow, *, seed: int) -> Teaching:
        """As `ask_teacher`."""
        ...


class RememberingTeacher:
    """`ask_teacher` for many settings on the same cells: what was asked before is not worked out again."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, tuple[tuple[str, str], ...], int], Teaching] = {}

    def __call__(self, data: Data, features: Shallow, *, seed: int) -> Teaching:
        """As `ask_teacher`."""
        asked = (data.fingerprint, tuple(sorted(data.split.part_of.items())), seed)
        if asked not in self._said:
            self._said[asked] = ask_teacher(data, features, seed=seed)
        return self._said[asked]


def write_teaching(path: Path, teaching: Teaching, data: Data) -> None:
    """Writes `cell,p_<label>...`, a row a cell; a cell is named by its path in the data set without suffix.

    So the file serves the same cells in another format; a cell that stands in two has the answer to the first.

    Raises:
        TrainError: it cannot be written.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_columns(data))
    said: dict[str, npt.NDArray[np.float64]] = {}
    for i, values in zip(teaching.cells, teaching.probabilities, strict=True):
        said.setdefault(data.dataset.name_of(data.dataset.cells[i]), values)
    for name, values in said.items():
        writer.writerow([name, *(f"{value:.{_DECIMALS}f}" for value in values)])
    write_whole(path, file.getvalue().encode("utf-8", "surrogateescape"))


def read_teaching(path: Path, data: Data) -> Teaching:
    """Reads what `write_teaching` wrote.

    Raises:
        TrainError: not such a file, or of other cells or another split than these.
    """
    again = "`python -m train teach` writes it"
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
        if header != _columns(data):
            raise TrainError(f"{path}: line 1 must be {','.join(_columns(data))}; {again}")
        said = {row[0]: [float(value) for value in row[1:]] for row in rows}
        probabilities = np.array(list(said.values()), np.float64).reshape(len(said), len(data.dataset.labels))
    except OSError as error:
        raise TrainError(f"{path}: cannot be read ({error.strerror}); {again}") from None
    except (ValueError, IndexError, csv.Error) as error:
        raise TrainError(f"{path}: not a teacher's answers ({error}); {again}") from None
    sums = probabilities.sum(axis=1)
    if not (len(said) and (probabilities >= 0).all() and ((sums > _SMALLEST_SUM) & (sums < _LARGEST_SUM)).all()):
        raise TrainError(f"{path}: holds what are no probabilities; {again}")
    cells = data.part(*LEARNT)
    names = [data.dataset.name_of(data.dataset.cells[i]) for i in cells]
    for name in names:
        if name not in said:
            raise TrainError(f"{path}: does not know the cell {name}; {again} for these cells and this split")
    others = said.keys() - set(names)
    if others:
        raise TrainError(
            f"{path}: was taught {min(others)}, which is no cell to learn from here: of another data set, or of a "
            f"person who is reported on; {again} for these cells and this split"
        )
    return Teaching(cells, np.array([said[name] for name in names], np.float64))


def _columns(data: Data) -> list[str]:
    return ["cell", *(f"p_{label}" for label in data.dataset.labels)]
