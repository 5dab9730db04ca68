"""ONNX Runtime on the same int8 network, converted by tf2onnx; decode and resize are those of the bare loop."""

import subprocess
import sys
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnxruntime

from benchmarks.bare_loop import Look, bare_input
from edge_runtime.bundle import read_bundle


def open_peer(model: Path) -> Look:
    """Converts and opens the model of a bundle.

    Raises:
        RuntimeError: tf2onnx cannot convert it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session: Any = onnxruntime.InferenceSession(_convert(model), options, providers=["CPUExecutionProvider"])
    name, input_of = session.get_inputs()[0].name, bare_input(read_bundle(model))

    def look(path: str | PathLike[str]) -> int:
        return int(session.run(None, {name: input_of(path)})[0][0].argmax())

    return look


def _convert(model: Path) -> bytes:
    with TemporaryDirectory() as scratch:
        made = Path(scratch) / "model.onnx"
        command = [sys.executable, "-m", "tf2onnx.convert", "--tflite", str(model), "--output", str(made)]
        done = subprocess.run(command, capture_output=True, text=True)
        if not made.is_file():
            raise RuntimeError((done.stderr.strip().splitlines() or ["tf2onnx does not convert it"])[-1])
        return made.read_bytes()
