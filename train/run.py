"""A finished training run: what `fit` leaves in its folder for `evaluate` and `compress`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tf_keras as keras

from edge_runtime.strict_json import StrictJsonError, read_value
from train.config import Config
from train.errors import TrainError

STATE, NETWORK = "run.json", "network.keras"


@dataclass(frozen=True)
class Run:
    """What `run.json` holds once a run has finished.

    Attributes:
        config: the settings.
        data_sha256: fingerprint of the data set.
        labels: class names.
        part_of: the part of every subject group.
        teaching_sha256: of the teacher's answers; null without a teacher.
        abstain_band: low and high.
        decided_on: what calibration and abstain band were fitted on, in words.
        best_epoch: the one whose averaged weights were kept.
        select_auroc: of that epoch; null where nothing was selected.
    """

    config: Config
    data_sha256: str
    labels: tuple[str, ...]
    part_of: dict[str, str]
    teaching_sha256: str | None
    abstain_band: tuple[float, ...]
    decided_on: str
    best_epoch: int
    select_auroc: float | None

    @property
    def judged_groups(self) -> set[str]:
        """The subject groups of the report part, or of everyone where everyone was learnt from."""
        return {group for group, part in self.part_of.items() if part == "report"} or set(self.part_of)


def read_run(folder: Path) -> Run:
    """Reads a finished run.

    Raises:
        TrainError: no finished run there.
    """
    try:
        document = json.loads((folder / STATE).read_text("utf-8"))
        return read_value(document, Run)
    except OSError:
        raise TrainError(f"{folder}: no training run here; `python -m train fit --run {folder}` makes one") from None
    except (ValueError, StrictJsonError):
        raise TrainError(f"{folder}: the run is not finished; `python -m train fit --run {folder}` goes on") from None


def load_network(folder: Path) -> Any:
    """The float network of a finished run, its probabilities calibrated.

    Raises:
        TrainError: it cannot be read.
    """
    try:
        return keras.models.load_model(folder / NETWORK, compile=False)
    except (OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise TrainError(f"{folder / NETWORK}: cannot be read ({first_line}); fit it again") from None
