"""A data set ready to train on: cells, pixels, subject groups and the part each group is in."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.findings.names import natural_key
from edge_runtime.preprocess import PixelArray
from train.config import Config
from train.dataset import Dataset, check_labels, fingerprint, label_indices, load_pixels, several_labels
from train.groups import groups_of
from train.loop import Examples, Floats
from train.shallow import Shallow, shallow_features
from train.split import Split, learn_from_everyone, split_groups
from train.weights import cell_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """A data set with its pixels, groups and split.

    Attributes:
        dataset: the cells.
        pixels: uint8 `[n, size, size, 3]`.
        groups: the subject group of each cell.
        split: the part of each group.
        fingerprint: of cells, subjects, labels and pixels.
        features: of each cell, where a teacher is to look at them.
    """

    dataset: Dataset
    pixels: PixelArray
    groups: list[str]
    split: Split
    fingerprint: str
    features: Shallow | None = None

    def part(self, *names: str) -> npt.NDArray[np.int64]:
        """Positions of the cells of `train`, `select` or `report`, or of several of these, rising."""
        return np.array(sorted(i for name in names for i in self.split.indices(self.groups, name)), np.int64)

    @property
    def not_reported(self) -> npt.NDArray[np.int64]:
        """Positions of the cells outside the report part, rising."""
        return np.setdiff1d(np.arange(len(self.groups)), self.part("report"))

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """int64 `[n]`."""
        return label_indices(self.dataset.cells, self.dataset.labels)

    def weights(self, chosen: npt.NDArray[np.int64], config: Config, *, balance_classes: bool) -> Floats:
        """float32 `[cells chosen]`, mean 1.

        Args:
            chosen: positions of cells, int64.
            config: says how much a large subject counts.
            balance_classes: every class weighs the same.
        """
        return cell_weights(
            [self.groups[i] for i in chosen],
            [self.dataset.cells[i].label for i in chosen],
            subject_power=config.fit.subject_power,
            balance_classes=balance_classes,
        )

    def examples(self, config: Config) -> Examples:
        """The train part."""
        return self.choose(self.part("train"), config)

    def choose(self, chosen: npt.NDArray[np.int64], config: Config, wanted: Floats | None = None) -> Examples:
        """Chosen cells to train on.

        Args:
            chosen: positions of cells, int64 `[n]`.
            config: says how they weigh.
            wanted: float32 `[n, labels]`, what the network is to answer, where it is not the labels.
        """
        weights = self.weights(chosen, config, balance_classes=config.fit.balance_classes)
        groups = tuple(self.groups[i] for i in chosen)
        return Examples(self.pixels[chosen], self.targets[chosen], weights, groups, wanted)


def load_data(
    dataset: Dataset,
    config: Config,
    groups: dict[str, str],
    split: Split | None = None,
    *,
    everyone: bool = False,
) -> Data:
    """Reads every cell and splits the subjects.

    Args:
        dataset: the cells.
        config: the settings.
        groups: the group of each subject that is not alone.
        split: the part of each group; follows from the settings when not given.
        everyone: put all groups into the train part instead.

    Raises:
        TrainError: the split is not possible.
        PictureError: a cell cannot be read.
    """
    check_labels(dataset)
    group_list = groups_of([cell.subject for cell in dataset.cells], groups)
    labels = [cell.label for cell in dataset.cells]
    if mixed := sorted(several_labels(dataset.cells), key=natural_key):
        log.info("subjects with several labels, who are split by the one of most of their cells: %s", ", ".join(mixed))
    if everyone:
        split = learn_from_everyone(group_list)
    split = split or split_groups(group_list, labels, config.split.shares, config.fit.seed)
    log.info("reading %d cells", len(dataset.cells))
    pixels = load_pixels(dataset.cells, config.picture.spec)
    return Data(dataset, pixels, group_list, split, fingerprint(dataset, pixels))


def with_features(data: Data, config: Config, weights: Path) -> Data:
    """The same cells, looked at for a teacher where the settings give one weight and nobody has looked yet.

    Args:
        data: the cells.
        config: the settings.
        weights: the folder that holds the files of `train.trunk.TRUNKS`.

    Raises:
        TrainError: a file of weights that cannot be read.
        PictureError: a cell that cannot be read.
    """
    if not config.distillation.weight or data.features is not None:
        return data
    log.info("looking at %d cells for the teacher", len(data.dataset.cells))
    return dataclasses.replace(data, features=shallow_features(data.dataset.cells, weights))
