"""Whether every way to run the network gives the same answers: runtimes, threads, kernels, processors, float, int8."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.pictures import ROOT
from benchmarks.userland import Userland
from edge_runtime.classifier import DEFAULT_MODEL

_PROGRAM = Path(__file__).parent / "answers.py"


class ParityError(Exception):
    """A way to run the network failed; the message names it."""


@dataclass(frozen=True)
class Settings:
    """How pictures are classified.

    Attributes:
        pictures: their files.
        bundle: the model.
        model: another flatbuffer of the same network, such as the float one; None for the bundle's own.
        runtime: as in `Interpreter`; None for the default.
        threads: of one inference.
        xnnpack: whether its kernels are used.
    """

    pictures: tuple[Path, ...]
    bundle: Path = DEFAULT_MODEL
    model: Path | None = None
    runtime: str | None = None
    threads: int = 1
    xnnpack: bool = True


@dataclass(frozen=True)
class Answer:
    """What came of one picture.

    Attributes:
        decoded: SHA-256 of the decoded pixels.
        prepared: SHA-256 of the network's input.
        probabilities: one a label.
    """

    decoded: str
    prepared: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Parity:
    """One way to run the network against another.

    Attributes:
        way: its name.
        against: the other's.
        pictures: how many were compared.
        flips: labels that differ.
        largest_difference: of any probability.
        bit_equal: pictures whose probabilities are equal to the last bit.
        pixels_equal: pictures whose network input is equal byte for byte.
        equality_due: whether both run the same kernels, so that every bit must be equal.
    """

    way: str
    against: str
    pictures: int
    flips: int
    largest_difference: float
    bit_equal: int
    pixels_equal: int
    equality_due: bool = False

    @property
    def broken(self) -> bool:
        """Whether bits differ that must not."""
        return self.equality_due and min(self.bit_equal, self.pixels_equal) < self.pictures


def answers_of(settings: Settings, *, place: Userland | None = None, python: Path | None = None) -> list[Answer]:
    """Classifies in a process of its own, here or in a userland.

    Args:
        settings: how.
        place: the userland; None for this machine.
        python: of this machine; None for the one that runs this.

    Raises:
        ParityError: it failed.
        UserlandError: it failed in the userland.
    """
    with TemporaryDirectory() as scratch:
        asked, given = Path(scratch) / "settings.json", Path(scratch) / "answers.json"
        fields = {name: str(value) if isinstance(value, Path) else value for name, value in vars(settings).items()}
        asked.write_text(json.dumps(fields | {"pictures": [str(path) for path in settings.pictures]}), "utf-8")
        if place is None:
            # -P is not in Python 3.10; benchmarks/ holds no module of the standard library's names.
            _run([str(python or sys.executable), str(_PROGRAM), str(asked), str(given)])
        else:
            place.run("-P", _PROGRAM, asked, given)
        return _read(given)


def answers_before_export(run: Path, pictures: Sequence[Path], *, of: Path | None = None) -> list[Answer]:
    """Asks `python -m compress answers`, which this room must not import.

    Args:
        run: folder of the training run that the model was made from.
        pictures: their files.
        of: the bundle whose quantization-aware network is asked; None asks the float one.

    Raises:
        ParityError: it failed.
    """
    with TemporaryDirectory() as scratch:
        listed, given = Path(scratch) / "pictures.txt", Path(scratch) / "answers.json"
        listed.write_text("".join(f"{path}\n" for path in pictures), "utf-8")
        asked = ["--run", run, "--pictures", listed, "--out", given, *([] if of is None else ["--model", of])]
        _run([sys.executable, "-m", "compress", "answers", *map(str, asked)])
        return _read(given)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["a classifying process died"])[-1]
        raise ParityError(last.removeprefix("Error: "))


def _read(given: Path) -> list[Answer]:
    read = json.loads(given.read_text("utf-8"))
    return [Answer(one["decoded"], one["prepared"], tuple(one["probabilities"])) for one in read]


def compare(
    way: str,
    answers: Sequence[Answer],
    reference: Sequence[Answer],
    *,
    against: str = "",
    equality_due: bool = False,
) -> Parity:
    """Counts what differs between two runs over the same pictures.

    Raises:
        ValueError: not over the same number of pictures, or none.
    """
    mine, theirs = (np.array([one.probabilities for one in run]) for run in (answers, reference))
    if mine.shape != theirs.shape or not len(answers):
        raise ValueError(f"{len(answers)} answers beside {len(reference)}")
    return Parity(
        way,
        against,
        len(answers),
        int((mine.argmax(1) != theirs.argmax(1)).sum()),
        float(np.abs(mine - theirs).max()),
        int((mine == theirs).all(1).sum()),
        sum(one.prepared == other.prepared for one, other in zip(answers, reference, strict=True)),
        equality_due,
    )


def markdown_of(rows: Sequence[Parity], missing: Sequence[str]) -> str:
    """The matrix as a table, and what is missing from it."""
    lines = [
        "| way | against | cells | input equal | labels that differ | largest difference | equal bits | due |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {row.way} | {row.against} | {row.pictures:,} | {row.pixels_equal:,} | {row.flips} "
            f"| {row.largest_difference:.2g} | {row.bit_equal:,} | {'all' if row.equality_due else ''} |"
            for row in rows
        ),
    ]
    return "\n".join([*lines, *(f"\nNot measured: {line}." for line in missing)])
