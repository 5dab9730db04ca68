"""The latency report's numbers: single stream by stage, beside the bare loop, offline, threads, start, memory.

Single stream (one picture after the other, percentiles over at least 1,024 of them) and offline (all at once, pictures
a second) are the scenarios of MLPerf Inference (Reddi et al., ISCA 2020, arXiv 1911.02549).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.bare_loop import bare_loop
from benchmarks.machine import machine_facts, machine_state
from benchmarks.operators import measure_operators
from benchmarks.peak_memory import peak_rss_mb
from benchmarks.pictures import SAMPLES, sample_paths
from edge_runtime.bundle import read_bundle
from edge_runtime.classifier import DEFAULT_MODEL, Classifier
from edge_runtime.guard import unlike
from edge_runtime.interpreter import Interpreter
from edge_runtime.look import look_at_cell
from edge_runtime.pipeline import Tally, run
from edge_runtime.preprocess import decode, prepare, quantise
from edge_runtime.row import row_of
from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.stream import LineStream
from edge_runtime.sources.folder import read_frames
from edge_runtime.sources.frame import Frame
from edge_runtime.timing import percentiles_ms

SCHEMA = 1
QUERIES, QUICK_QUERIES = 4096, 1024  # MLPerf asks for 1,024 at least
COLD_RUNS, QUICK_COLD_RUNS = 10, 3
_STARTS, _QUERIES_AN_OPERATOR_ROUND = 20, 16
STAGES = ("read", "decode", "prepare", "guard", "invoke", "decide", "write")
# Halves of one run that differ by more than this were not taken on a quiet machine; nor was a run with others at work.
_DRIFT = 0.10
_QUIET_LOAD = 0.5
_COLD_STEPS = {
    "Python": "pass",
    "Python, NumPy, OpenCV and LiteRT": "import cv2, numpy, ai_edge_litert.interpreter",
}
_COLD_COMMAND = "edge-classify one.png"


def measure(pictures: Sequence[Path], *, queries: int, cold_runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measures everything.

    Args:
        pictures: files of real cells, gone through in turn.
        queries: pictures of the single stream, and offline.
        cold_runs: new processes of each kind.
        say: told what is being measured.

    Returns:
        What `latency.json` holds: `schema`, `machine`, `noise`, and one member a part of the report; times in ms.
    """
    load = os.getloadavg()[0]
    before = machine_state()
    say(f"single stream, {queries} pictures, beside the bare loop")
    stages, ours, bare = _single_stream(pictures, queries)
    (ours_ms, ours_cpu_ms), (bare_ms, bare_cpu_ms) = (list(zip(*times, strict=True)) for times in (ours, bare))
    say("offline, threads, start")
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "machine": machine_facts(load),
        "pictures": f"{len(pictures)} files ({', '.join(sorted({path.suffix for path in pictures}))})",
        "single_stream": _summary(ours_ms),
        "histogram": _histogram(ours_ms),
        "stages": {stage: _summary(times) for stage, times in stages.items()},
        "bare_loop": {
            **_summary(bare_ms),
            "ratio": float(np.median(ours_ms) / np.median(bare_ms)),
            "cpu_ratio": float(np.median(ours_cpu_ms) / np.median(bare_cpu_ms)),
        },
        "offline": _offline(pictures, queries),
        "threads": _threads(pictures, queries // 4),
        "start": _start(pictures[0]),
        "cold": _cold(cold_runs),
        "memory": _memory(),
        "kernels": _kernels(),
        "operators": _operators(queries // _QUERIES_AN_OPERATOR_ROUND),
        "model_bytes": DEFAULT_MODEL.stat().st_size,
    }
    report["machine"] |= {"before": before, "after": machine_state()}
    report["noise"] = _noise(ours_ms, load)
    return report


def _single_stream(
    pictures: Sequence[Path], queries: int
) -> tuple[dict[str, list[float]], list[tuple[float, float]], list[tuple[float, float]]]:
    """Every picture three times in turn: whole, in the bare loop, and by stage, so that all see the same machine.

    Returns:
        ms by stage; and of ours and of the bare loop the wall and the processor's ms, which others cannot lengthen.
    """
    classifier = Classifier.from_file(DEFAULT_MODEL)
    bare = bare_loop(classifier.bundle)
    labels, look = classifier.contract.labels, look_at_cell(classifier)
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    ours, beside = [], []
    with _rows(labels) as sink:

        def whole(path: Path) -> None:
            for row in look(next(iter(read_frames([str(path)])))):
                sink.write(row)

        for i in range(-min(len(pictures), queries), queries):  # the first round over the pictures is the warm-up
            path = pictures[i % len(pictures)]
            both = _wall_and_cpu_ms(whole, path), _wall_and_cpu_ms(bare, path)
            by_stage = _by_stage(classifier, path, sink)
            if i >= 0:
                ours.append(both[0])
                beside.append(both[1])
                for stage, value_ms in zip(STAGES, by_stage, strict=True):
                    stages[stage].append(value_ms)
    return stages, ours, beside


@contextmanager
def _rows(labels: tuple[str, ...]) -> Iterator[CsvSink]:
    """A CSV file that goes away again."""
    with TemporaryDirectory() as folder, LineStream.to_file(Path(folder) / "rows.csv", overwrite=True) as stream:
        yield CsvSink(stream, labels)


def _by_stage(classifier: Classifier, path: Path, sink: CsvSink) -> list[float]:
    contract = classifier.contract
    marks = [time.perf_counter()]

    def mark() -> None:
        marks.append(time.perf_counter())

    data = path.read_bytes()
    mark()
    picture = decode(data)
    mark()
    pixels = prepare(picture, contract.input)
    mark()
    unlike(pixels, contract.input.colour_order, contract.guard)
    mark()
    output = classifier.run(pixels)
    mark()
    decision = classifier.decide_output(output)
    mark()
    sink.write(row_of(Frame(str(path), picture), contract.labels, decision))
    mark()
    return [1000 * (after - before) for before, after in pairwise(marks)]


def _offline(pictures: Sequence[Path], queries: int) -> dict[str, float]:
    classifier = Classifier.from_file(DEFAULT_MODEL)
    paths = [str(pictures[i % len(pictures)]) for i in range(queries)]
    with _rows(classifier.contract.labels) as sink:
        start_s = time.perf_counter()
        run(read_frames(paths), look_at_cell(classifier), sink, Tally(), lambda row: None)
        took_s = time.perf_counter() - start_s
    return {"pictures": queries, "pictures_per_s": queries / took_s}


def _threads(pictures: Sequence[Path], queries: int) -> dict[str, dict[str, float]]:
    classifier = Classifier.from_file(DEFAULT_MODEL)
    spec, found = classifier.contract.input, {}
    pixels = [prepare(decode(path.read_bytes()), spec) for path in pictures[:64]]
    for threads in range(1, (os.cpu_count() or 1) + 1):
        interpreter = Interpreter(classifier.bundle.model, threads=threads)
        tensors = [quantise(cell, spec, interpreter.input.dtype)[None] for cell in pixels]
        for tensor in tensors:
            interpreter.invoke(tensor)
        found[str(threads)] = _summary(
            [_time_ms(interpreter.invoke, tensors[i % len(tensors)]) for i in range(queries)]
        )
    return found


def _start(picture: Path) -> dict[str, float]:
    """Loading the model and the first answer, in a process that has imported everything."""
    pixels, load_ms, first_ms = decode(picture.read_bytes()), [], []
    for _ in range(_STARTS):
        start_s = time.perf_counter()
        classifier = Classifier.from_file(DEFAULT_MODEL)
        load_ms.append(1000 * (time.perf_counter() - start_s))
        first_ms.append(_time_ms(classifier.classify, pixels))
    return {"load_p50_ms": float(np.median(load_ms)), "first_p50_ms": float(np.median(first_ms))}


def _cold(runs: int) -> dict[str, Any]:
    """New processes, in turn; what others' interpreters and libraries take of `edge-classify one.png`."""
    commands = {name: [sys.executable, "-c", code] for name, code in _COLD_STEPS.items()}
    commands[_COLD_COMMAND] = [sys.executable, "-m", "edge_runtime", str(sample_paths()[0])]
    times_ms: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times_ms[name].append(_time_ms(_process, command))
    medians = {name: float(np.median(values)) for name, values in times_ms.items()}
    others = medians["Python, NumPy, OpenCV and LiteRT"] / medians[_COLD_COMMAND]
    return {"p50_ms": medians, "share_of_others": min(others, 1.0)}


def _process(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _memory() -> dict[str, float]:
    """Peaks of a run over one picture and over many; the second less the first is what a run keeps."""
    command = [sys.executable, "-m", "edge_runtime"]
    few = peak_rss_mb([*command, str(sample_paths()[0])])
    with TemporaryDirectory() as folder:
        many = peak_rss_mb([*command, *[str(SAMPLES)] * 20, "--output", str(Path(folder) / "rows.csv")])
    return {"peak_mb": many, "first_picture_mb": few, "growth_mb": many - few}


def _kernels() -> dict[str, Any]:
    kernels = Classifier.from_file(DEFAULT_MODEL).interpreter.kernels()
    return {"delegate": kernels.delegate, "delegated": kernels.delegated, "own": kernels.own}


def _operators(rounds: int) -> list[dict[str, Any]]:
    return [asdict(operator) for operator in measure_operators(read_bundle(DEFAULT_MODEL).model, rounds=rounds)]


def _noise(times_ms: Sequence[float], load: float) -> dict[str, Any]:
    half = len(times_ms) // 2
    first, second = float(np.median(times_ms[:half])), float(np.median(times_ms[half:]))
    drift = abs(first - second) / min(first, second)
    reasons = [f"load {load:.1f} at the start"] if load > _QUIET_LOAD else []
    reasons += [f"the halves of the run differ by {drift:.0%}"] if drift > _DRIFT else []
    return {"noisy": bool(reasons), "reasons": reasons, "drift": drift}


def _summary(times_ms: Sequence[float]) -> dict[str, float]:
    return {
        "queries": len(times_ms),
        **percentiles_ms([value / 1000 for value in times_ms]),
        "max_ms": max(times_ms),
        "mean_ms": float(np.mean(times_ms)),
    }


def _histogram(times_ms: Sequence[float]) -> dict[str, list[float]]:
    """Up to the 99th percentile; the rest is in `max_ms`."""
    counts, edges = np.histogram(times_ms, bins=40, range=(min(times_ms), float(np.percentile(times_ms, 99))))
    return {"counts": counts.tolist(), "edges_ms": edges.tolist()}


def _time_ms(function: Callable[[Any], object], argument: Any) -> float:
    start_s = time.perf_counter()
    function(argument)
    return 1000 * (time.perf_counter() - start_s)


def _wall_and_cpu_ms(function: Callable[[Any], object], argument: Any) -> tuple[float, float]:
    """Both times of a call in this thread."""
    start_s = time.thread_time()
    wall_ms = _time_ms(function, argument)
    return wall_ms, 1000 * (time.thread_time() - start_s)
