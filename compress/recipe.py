"""The compression settings: frozen types, read from one TOML file in which every key must be known."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compress.channel_config import ChannelConfig
from compress.errors import CompressError
from train.config import read_toml

Precision = Literal["fp32", "ptq8", "qat8"]

DEFAULT_RECIPE = Path(__file__).parent / "default.toml"


@dataclass(frozen=True)
class StageConfig:
    """Fine-tuning of one stage.

    Attributes:
        epochs: passes over the train part.
        learning_rate: peak of the warm-up and cosine.
    """

    epochs: int
    learning_rate: float

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError("epochs must be 1 or more")
        if not 0 < self.learning_rate <= 1:
            raise ValueError("learning_rate must be over 0, at most 1")


@dataclass(frozen=True)
class Tolerance:
    """How far the exported model may be from the float one: on the report part, or on everyone and out of fold.

    Attributes:
        flips: share of cells whose label differs.
        weighted_f1: difference in weighted F1.
    """

    flips: float
    weighted_f1: float

    def __post_init__(self) -> None:
        if not (0 <= self.flips <= 1 and 0 <= self.weighted_f1 <= 1):
            raise ValueError("flips and weighted_f1 are shares, 0 to 1")


@dataclass(frozen=True)
class Recipe:
    """One way to compress.

    Attributes:
        name: shown with the model; `compress.recipe_names` gives names that say the rest.
        precision: what the file computes in: float32, int8 after training, or int8 trained for.
        distil: fine-tuning learns the float network's answers; else the labels.
        sparsity: share of the pointwise kernels' weights set to zero, 0 to 0.95; 0 leaves pruning out.
        channels: whole channels to remove first.
        prune: fine-tuning while weights are removed.
        quantise: quantization-aware training.
        calibration_cells: train cells the converter sees.
        cell_um: diameter in micrometres of the data set's middle cell, from which the scale of its pictures follows.
        tolerance: beyond it no bundle is written.
    """

    name: str
    precision: Precision
    distil: bool
    sparsity: float
    channels: ChannelConfig
    prune: StageConfig
    quantise: StageConfig
    calibration_cells: int
    cell_um: float
    tolerance: Tolerance

    @property
    def is_int8(self) -> bool:
        """Whether the file computes in integers."""
        return self.precision != "fp32"

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity <= 0.95:
            raise ValueError("sparsity must be 0 to 0.95")
        if self.calibration_cells < 1:
            raise ValueError("calibration_cells must be 1 or more")
        if not 1 <= self.cell_um <= 100:
            raise ValueError("cell_um must be 1 to 100")


def read_recipe(path: Path = DEFAULT_RECIPE) -> Recipe:
    """Reads a recipe.

    Raises:
        CompressError: not TOML, or a key that is missing, unknown, ill-typed or out of range; the message names it.
    """
    return read_toml(path, Recipe, CompressError)
