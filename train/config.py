"""The training settings: frozen types, read from one TOML file in which every key must be known."""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from edge_runtime.contract import InputSpec
from edge_runtime.errors import EdgeClassifyError
from edge_runtime.strict_json import StrictJsonError, read_value
from train.errors import TrainError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

DEFAULT_CONFIG = Path(__file__).parent / "default.toml"


def _check(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


@dataclass(frozen=True)
class NetworkConfig:
    """The network.

    Attributes:
        stem: channels of the first convolution.
        channels: of each depthwise-separable block.
        strides: of each block, 1 or 2.
        weight_decay: L2 factor on the convolutions.
        pretrained: file in the folder of weights that the network starts from; empty starts at random.
    """

    stem: int
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    weight_decay: float
    pretrained: str

    def __post_init__(self) -> None:
        _check(self.stem > 0 and all(c > 0 for c in self.channels), "channels must be positive")
        _check(bool(self.channels) and len(self.channels) == len(self.strides), "channels and strides must be as many")
        _check(all(s in (1, 2) for s in self.strides), "strides must be 1 or 2")
        _check(self.weight_decay >= 0, "weight_decay must be 0 or more")


@dataclass(frozen=True)
class AugmentConfig:
    """How far each random change goes; 0 or false switches it off.

    Attributes:
        rotate: by any angle.
        mirror: left to right.
        scale: size changes by a factor of exp(-scale) to exp(scale).
        shift: in parts of the picture's side.
        stain: optical density of each channel changes by exp(-stain) to exp(stain).
        brightness: light changes by exp(-brightness) to exp(brightness).
        sharpness: fine detail is weakened or strengthened by up to this share.
    """

    rotate: bool
    mirror: bool
    scale: float
    shift: float
    stain: float
    brightness: float
    sharpness: float

    def __post_init__(self) -> None:
        for name in ("scale", "shift", "stain", "brightness", "sharpness"):
            _check(0 <= getattr(self, name) <= 1, f"{name} must be 0 to 1")


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
        subject_power: a subject group of n cells weighs n ** (1 - subject_power); classes then weigh the same.
        abstain_share: share of the select cells that the abstain band is to hold.
        seed: of the split, the weights, the order and the augmentation.
    """

    epochs: int
    batch: int
    learning_rate: float
    warmup_epochs: int
    label_smoothing: float
    average: float
    subject_power: float
    abstain_share: float
    seed: int

    def __post_init__(self) -> None:
        _check(self.epochs >= 1 and self.batch >= 1, "epochs and batch must be 1 or more")
        _check(0 < self.learning_rate <= 1, "learning_rate must be over 0, at most 1")
        _check(self.warmup_epochs >= 0, "warmup_epochs must be 0 or more")
        _check(0 <= self.label_smoothing < 1, "label_smoothing must be 0 to 1")
        _check(0 <= self.average < 1, "average must be 0 to 1")
        _check(0 <= self.subject_power <= 1, "subject_power must be 0 to 1")
        _check(0 <= self.abstain_share < 1, "abstain_share must be 0 to 1")
        _check(0 <= self.seed < 2**31, "seed must be 0 to 2147483647")


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
    """The picture's part of the contract: see `edge_runtime.contract.InputSpec`."""

    crop: int
    size: int

    def __post_init__(self) -> None:
        self.spec  # noqa: B018 - its own checks name what is out of range

    @property
    def spec(self) -> InputSpec:
        """As the contract writes it. The network reads pixels / 255, so that uint8 pixels need no arithmetic."""
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

    def __post_init__(self) -> None:
        _check(bool(self.name.strip()) and bool(self.data.strip()), "name and data must not be empty")


def read_config(path: Path = DEFAULT_CONFIG) -> Config:
    """Reads a configuration.

    Raises:
        TrainError: not TOML, or a key that is missing, unknown, ill-typed or out of range; the message names it.
    """
    return read_toml(path, Config, TrainError)


def config_toml(config: Config) -> str:
    """A configuration as TOML text that `read_config` reads."""
    return tomli_w.dumps(dataclasses.asdict(config))


def read_toml(path: Path, cls: type[T], error_class: type[EdgeClassifyError]) -> T:
    """Reads a frozen dataclass from TOML; what is wrong raises `error_class` with a message that names file and key."""
    try:
        return read_value(parse_toml(path, error_class), cls)
    except StrictJsonError as error:
        raise error_class(f"{path}: {error}") from None


def parse_toml(path: Path, error_class: type[EdgeClassifyError]) -> dict[str, Any]:
    """Reads TOML into dicts; what is wrong raises `error_class` with a message that names the file."""
    try:
        with open(path, "rb") as file:
            document: dict[str, Any] = tomllib.load(file)
    except OSError as error:
        raise error_class(f"{path}: cannot be read ({error.strerror}); give a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise error_class(f"{path}: not TOML: {error}") from None
    return document
