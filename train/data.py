"""A data set ready to train on: cells, pixels, subject groups and the part each group is in."""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray
from train.config import Config
from train.dataset import Dataset, fingerprint, label_indices, load_pixels
from train.groups import groups_of
from train.loop import Examples
from train.split import Split, split_groups
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
    """

    dataset: Dataset
    pixels: PixelArray
    groups: list[str]
    split: Split
    fingerprint: str

    def part(self, name: str) -> npt.NDArray[np.int64]:
        """Positions of the cells of `train`, `select` or `report`."""
        return np.array(self.split.indices(self.groups, name), np.int64)

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """int64 `[n]`."""
        return label_indices(self.dataset.cells, self.dataset.labels)

    def weights(self, part: str, config: Config, *, balance_classes: bool) -> npt.NDArray[np.float32]:
        """float32 `[cells of the part]`, mean 1."""
        chosen = self.part(part)
        return cell_weights(
            [self.groups[i] for i in chosen],
            [self.dataset.cells[i].label for i in chosen],
            subject_power=config.fit.subject_power,
            balance_classes=balance_classes,
        )

    def examples(self, config: Config) -> Examples:
        """The train part."""
        chosen = self.part("train")
        weights = self.weights("train", config, balance_classes=True)
        return Examples(self.pixels[chosen], self.targets[chosen], weights, tuple(self.groups[i] for i in chosen))


def load_data(dataset: Dataset, config: Config, groups: dict[str, str], split: Split | None = None) -> Data:
    """Reads every cell and splits the subjects.

    Args:
        dataset: the cells.
        config: the settings.
        groups: the group of each subject that is not alone.
        split: the part of each group; follows from the settings when not given.

    Raises:
        TrainError: the split is not possible.
        PictureError: a cell cannot be read.
    """
    group_list = groups_of([cell.subject for cell in dataset.cells], groups)
    labels = [cell.label for cell in dataset.cells]
    split = split or split_groups(group_list, labels, config.split.shares, config.fit.seed)
    log.info("reading %d cells", len(dataset.cells))
    pixels = load_pixels(dataset.cells, config.picture.spec)
    return Data(dataset, pixels, group_list, split, fingerprint(dataset, pixels))
