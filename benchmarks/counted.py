"""Runs in a userland, under the counter: a model, or the stages of a picture, several times, with a mark before each.

`python counted.py REPEATS MODEL`. A bundle is counted by stage, a bare `.tflite` its network alone. Writes the names of
what was run, a line each run, in order; the counter writes the instructions so far at each mark.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from edge_runtime.bundle import read_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.errors import ModelError
from edge_runtime.guard import unlike
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import decode, prepare

MARK = 987654321  # as in instruction_counter.c
_WARM_UP = 2  # the first invoke packs weights


def _mark() -> None:
    try:
        os.getpriority(os.PRIO_PROCESS, MARK)
    except OSError:
        return  # there is no such process


def _stages(path: Path) -> dict[str, Callable[[], object]]:
    try:
        classifier = Classifier(read_bundle(path))
    except ModelError:
        return {"invoke": _bare(Interpreter(path.read_bytes()))}
    contract, picture = classifier.contract, decode(classifier.bundle.probe_picture)
    pixels = prepare(picture, contract.input)
    return {
        "decode": partial(decode, classifier.bundle.probe_picture),
        "preprocess": partial(prepare, picture, contract.input),
        "invoke": partial(classifier.run, pixels),
        "decide": partial(classifier.decide_output, classifier.run(pixels)),
        "guard": partial(unlike, pixels, contract.input.colour_order, contract.guard),
        "picture to decision": partial(classifier.classify, picture),
    }


def _bare(interpreter: Interpreter) -> Callable[[], object]:
    pixels = np.random.default_rng(0).integers(0, 256, interpreter.input.shape)
    return partial(interpreter.invoke, pixels.astype(interpreter.input.dtype))


def main() -> None:
    """Runs what the arguments name."""
    repeats, path = int(sys.argv[1]), Path(sys.argv[2])
    for name, stage in _stages(path).items():
        for _ in range(_WARM_UP):
            stage()
        for _ in range(repeats):
            _mark()
            stage()
            _mark()
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
