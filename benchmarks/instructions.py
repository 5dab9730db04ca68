"""How many instructions a Raspberry Pi executes for a picture: counted under QEMU, repeatable where time is not.

`count_instructions` is what another room asks for a `.tflite`; from `compress`, which must not import this room, by
`python -m benchmarks instructions FILE --json counts.json`.
"""

import json
import os
import statistics
import subprocess
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.boards import BOARDS
from benchmarks.operators import cut_off
from benchmarks.pictures import FLOAT_MODEL
from benchmarks.userland import Userland, UserlandError, userland
from edge_runtime.classifier import DEFAULT_MODEL

_HERE = Path(__file__).parent
_SOURCE = _HERE / "instruction_counter.c"
_COUNTED = _HERE / "counted.py"
_WEIGHTS_VARIABLE, _DEFAULT_WEIGHTS = "EDGE_CLASSIFY_WEIGHTS", "../shared/weights"
_MOBILENET = "mobilenet_v1_0.25_128_quant.tflite"
REPEATS = 5
RELEASE = "trixie"  # today's Raspberry Pi OS
# What LiteRT says when its fast kernels run; without it the counts would be another program's.
_XNNPACK = "Created TensorFlow Lite XNNPACK delegate"


@dataclass(frozen=True)
class Count:
    """The instructions of one stage.

    Attributes:
        stage: `decode`, `preprocess`, `invoke`, `decide`, `guard`, or all from picture to decision.
        median: of the runs.
        spread: largest less smallest.
    """

    stage: str
    median: int
    spread: int


@dataclass(frozen=True)
class Instructions:
    """What one model costs on one board.

    Attributes:
        model: the file's name.
        board: a key of `BOARDS`.
        cpu: the processor played.
        counts: by stage; a bare `.tflite` has `invoke` alone.
    """

    model: str
    board: str
    cpu: str
    counts: tuple[Count, ...]

    def of(self, stage: str) -> int:
        """The median of one stage.

        Raises:
            KeyError: no such stage.
        """
        return {count.stage: count.median for count in self.counts}[stage]


def count_instructions(model: Path, board: str, *, repeats: int = REPEATS) -> Instructions:
    """Counts what one inference executes, with XNNPACK and one thread.

    Args:
        model: a bundle or a bare `.tflite`.
        board: a key of `BOARDS`.
        repeats: counted runs of each stage.

    Raises:
        UserlandError: no userland can be had here, the model does not run, or XNNPACK did not take it.
    """
    _check_file(model)
    return Instructions(model.name, board, BOARDS[board].cpu, _count(model, board, repeats))


def count_operators(model: Path, board: str, *, repeats: int = REPEATS) -> Instructions:
    """Counts what each operator of a network adds to one inference: cut off behind it, less cut off before it.

    A piece also copies out what the whole network hands on inside. Arguments and errors are those of
    `count_instructions`; what was counted are the operators in their order, by number and name.
    """
    _check_file(model)
    added, before = [], 0
    with TemporaryDirectory() as scratch:
        piece = Path(scratch) / "piece.tflite"
        pieces = cut_off(model.read_bytes())
        for number, (name, data) in enumerate(pieces, 1):
            piece.write_bytes(data)
            # What comes before the first convolution XNNPACK leaves alone.
            (count,) = _count(piece, board, repeats, by_xnnpack=number == len(pieces))
            added.append(Count(f"{number} {name}", count.median - before, count.spread))
            before = count.median
    return Instructions(model.name, board, BOARDS[board].cpu, tuple(added))


def _check_file(model: Path) -> None:
    if not model.is_file():
        raise UserlandError(f"{model}: no such file; give a .tflite")


def _count(model: Path, board: str, repeats: int, *, by_xnnpack: bool = True) -> tuple[Count, ...]:
    place = _place()
    with TemporaryDirectory() as scratch:
        marks = Path(scratch) / "marks"
        plugin = f"{_build(place.folder.parent)},out={marks}"
        done = place.run("-P", _COUNTED, str(repeats), model.resolve(), board=BOARDS[board], plugin=plugin)
        if by_xnnpack and _XNNPACK not in done.stderr:
            raise UserlandError(f"{model}: XNNPACK did not take the model; its counts would be of other kernels")
        at = [int(line) for line in marks.read_text("ascii").split()]
    stages = done.stdout.split("\n")[:-1]
    runs: dict[str, list[int]] = {}
    for stage, before, after in zip(stages, at[::2], at[1::2], strict=True):
        runs.setdefault(stage, []).append(after - before)
    return tuple(
        Count(stage, round(statistics.median(values)), max(values) - min(values)) for stage, values in runs.items()
    )


def default_models() -> list[Path]:
    """The shipped bundle, its float network, and the MobileNetV1 0.25/128 of the same input, where they are."""
    weights = _HERE.parent / os.environ.get(_WEIGHTS_VARIABLE, _DEFAULT_WEIGHTS)
    return [DEFAULT_MODEL, *filter(Path.is_file, (FLOAT_MODEL, weights / _MOBILENET))]


def as_json(results: list[Instructions]) -> str:
    """A list of objects with the fields of `Instructions`."""
    return json.dumps([asdict(result) for result in results], indent=1) + "\n"


def markdown_of(results: list[Instructions]) -> str:
    """A table of millions of instructions, a row a model and board."""
    stages = list(dict.fromkeys(count.stage for result in results for count in result.counts))
    lines = [
        f"| model | board | {' | '.join(stages)} |",
        f"| --- | --- | {' | '.join('---:' for _ in stages)} |",
    ]
    for result in results:
        known = {count.stage: f"{count.median / 1e6:.2f} M" for count in result.counts}
        cells = " | ".join(known.get(stage, "") for stage in stages)
        lines.append(f"| {result.model} | {BOARDS[result.board].name} | {cells} |")
    return "\n".join(lines)


def operators_table(results: list[Instructions]) -> str:
    """A table of millions of instructions, of `count_operators` of one model: an operator a row, a board a column."""
    lines = [
        f"| {results[0].model} | {' | '.join(BOARDS[result.board].name for result in results)} |",
        f"| --- | {' | '.join('---:' for _ in results)} |",
    ]
    for name in (count.stage for count in results[0].counts):
        lines.append(f"| {name} | {' | '.join(f'{result.of(name) / 1e6:.3f} M' for result in results)} |")
    return "\n".join(lines)


@cache
def _place() -> Userland:
    return userland(RELEASE)


@cache
def _build(folder: Path) -> Path:
    """Compiles the counter into the cache."""
    library = folder / "instruction_counter.so"
    if not library.is_file() or library.stat().st_mtime < _SOURCE.stat().st_mtime:
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise UserlandError(f"the instruction counter does not compile: {done.stderr.splitlines()[0]}")
    return library
