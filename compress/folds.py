"""The networks that compression is judged by: each with the cells of people that it never saw, or that select."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from compress.errors import CompressError
from train.crossval import crossval_identity, fold_folder, nested_splits
from train.data import Data, load_data
from train.dataset import Dataset
from train.errors import TrainError
from train.files import differing
from train.out_of_fold import CROSSVAL_STATE
from train.run import Run, read_run
from train.split import Split


@dataclass(frozen=True)
class Fold:
    """A finished run and whom it is judged on.

    Attributes:
        number: of the fold, from 1.
        folder: of the run.
        run: what it holds.
        data: all cells, in the parts of the run.
        judged: the part to judge on: report, or select where it shall choose a recipe.
    """

    number: int
    folder: Path
    run: Run
    data: Data
    judged: Literal["report", "select"]

    @property
    def held(self) -> npt.NDArray[np.int64]:
        """Positions of the cells to judge on, int64."""
        return self.data.part(self.judged)


def read_folds(folder: Path, dataset: Dataset, groups: dict[str, str]) -> list[Fold]:
    """The runs of a finished cross-validation, each judged on its report part.

    Args:
        folder: of a finished `train crossval`.
        dataset: the same cells.
        groups: the group of each subject that is not alone.

    Raises:
        CompressError: no finished cross-validation of these cells there.
        EdgeClassifyError: something cannot be read.
    """
    runs = _runs(folder)
    config = runs[0].config
    splits = nested_splits(dataset, config, groups, folds=len(runs))
    data = load_data(dataset, config, groups, splits[0])
    if differing(json.loads((folder / CROSSVAL_STATE).read_text("utf-8")), crossval_identity(data, config, splits)):
        raise CompressError(f"{folder}: is a cross-validation of other cells or groups; give the same --data")
    parts = [dataclasses.replace(data, split=split) for split in splits]
    return [
        Fold(i, fold_folder(folder, i), run, part, "report")
        for i, (run, part) in enumerate(zip(runs, parts, strict=True), 1)
    ]


def read_selecting(folder: Path, dataset: Dataset, groups: dict[str, str]) -> Fold:
    """A run of three parts, judged on its select part, so that the report part goes on choosing nothing.

    Raises:
        CompressError: the run has learnt from its select part, or from everyone, or from other cells.
        EdgeClassifyError: something cannot be read.
    """
    run = read_run(folder)
    data = load_data(dataset, run.config, groups, Split(run.part_of))
    check_cells(folder, run, data)
    if data.split.is_everyone or run.teaching_sha256 is not None:
        raise CompressError(
            f"{folder}: has learnt from its select part, so nobody is left to choose a recipe by; give --crossval with "
            "a folder of `python -m train crossval`"
        )
    return Fold(1, folder, run, data, "select")


def check_cells(folder: Path, run: Run, data: Data) -> None:
    """Refuses other cells than a run has learnt from.

    Raises:
        CompressError: says whose.
    """
    if data.fingerprint != run.data_sha256:
        raise CompressError(f"{folder}: was trained on other cells than these; give the same --data")


def choose_folds(folds: Sequence[Fold], numbers: Sequence[int]) -> list[Fold]:
    """The folds of these numbers; all where there are none.

    Raises:
        CompressError: a number that is no fold's.
    """
    for number in numbers:
        if not 1 <= number <= len(folds):
            raise CompressError(f"no fold {number}; there are folds 1 to {len(folds)}")
    return [fold for fold in folds if not numbers or fold.number in numbers]


def _runs(folder: Path) -> list[Run]:
    try:
        folds = json.loads((folder / CROSSVAL_STATE).read_text("utf-8"))["folds"]
        return [read_run(fold_folder(folder, fold)) for fold in range(1, folds + 1)]
    except (OSError, ValueError, KeyError, TrainError):
        raise CompressError(
            f"{folder}: no finished cross-validation; `python -m train crossval --out {folder}` makes one"
        ) from None
