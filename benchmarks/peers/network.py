"""The network alone, ours beside `litert-benchmark`, the tool that LiteRT's wheel brings."""

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge_runtime.bundle import read_bundle
from edge_runtime.interpreter import Interpreter
from edge_runtime.timing import percentiles_ms

_TOOL = "ai_edge_litert.tools.benchmark_litert_model"
_WARM_UP = 16


def measure_network(model: Path, *, runs: int) -> tuple[dict[str, float], str]:
    """Times invocations of one thread on random pixels, half of ours before the tool's and half after.

    Returns:
        `ours_p50_ms`, `litert_benchmark_p50_ms`, and `ratio`, the second over the first; and why there is nothing,
        empty where there is.
    """
    if find_spec("ai_edge_litert") is None:
        return {}, "LiteRT is not installed; pip install ai-edge-litert"
    try:
        before = _ours_ms(model, runs // 2)
        theirs = _theirs(model, runs)
        ours = percentiles_ms([value / 1000 for value in [*before, *_ours_ms(model, runs // 2)]])["p50_ms"]
    except (OSError, subprocess.CalledProcessError, ValueError, KeyError) as error:
        return {}, f"does not run here ({str(error).splitlines()[0]})"
    return {"ours_p50_ms": ours, "litert_benchmark_p50_ms": theirs, "ratio": theirs / ours}, ""


def _ours_ms(model: Path, runs: int) -> list[float]:
    interpreter = Interpreter(read_bundle(model).model)
    pixels = np.random.default_rng(0).integers(0, 256, interpreter.input.shape).astype(interpreter.input.dtype)
    times = []
    for i in range(-_WARM_UP, runs):
        start_s = time.perf_counter()
        interpreter.invoke(pixels)
        if i >= 0:
            times.append(1000 * (time.perf_counter() - start_s))
    return times


def _theirs(model: Path, runs: int) -> float:
    with TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.json"
        options = [f"--model={model}", f"--num_runs={runs}", f"--warmup_runs={_WARM_UP}", f"--result_json={results}"]
        subprocess.run([sys.executable, "-m", _TOOL, *options], check=True, capture_output=True)
        read: dict[str, Any] = json.loads(results.read_text("utf-8"))
        return float(read["latency"]["median_ms"])
