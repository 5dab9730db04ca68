"""What a model must tell the device: the frozen types of `contract.json`."""

from dataclasses import dataclass
from typing import Literal

SCHEMA = 3

MAX_CROP = 4096
MAX_SIZE = 1024
PIXEL_VALUES = 256  # of 8 bits
CHANNELS = 3


@dataclass(frozen=True)
class StainReference:
    """How densely the training cells are stained, as `edge_runtime.stain` measures prepared pictures.

    Attributes:
        density: mean optical density of red, green and blue inside a cell.
        deviation: its standard deviation inside a cell.
    """

    density: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("density", "deviation"):
            values = getattr(self, name)
            if len(values) != CHANNELS or not all(value > 0 for value in values):
                raise ValueError(f"{name} must be {CHANNELS} positive values, of red, green and blue")


@dataclass(frozen=True)
class InputSpec:
    """How a picture becomes the network's input.

    Attributes:
        crop: side in pixels of the square cut from the middle of the picture; a smaller picture is padded with black.
        size: side in pixels of the network's input.
        colour_order: channel order the network reads.
        interpolation: how the crop becomes `size` pixels; `area` is the mean over the covered pixels, which is
            bit-equal on x86-64 and aarch64.
        scale: the network's real input is `scale * pixel + offset`, pixel in 0..255.
        offset: see `scale`.
        um_per_pixel: scale of the training pictures in micrometres, to which cells cut out of a field are brought; null
            for a model that knows no scale and so takes no fields.
        stain_reference: stain that cells cut out of a field are brought to; null leaves them as they are.
        optical_density_table: what each of the 256 pixel values becomes, 0..255, after the resize, for a model that
            reads optical density; null leaves the pixels as they are.
    """

    crop: int
    size: int
    colour_order: Literal["rgb", "bgr"]
    interpolation: Literal["area"]
    scale: float
    offset: float
    um_per_pixel: float | None = None
    stain_reference: StainReference | None = None
    optical_density_table: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 8 <= self.size <= MAX_SIZE:
            raise ValueError(f"size is {self.size}, must be 8 to {MAX_SIZE}")
        if not self.size <= self.crop <= MAX_CROP:
            raise ValueError(f"crop is {self.crop}, must be {self.size} (size) to {MAX_CROP}")
        if self.scale <= 0:
            raise ValueError(f"scale is {self.scale}, must be positive")
        if self.um_per_pixel is not None and self.um_per_pixel <= 0:
            raise ValueError(f"um_per_pixel is {self.um_per_pixel}, must be positive")
        table = self.optical_density_table
        if table is not None and len(table) != PIXEL_VALUES:
            raise ValueError(f"optical_density_table has {len(table)} values, must have {PIXEL_VALUES}")
        if table is not None and not all(0 <= value < PIXEL_VALUES for value in table):
            raise ValueError(f"optical_density_table must hold values of 0 to {PIXEL_VALUES - 1}")


@dataclass(frozen=True)
class Decision:
    """How the network's scores become an answer.

    The calibrated probabilities are softmax(logit_scale * log(score) + logit_offset) (Platt, 1999, for two labels;
    vector scaling, Guo et al. 2017, for more). With two labels 0.5 is then the operating point.

    Attributes:
        logit_scale: one positive factor for all labels.
        logit_offset: one offset per label.
        abstain_low: with two labels, the answer is `uncertain` when the probability of the first label lies strictly
            between `abstain_low` and `abstain_high`.
        abstain_high: see `abstain_low`; with more labels, the answer is `uncertain` below this probability.
    """

    logit_scale: float
    logit_offset: tuple[float, ...]
    abstain_low: float
    abstain_high: float

    def __post_init__(self) -> None:
        if self.logit_scale <= 0:
            raise ValueError(f"logit_scale is {self.logit_scale}, must be positive")
        if not 0 <= self.abstain_low <= 0.5 <= self.abstain_high <= 1:
            raise ValueError("abstain_low and abstain_high must be 0 to 0.5 and 0.5 to 1")


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % interval from a bootstrap over subject groups."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bound:
    """Between what a trait of a prepared picture lies in the training cells; see `edge_runtime.traits`."""

    trait: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, must be at most high, {self.high}")


@dataclass(frozen=True)
class Guard:
    """What a picture must be like to be answered at all; outside any bound the answer is `uncertain`.

    Attributes:
        bounds: one per trait.
        stated: share of real cells that were allowed to fall outside when the bounds were fitted.
        false_alarms: share of the report subjects' cells that falls outside, each subject group weighing the same.
    """

    bounds: tuple[Bound, ...]
    stated: float
    false_alarms: Interval


@dataclass(frozen=True)
class Scores:
    """What a model reached on the report subjects; all in 0..1, two-label scores with the first label as positive."""

    weighted_f1: Interval
    accuracy: Interval
    auroc: Interval
    sensitivity: Interval
    specificity: Interval


@dataclass(frozen=True)
class Provenance:
    """Where the model comes from.

    Attributes:
        commit: git commit of the project that made it.
        data: name, source and licence of the data.
        data_sha256: fingerprint over path, subject, label and pixels of every picture used.
        recipe: the training and compression settings, by name.
        report_subjects: the subjects the scores below were measured on.
        float_scores: the float network's, on the report subjects.
        int8_scores: those of the file itself, run through this package, on the same subjects.
        flips: share of report cells whose label differs between the two.
        date: UTC date, ISO 8601.
    """

    commit: str
    data: str
    data_sha256: str
    recipe: dict[str, str]
    report_subjects: tuple[str, ...]
    float_scores: Scores
    int8_scores: Scores
    flips: float
    date: str


@dataclass(frozen=True)
class ModelDigest:
    """Length in bytes and SHA-256 of the flatbuffer before the zip tail."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Contract:
    """Everything of a bundle that is not in the flatbuffer."""

    schema: int
    name: str
    labels: tuple[str, ...]
    input: InputSpec
    decision: Decision
    guard: Guard
    provenance: Provenance
    model: ModelDigest

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must be two or more different names")
        if any(not label or label != label.strip() for label in self.labels):
            raise ValueError("labels must be names without surrounding space")
        if len(self.decision.logit_offset) != len(self.labels):
            raise ValueError(
                f"decision.logit_offset has {len(self.decision.logit_offset)} values for {len(self.labels)} labels"
            )
