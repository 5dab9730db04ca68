"""What a network may take: multiply-adds, or the bytes, time or instructions of its int8 file."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from compress.channel_config import ChannelConfig
from compress.errors import CompressError
from compress.export import export_int8
from compress.invoke_latency import invoking
from compress.size import multiply_adds
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import PixelArray
from edge_runtime.timing import percentiles_ms, time_in_turn

_CHECKOUT = Path(__file__).parent.parent
_BOARDS = {"instructions_pi4": "pi4", "instructions_pi5": "pi5"}
_COUNTED_STAGE = "invoke"
_ROUNDS = 200


class Budget:
    """A limit, and what networks take of it.

    File, time and instructions depend on a network's shape and hardly on its weights, so they are measured on a plain
    int8 export of the network as it stands, before it is trained again.

    Attributes:
        limit: in the unit of the quantity.
        quantity: what it is in.
    """

    def __init__(self, network: Any, pixels: PixelArray, settings: ChannelConfig) -> None:
        """Measures the whole network.

        Args:
            network: before any channel goes.
            pixels: uint8 `[n, size, size, 3]`, of train subjects, for the int8 export.
            settings: quantity and limit.

        Raises:
            CompressError: the quantity cannot be measured here.
        """
        self.quantity, self._pixels = settings.quantity, pixels
        if self.quantity == "latency_ms":
            self._whole = export_int8(network, pixels)
            (self._whole_ms,) = _medians_ms(self._whole)
        self.limit = settings.at_most or settings.keep * self._taken(network)

    def spent(self, network: Any) -> float:
        """What a network takes, as a share of the limit: at most 1 meets it.

        Raises:
            CompressError: the quantity cannot be measured here.
        """
        return self._taken(network) / self.limit

    def text(self, share: float = 1.0) -> str:
        """A share of the limit in words."""
        name = self.quantity.replace("_", " ")
        return f"{share * self.limit:,.{2 if self.quantity == 'latency_ms' else 0}f} {name}"

    def _taken(self, network: Any) -> float:
        if self.quantity == "multiply_adds":
            return multiply_adds(network)
        model = export_int8(network, self._pixels)
        if self.quantity == "file_bytes":
            return len(model)
        if self.quantity == "latency_ms":
            own_ms, whole_ms = _medians_ms(model, self._whole)
            return own_ms * self._whole_ms / whole_ms  # as if the machine were as busy as it was at first
        return _instructions(model, _BOARDS[self.quantity])


def _medians_ms(*models: bytes) -> list[float]:
    """The median time of one inference of each, one thread; they take turns."""
    interpreters = [Interpreter(model, threads=1) for model in models]
    calls = {i: invoking(own, list(np.zeros(own.input.shape, np.uint8))) for i, own in enumerate(interpreters)}
    durations_s = time_in_turn(calls, rounds=_ROUNDS)
    return [percentiles_ms(durations_s[i])["p50_ms"] for i in calls]


def _instructions(model: bytes, board: str) -> float:
    """Counted by another command: this room does not know how."""
    with TemporaryDirectory() as scratch:
        file, counts = Path(scratch) / "narrow.tflite", Path(scratch) / "counts.json"
        file.write_bytes(model)
        command = [
            sys.executable,
            "-m",
            "benchmarks",
            "instructions",
            str(file),
            "--board",
            board,
            "--json",
            str(counts),
        ]
        done = subprocess.run(command, cwd=_CHECKOUT, capture_output=True, text=True)
        if done.returncode != 0:
            said = done.stderr.strip().rpartition("\n")[2] or f"ended with {done.returncode}"
            raise CompressError(f"instructions cannot be counted here: {said.removeprefix('Error: ')}")
        (counted,) = json.loads(counts.read_text("utf-8"))
    return float(next(count["median"] for count in counted["counts"] if count["stage"] == _COUNTED_STAGE))
