"""A model's answers on the cells it is judged on, one row a cell."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.classifier import Classifier
from edge_runtime.preprocess import prepare
from train.dataset import Cell, label_indices, load_picture
from train.files import write_whole


@dataclass(frozen=True)
class Predictions:
    """Answers of one model.

    Attributes:
        cells: the cells judged on.
        groups: the subject group of each.
        labels: class names.
        probabilities: calibrated, float64 `[n, labels]`.
    """

    cells: tuple[Cell, ...]
    groups: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """int64 `[n]`."""
        return label_indices(self.cells, self.labels)

    def write_csv(self, path: Path, folds: Sequence[int] | None = None) -> None:
        """Writes path, subject, group, label, the fold where there are folds, and one probability per label.

        Raises:
            TrainError: it cannot be written.
        """
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator="\n")
        fold_name = [] if folds is None else ["fold"]
        writer.writerow(["path", "subject", "group", "label", *fold_name, *(f"p_{label}" for label in self.labels)])
        for i, (cell, group, values) in enumerate(zip(self.cells, self.groups, self.probabilities, strict=True)):
            fold = [] if folds is None else [folds[i]]
            row = [cell.path.as_posix(), cell.subject, group, cell.label, *fold]
            writer.writerow([*row, *(f"{value:.6f}" for value in values)])
        write_whole(path, file.getvalue().encode("utf-8", "surrogateescape"))


def device_scores(
    classifier: Classifier, cells: Sequence[Cell], on_cell: Callable[[], None] = lambda: None
) -> npt.NDArray[np.float64]:
    """Runs cells through the runtime, from the file's bytes, as a device does.

    Returns:
        float64 `[n, labels]`, the network's own scores, before calibration.

    Raises:
        PictureError: a cell that cannot be read.
    """
    rows = []
    for cell in cells:
        rows.append(classifier.scores(prepare(load_picture(cell), classifier.contract.input)))
        on_cell()
    return np.array(rows)
