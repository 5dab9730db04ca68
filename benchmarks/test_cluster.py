"""Two workers on this machine against one: what a second core is worth to a run on a cluster."""

import time
import uuid
from functools import partial
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.pictures import Pictures
from benchmarks.timing import time_against
from edge_runtime.bundle import read_bundle
from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.cluster.job import Job
from edge_runtime.cluster.parts import Identity, PartFolder
from edge_runtime.cluster.run import Cluster
from edge_runtime.look import look_at_cell

_CELLS, _CELLS_UNTIMED, _PART_SIZE = 3200, 64, 100
_PAIRS = 3
_TARGET_RATIO = 1 / 1.6


def test_two_workers(benchmark: BenchmarkFixture, pictures: Pictures, tmp_path: Path) -> None:
    """A run over 3,200 pictures on two workers that are there already, against the same on one."""
    paths = _write(pictures, _CELLS if benchmark.enabled else _CELLS_UNTIMED, tmp_path / "cells")
    with Cluster("local:1") as one, Cluster("local:2") as two:
        seconds = {name: _cpu_seconds(cluster, paths, tmp_path) for name, cluster in (("one", one), ("two", two))}
        time_against(
            benchmark,
            partial(_run, two, paths, tmp_path),
            partial(_run, one, paths, tmp_path),
            against="one worker",
            pairs=_PAIRS if benchmark.enabled else 1,
            warmup_pairs=0,  # reckoning the processor time has warmed both
            target_ratio=_TARGET_RATIO,
        )
    # The work of a core, which other programs hardly change; what a sizing begins with.
    benchmark.extra_info |= {f"cells_per_core_s_{name}": len(paths) / value for name, value in seconds.items()}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")


def _write(pictures: Pictures, count: int, folder: Path) -> list[str]:
    """The pictures in turn, as files."""
    suffix = pictures.source.rpartition(" ")[2]
    folder.mkdir()
    paths = [folder / f"{i:05}.{suffix}" for i in range(count)]
    for i, path in enumerate(paths):
        path.write_bytes(pictures.files[i % len(pictures.files)])
    return [str(path) for path in paths]


def _run(cluster: Cluster, paths: list[str], folder: Path) -> None:
    bundle = read_bundle(DEFAULT_MODEL)
    name = uuid.uuid4().hex
    job = Job(name, bundle, None, None, look_at_cell, str(folder))
    identity = Identity("", "", "", {}, (), _PART_SIZE)
    with PartFolder(folder / f"{name}.csv", identity, name, overwrite=False, resume=False) as output:
        rows = sum(1 for _ in cluster.run(job, paths, output, _PART_SIZE))
    assert rows == len(paths), "one row a picture"


def _cpu_seconds(cluster: Cluster, paths: list[str], folder: Path) -> float:
    """Processor time of the workers for one run, after one that warms them."""
    _run(cluster, paths[:_PART_SIZE], folder)
    before = sum(cluster.client.run(time.process_time).values())
    _run(cluster, paths, folder)
    return float(sum(cluster.client.run(time.process_time).values()) - before)
