"""The parity matrix: every way to run a network that can be had here, each against the one it must agree with."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.parity import (
    Answer,
    Parity,
    ParityError,
    Settings,
    answers_before_export,
    answers_of,
    compare,
    markdown_of,
)
from benchmarks.peers.environment import PeerError, python_of
from benchmarks.peers.peer import TFLITE_RUNTIME
from benchmarks.pictures import FLOAT_MODEL
from benchmarks.userland import RELEASES, userland, why_not
from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.interpreter import available_runtimes

_XNNPACK, _PLAIN = "XNNPACK", "without XNNPACK"
REFERENCE = f"int8, LiteRT, {_XNNPACK}, 1 thread"
_FLOAT = f"float32, LiteRT, {_XNNPACK}, 1 thread"
_KERAS = {"float": "float, tf_keras", "quantised": "quantization-aware graph, tf_keras"}
_NEEDS_RUN = "give --run with the training run of the shipped model (`make model` makes both)"


@dataclass(frozen=True)
class Measured:
    """The whole matrix.

    Attributes:
        pictures: paths, for the record without their folders.
        rows: what was compared.
        missing: a line for each way that could not be had.
        answers: of each way, in the order of the pictures that it saw.
    """

    pictures: tuple[str, ...]
    rows: list[Parity] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Way:
    """A way on this machine.

    Attributes:
        name: of it.
        settings: how it runs.
        against: the way it is compared with.
        due: whether every bit must be equal. Threads share work, not arithmetic, except in TFLite's own float kernels,
            where they change the order of sums.
        python: of another environment.
    """

    name: str
    settings: Settings
    against: str
    due: bool = False
    python: Path | None = None


def measure_parity(
    pictures: Sequence[Path],
    *,
    emulated: int,
    model: Path = DEFAULT_MODEL,
    run: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Measured:
    """Runs a network in every way that can be had here.

    Args:
        pictures: real cells.
        emulated: how many of them, spread evenly, also go through QEMU, where each takes a second or more.
        model: the bundle.
        run: the training run that it was made from, with its networks before export; without it, these are left out
            and the float one is that of the shipped bundle.
        say: told what is run.
    """
    base = Settings(tuple(path.resolve() for path in pictures), bundle=model)
    float_model = FLOAT_MODEL if run is None else run.resolve() / FLOAT_MODEL.name
    measured = Measured(tuple(path.name for path in pictures))
    say(REFERENCE)
    measured.answers[REFERENCE] = answers_of(base)
    for way in _ways(base, float_model, measured.missing):
        say(way.name)
        try:
            answers = answers_of(way.settings, python=way.python)
        except ParityError as error:
            measured.missing.append(f"{way.name}: {error}")
            continue
        _add(measured, way.name, answers, against=way.against, due=way.due)
    for network, name in _KERAS.items():
        say(name)
        try:
            if run is None:
                raise ParityError(_NEEDS_RUN)
            answers = answers_before_export(run, base.pictures, of=None if network == "float" else model)
        except ParityError as error:
            measured.missing.append(f"{name}: {error}")
            continue
        _add(measured, name, answers, against=_FLOAT if network == "float" else REFERENCE)
    _emulate(measured, base, emulated, say)
    return measured


def write_parity(measured: Measured, folder: Path) -> None:
    """Writes `parity.json` (rows, missing, names of pictures), `parity.md`, and in `answers/` a JSON a way.

    Raises:
        OSError: it cannot be written.
    """
    (folder / "answers").mkdir(parents=True, exist_ok=True)
    document = {
        "pictures": measured.pictures,
        "rows": [asdict(row) for row in measured.rows],
        "missing": measured.missing,
    }
    (folder / "parity.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    (folder / "parity.md").write_text(markdown_of(measured.rows, measured.missing) + "\n", "utf-8")
    for way, answers in measured.answers.items():
        name = re.sub(r"[^a-z0-9]+", "-", way.lower()).strip("-")
        (folder / "answers" / f"{name}.json").write_text(json.dumps([asdict(one) for one in answers]), "utf-8")


def _ways(base: Settings, float_model: Path, missing: list[str]) -> list[_Way]:
    several = max(2, os.cpu_count() or 2)
    ways = _family("int8, LiteRT", base, several)[1:]
    python: Path | None = None
    try:
        if "tflite-runtime" not in available_runtimes():
            python = python_of(TFLITE_RUNTIME, install=False)
        settings = replace(base, runtime="tflite-runtime")
        ways += [replace(way, python=python) for way in _family("int8, tflite-runtime", settings, several)]
    except PeerError as error:
        missing.append(f"int8, tflite-runtime: {error}")
    if float_model.is_file():
        ways += _family("float32, LiteRT", replace(base, model=float_model), several)
    else:
        missing.append(f"float32, LiteRT: no {float_model.name} (`make model` makes it)")
    return ways


def _family(name: str, base: Settings, several: int) -> list[_Way]:
    """A runtime with and without XNNPACK, one thread and several; several against one, one against the reference."""
    ways = []
    for kernels in (_XNNPACK, _PLAIN):
        one = f"{name}, {kernels}, 1 thread"
        settings = replace(base, xnnpack=kernels == _XNNPACK)
        due = settings.xnnpack or settings.model is None
        ways.append(_Way(one, settings, REFERENCE))
        ways.append(_Way(f"{name}, {kernels}, {several} threads", replace(settings, threads=several), one, due=due))
    return ways


def _emulate(measured: Measured, base: Settings, count: int, say: Callable[[str], None]) -> None:
    total = len(base.pictures)
    chosen = [i * total // count for i in range(count)]
    for release, python in RELEASES.items():
        way = f"int8, LiteRT, aarch64, {release} (Python {python})"
        reason = why_not() or ("" if count else "--emulated 0")
        if reason:
            measured.missing.append(f"{way}: {reason}")
            continue
        say(f"{way}, {count} cells")
        answers = answers_of(replace(base, pictures=tuple(base.pictures[i] for i in chosen)), place=userland(release))
        measured.answers[way] = answers
        known = [measured.answers[REFERENCE][i] for i in chosen]
        measured.rows.append(compare(way, answers, known, against=REFERENCE, equality_due=True))


def _add(measured: Measured, way: str, answers: list[Answer], *, against: str, due: bool = False) -> None:
    """Compares with a way that was run; with the reference where that one could not be."""
    measured.answers[way] = answers
    other = against if against in measured.answers else REFERENCE
    row = compare(way, answers, measured.answers[other], against=other, equality_due=due and other == against)
    measured.rows.append(row)
