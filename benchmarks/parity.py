"""Whether every way to run the network gives the same answers: runtimes, threads, kernels, processors, float, int8."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.pictures import FLOAT_MODEL, ROOT
from benchmarks.userland import RELEASES, Userland, userland, why_not
from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.interpreter import available_runtimes

_PROGRAM = Path(__file__).parent / "answers.py"
REFERENCE = "int8, LiteRT, XNNPACK, 1 thread, this machine"


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
    """One way to run the network against `REFERENCE`.

    Attributes:
        way: its name.
        pictures: how many were compared.
        flips: labels that differ.
        largest_difference: of any probability.
        bit_equal: pictures whose probabilities are equal to the last bit.
        pixels_equal: pictures whose network input is equal byte for byte.
        equality_due: whether both run the same kernels, so that every bit must be equal.
    """

    way: str
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


def answers_of(settings: Settings, *, place: Userland | None = None) -> list[Answer]:
    """Classifies in a process of its own, here or in a userland.

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
            done = subprocess.run(
                [sys.executable, _PROGRAM, asked, given],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                raise ParityError((done.stderr.strip().splitlines() or ["a classifying process died"])[-1])
        else:
            place.run("-P", _PROGRAM, asked, given)
        read = json.loads(given.read_text("utf-8"))
    return [Answer(one["decoded"], one["prepared"], tuple(one["probabilities"])) for one in read]


def compare(way: str, answers: Sequence[Answer], reference: Sequence[Answer], *, equality_due: bool = False) -> Parity:
    """Counts what differs between two runs over the same pictures.

    Raises:
        ValueError: not over the same number of pictures, or none.
    """
    mine, theirs = (np.array([one.probabilities for one in run]) for run in (answers, reference))
    if mine.shape != theirs.shape or not len(answers):
        raise ValueError(f"{len(answers)} answers beside {len(reference)}")
    return Parity(
        way,
        len(answers),
        int((mine.argmax(1) != theirs.argmax(1)).sum()),
        float(np.abs(mine - theirs).max()),
        int((mine == theirs).all(1).sum()),
        sum(one.prepared == other.prepared for one, other in zip(answers, reference, strict=True)),
        equality_due,
    )


def parity_matrix(pictures: Sequence[Path], *, emulated: int) -> tuple[list[Parity], list[str]]:
    """Runs the shipped network in every way that can be had here.

    Args:
        pictures: real cells.
        emulated: how many of them, spread evenly, go through QEMU, where a picture takes about a second.

    Returns:
        The comparisons, and a line for each way that could not be had.
    """
    base = Settings(tuple(path.resolve() for path in pictures))
    reference = answers_of(base)
    several = max(2, os.cpu_count() or 2)
    ways = {
        f"int8, LiteRT, XNNPACK, {several} threads": replace(base, threads=several),
        "int8, LiteRT, without XNNPACK": replace(base, xnnpack=False),
    }
    missing = []
    if "tflite-runtime" in available_runtimes():
        ways["int8, tflite-runtime"] = replace(base, runtime="tflite-runtime")
    else:
        missing.append("int8, tflite-runtime: not installed (pip install 'edge-classify[tflite-runtime]')")
    if FLOAT_MODEL.is_file():
        ways["float32, LiteRT"] = replace(base, model=FLOAT_MODEL)
    else:
        missing.append(f"float32, LiteRT: no {FLOAT_MODEL.relative_to(ROOT)} (`make model` makes it)")
    rows = []
    for way, settings in ways.items():
        try:
            same = replace(settings, threads=base.threads) == base  # threads share the work, not the arithmetic
            rows.append(compare(way, answers_of(settings), reference, equality_due=same))
        except ParityError as error:
            missing.append(f"{way}: {error}")
    reason = why_not()
    chosen = (
        [i * len(pictures) // emulated for i in range(emulated)] if emulated < len(pictures) else range(len(pictures))
    )
    for release in RELEASES:
        way = f"int8, LiteRT on aarch64, {release}"
        if reason:
            missing.append(f"{way}: {reason}")
        elif emulated:
            some = replace(base, pictures=tuple(base.pictures[i] for i in chosen))
            there = answers_of(some, place=userland(release))
            rows.append(compare(way, there, [reference[i] for i in chosen], equality_due=True))
    return rows, missing


def markdown_of(rows: Sequence[Parity], missing: Sequence[str]) -> str:
    """The matrix as a table, and what is missing from it."""
    lines = [
        f"Against: {REFERENCE}.",
        "",
        "| way | cells | input equal | labels that differ | largest difference | equal to the last bit | due |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {row.way} | {row.pictures:,} | {row.pixels_equal:,} | {row.flips} | {row.largest_difference:.4f} "
            f"| {row.bit_equal:,} | {'all' if row.equality_due else ''} |"
            for row in rows
        ),
    ]
    return "\n".join([*lines, *(f"\nNot measured: {line}." for line in missing)])
