"""The training settings: frozen types, read from one TOML file in which every key must be known."""

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import tomli_w

from edge_runtime.contract import InputSpec
from edge_runtime.errors import EdgeClassifyError
from edge_runtime.strict_json import StrictJsonError, read_value
from train.density import density_table
from train.errors import TrainError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

DEFAULT_CONFIG = Path(__file__).parent / "default.toml"
IMAGENET = "imagenet"

_LARGEST_WIDTH = 4.0

# Of a prepared picture; more leaves no structure to tell cells by.
_STRONGEST_BLUR_PX = 8
_BEST_JPEG = 100


def _check(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


@dataclass(frozen=True)
class NetworkConfig:
    """The network.

    Attributes:
        stem: channels of the first convolution of `compact`; the other architectures have channels of their own.
        channels: of each depthwise-separable block of `compact`.
        strides: of each block of `compact`, 1 or 2.
        weight_decay: L2 factor on the convolutions.
        pretrained: file in the folder of weights that the network starts from; `imagenet` are the weights that come
            with Keras, over the net; empty starts at random.
        architecture: one of `train/architectures`.
        width: factor on the channels of `mobilenet_v1` and `mobilenet_v2`; `compact` says its channels itself.
        stain_front: whether it reads optical density and begins with a learnable colour transform.
    """

    stem: int
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    weight_decay: float
    pretrained: str
    architecture: Literal["compact", "mobilenet_v1", "mobilenet_v2"] = "compact"
    width: float = 1.0
    stain_front: bool = False

    def __post_init__(self) -> None:
        _check(self.stem > 0 and all(c > 0 for c in self.channels), "channels must be positive")
        _check(bool(self.channels) and len(self.channels) == len(self.strides), "channels and strides must be as many")
        _check(all(s in (1, 2) for s in self.strides), "strides must be 1 or 2")
        _check(0 <= self.weight_decay <= 1, "weight_decay must be 0 to 1")
        _check(0 < self.width <= _LARGEST_WIDTH, f"width must be over 0, at most {_LARGEST_WIDTH:g}")


@dataclass(frozen=True)
class AugmentConfig:
    """How far each random change goes; 0, false or none switches it off.

    Attributes:
        rotate: by "any" angle; by a "quarter" turn or several, which mix no pixels as other angles do; or "none".
        mirror: left to right.
        scale: size changes by a factor of exp(-scale) to exp(scale).
        shift: in parts of the picture's side; by whole pixels where nothing else mixes them.
        stain: optical density of each channel changes by exp(-stain) to exp(stain).
        brightness: light changes by exp(-brightness) to exp(brightness).
        sharpness: fine detail is weakened or strengthened by up to this share.
        density: optical density of all channels together changes by exp(-density) to exp(density); the hue stays.
        blur: largest standard deviation of a Gaussian blur, in pixels of the prepared picture.
        jpeg: lowest quality of a JPEG re-compression, 1 to 100.
        erase: side of a square made black, in parts of the picture's side.
    """

    rotate: Literal["any", "quarter", "none"]
    mirror: bool
    scale: float
    shift: float
    stain: float
    brightness: float
    sharpness: float
    density: float
    blur: float
    jpeg: int
    erase: float

    def __post_init__(self) -> None:
        for name in ("scale", "shift", "stain", "brightness", "sharpness", "density", "erase"):
            _check(0 <= getattr(self, name) <= 1, f"{name} must be 0 to 1")
        _check(0 <= self.blur <= _STRONGEST_BLUR_PX, f"blur must be 0 to {_STRONGEST_BLUR_PX}")
        _check(0 <= self.jpeg <= _BEST_JPEG, f"jpeg must be 0 to {_BEST_JPEG}")


@dataclass(frozen=True)
class FitConfig:
    """The optimisation.

    Attributes:
        epochs: passes over the train part.
        batch: pictures a step.
        learning_rate: at the end of the warm-up; then a cosine down to 0.
        warmup_epochs: of linear rise.
        label_smoothing: share of the target spread over all labels.
        average: momentum of the exponential moving average of the weights that is evaluated and kept.
        subject_power: a subject group of n cells weighs n ** (1 - subject_power).
        balance_classes: classes then weigh the same.
        cells_per_group: an epoch draws at most so many cells of each subject group, others each time; 0 takes all.
        mixup: alpha of the Beta distribution that two pictures are mixed by; 0 mixes none.
        patience: epochs without a better select score after which training ends; 0 goes on to the last.
        abstain_share: share of the cells that the abstain band is to hold: of the out-of-fold predictions where they
            are given, else of the select part, which a network with a teacher has learnt from.
        seed: of the split, the weights, the order and the augmentation.
    """

    epochs: int
    batch: int
    learning_rate: float
    warmup_epochs: int
    label_smoothing: float
    average: float
    subject_power: float
    balance_classes: bool
    cells_per_group: int
    mixup: float
    patience: int
    abstain_share: float
    seed: int

    def __post_init__(self) -> None:
        _check(self.epochs >= 1 and self.batch >= 1, "epochs and batch must be 1 or more")
        _check(0 < self.learning_rate <= 1, "learning_rate must be over 0, at most 1")
        _check(0 <= self.warmup_epochs <= self.epochs, "warmup_epochs must be 0 to epochs")
        _check(0 <= self.label_smoothing < 1, "label_smoothing must be 0 to 1")
        _check(0 <= self.average < 1, "average must be 0 to 1")
        _check(0 <= self.subject_power <= 1, "subject_power must be 0 to 1")
        _check(self.cells_per_group >= 0, "cells_per_group must be 0 or more")
        _check(self.mixup >= 0, "mixup must be 0 or more")
        _check(self.patience >= 0, "patience must be 0 or more")
        _check(0 <= self.abstain_share < 1, "abstain_share must be 0 to 1")
        _check(0 <= self.seed < 2**31, "seed must be 0 to 2147483647")


@dataclass(frozen=True)
class DistillationConfig:
    """How much a teacher has to say (Hinton et al. 2015, arXiv 1503.02531).

    Attributes:
        weight: share of the teacher's answer in what the network learns; the rest is the label. With 0 there is no
            teacher and the select part chooses epoch and calibration; otherwise train and select part are both learnt
            from, the last epoch is kept, and answers turn where the teacher's do.
    """

    weight: float

    def __post_init__(self) -> None:
        _check(0 <= self.weight <= 1, "weight must be 0 to 1")


@dataclass(frozen=True)
class DecisionConfig:
    """Where the device decides, and when it does not answer.

    Attributes:
        sensitivity: wanted for the first label, below 1; 0 states none: the operating point is calibrated 0.5. Counts
            where out-of-fold predictions are given.
        false_alarms: share of real cells that the guard may call unlike the training cells, 0 to 0.1.
    """

    sensitivity: float
    false_alarms: float

    def __post_init__(self) -> None:
        _check(0 <= self.sensitivity < 1, "sensitivity must be 0 to 1")
        _check(0 <= self.false_alarms <= 0.1, "false_alarms must be 0 to 0.1")


@dataclass(frozen=True)
class SplitConfig:
    """Wanted shares of the cells in the three parts."""

    train: float
    select: float
    report: float

    def __post_init__(self) -> None:
        shares = (self.train, self.select, self.report)
        _check(all(share > 0 for share in shares), "shares must be positive")
        _check(abs(sum(shares) - 1) < 1e-6, "train, select and report must sum to 1")

    @property
    def shares(self) -> tuple[float, float, float]:
        """In the order of the parts."""
        return self.train, self.select, self.report


@dataclass(frozen=True)
class PictureConfig:
    """What of a picture is seen, and how large: see `edge_runtime.contract.InputSpec`."""

    crop: int
    size: int

    def __post_init__(self) -> None:
        self.spec  # noqa: B018 - its own checks name what is out of range

    @property
    def spec(self) -> InputSpec:
        """How light becomes pixels. The network reads pixels / 255, so that uint8 pixels need no arithmetic."""
        return InputSpec(
            crop=self.crop, size=self.size, colour_order="rgb", interpolation="area", scale=1 / 255, offset=0.0
        )


@dataclass(frozen=True)
class Config:
    """One run's settings.

    Attributes:
        name: of the model.
        data: name, source and licence of the data; shown wherever results are.
    """

    name: str
    data: str
    picture: PictureConfig
    split: SplitConfig
    network: NetworkConfig
    augment: AugmentConfig
    fit: FitConfig
    distillation: DistillationConfig
    decision: DecisionConfig

    def __post_init__(self) -> None:
        _check(bool(self.name.strip()) and bool(self.data.strip()), "name and data must not be empty")
        _check(not (self.fit.patience and self.distillation.weight), "patience needs a select part: set it to 0")

    @property
    def device_input(self) -> InputSpec:
        """The input part of the contract: the picture's, and the table where the network reads optical density."""
        table = density_table() if self.network.stain_front else None
        return dataclasses.replace(self.picture.spec, optical_density_table=table)


def read_config(path: Path = DEFAULT_CONFIG) -> Config:
    """Reads a configuration.

    Raises:
        TrainError: not TOML, or a key that is missing, unknown, ill-typed or out of range; the message names it.
    """
    return read_toml(path, Config, TrainError)


def config_toml(config: Config) -> str:
    """A configuration as TOML text that `read_config` reads."""
    return tomli_w.dumps(dataclasses.asdict(config))


def with_values(config: Config, values: dict[str, Any]) -> Config:
    """The settings with other values for some dotted keys.

    Raises:
        TrainError: an unknown key, or a value that the settings refuse.
    """
    document = json.loads(json.dumps(dataclasses.asdict(config)))
    for key, value in values.items():
        *tables, name = key.split(".")
        table = document
        for part in tables:
            table = table.get(part) if isinstance(table, dict) else None
        if not isinstance(table, dict) or name not in table:
            raise TrainError(f"key {key!r} is unknown to the settings")
        table[name] = value
    try:
        return read_value(document, Config)
    except StrictJsonError as error:
        raise TrainError(str(error)) from None


def read_toml(path: Path, cls: type[T], error_class: type[EdgeClassifyError]) -> T:
    """Reads a frozen dataclass from TOML; what is wrong raises `error_class` with a message that names file and key."""
    document = read_document(path, error_class)
    try:
        return read_value(document, cls)
    except StrictJsonError as error:
        raise error_class(f"{path}: {error}") from None


def read_document(path: Path, error_class: type[EdgeClassifyError]) -> dict[str, Any]:
    """Reads TOML as it stands; a file that cannot be read or is none raises `error_class` with a message naming it."""
    try:
        with open(path, "rb") as file:
            document: dict[str, Any] = tomllib.load(file)
    except OSError as error:
        raise error_class(f"{path}: cannot be read ({error.strerror}); give a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise error_class(f"{path}: not TOML: {error}") from None
    return document
