"""A folder run against the bound that its stages set, a loop of one picture after the other, and bare processes."""

import csv
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.pictures import Pictures
from benchmarks.timing import time_against
from edge_runtime.bundle import Bundle
from edge_runtime.classifier import Classifier
from edge_runtime.file_run import FileRun
from edge_runtime.guard import unlike
from edge_runtime.look import look_at_cell
from edge_runtime.pipeline import Tally
from edge_runtime.preprocess import decode, prepare, read_file
from edge_runtime.row import columns, row_of
from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.stream import LineStream
from edge_runtime.sources.folder import read_frames
from edge_runtime.sources.frame import Frame

_COPIES, _COPIES_UNTIMED = 32, 1
_PAIRS, _PAIRS_WARMUP = 7, 1
_OF_THE_BOUND, _TIMES_THE_LOOP = 0.9, 1.7


@pytest.fixture
def folder(benchmark: BenchmarkFixture, pictures: Pictures, tmp_path: Path) -> Path:
    """The pictures as files, each several times."""
    parent = tmp_path / "cells"
    parent.mkdir()
    for i in range(_COPIES if benchmark.enabled else _COPIES_UNTIMED):
        for j, data in enumerate(pictures.files):
            (parent / f"{i:02}-{j:02}.bmp").write_bytes(data)
    return parent


def test_folder_against_its_stages(
    benchmark: BenchmarkFixture, folder: Path, classifier: Classifier, tmp_path: Path
) -> None:
    """All cores, against the sum of all stages, each run alone over all pictures by one thread."""
    cores = _cores()
    _compare(
        benchmark,
        partial(_run, folder, classifier, tmp_path),
        partial(_stages, folder, classifier, tmp_path),
        against=f"each stage alone, 1 thread ({cores} cores run)",
        target_ratio=1 / (_OF_THE_BOUND * cores),
    )


def test_folder_against_a_loop(
    benchmark: BenchmarkFixture, folder: Path, classifier: Classifier, tmp_path: Path
) -> None:
    """All cores, against a plain loop: read, decode, preprocess, invoke, write, with the same libraries."""
    _compare(
        benchmark,
        partial(_run, folder, classifier, tmp_path),
        partial(_loop, folder, classifier, tmp_path),
        against=f"a sequential loop ({_cores()} cores run)",
        target_ratio=1 / _TIMES_THE_LOOP,
    )


def test_folder_against_processes(
    benchmark: BenchmarkFixture, folder: Path, classifier: Classifier, tmp_path: Path
) -> None:
    """All cores, against a process on each that looks at its share and writes nothing: the machine's most."""
    _compare(
        benchmark,
        partial(_run, folder, classifier, tmp_path),
        partial(_processes, folder, classifier),
        against=f"{_cores()} processes that share nothing",
    )


def _compare(
    benchmark: BenchmarkFixture,
    target: Callable[[], None],
    reference: Callable[[], None],
    *,
    against: str,
    target_ratio: float | None = None,
) -> None:
    time_against(
        benchmark,
        target,
        reference,
        against=against,
        pairs=_PAIRS,
        warmup_pairs=_PAIRS_WARMUP,
        target_ratio=target_ratio,
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _run(folder: Path, classifier: Classifier, scratch: Path) -> None:
    """What the command does, without starting a process and with a journal."""
    options = {
        "paths": (str(folder),),
        "output": scratch / "run.csv",
        "overwrite": True,
        "resume": False,
        "watch": False,
        "threads": None,
    }
    with ExitStack() as stack:
        files = FileRun(stack, options, lambda threads: Classifier(classifier.bundle, threads=threads), look_at_cell)
        files.open_output()
        files.run(Tally(), lambda row: None, lambda: None)


def _paths(folder: Path) -> Iterator[str]:
    return (entry.path for entry in sorted(os.scandir(folder), key=lambda entry: entry.name))


def _stages(folder: Path, classifier: Classifier, scratch: Path) -> None:
    """Each stage alone, over so many pictures at a time that they stay few."""
    contract, names = classifier.contract, list(_paths(folder))
    with LineStream.to_file(scratch / "stages.csv", overwrite=True) as stream:
        sink = CsvSink(stream, contract.labels)
        for start in range(0, len(names), 64):
            some = names[start : start + 64]
            files = [read_file(name) for name in some]
            decoded = [decode(data) for data in files]
            pixels = [prepare(picture, contract.input) for picture in decoded]
            outputs = [classifier.run(each) for each in pixels]
            decisions = [classifier.decide_output(each) for each in outputs]
            for each in pixels:
                unlike(each, contract.input.colour_order, contract.guard)
            rows = [
                row_of(Frame(name, None), contract.labels, decision)
                for name, decision in zip(some, decisions, strict=True)
            ]
            for row in rows:
                sink.write(row)


def _processes(folder: Path, classifier: Classifier) -> None:
    """Forked, so that none has anything to import."""
    names, fork = list(_paths(folder)), multiprocessing.get_context("fork")
    shares = [names[i :: _cores()] for i in range(_cores())]
    with ProcessPoolExecutor(_cores(), mp_context=fork) as pool:
        for _ in pool.map(_look_at_share, shares, repeat(classifier.bundle)):
            pass  # whatever a process raises is raised here


def _look_at_share(share: list[str], bundle: Bundle) -> None:
    look = look_at_cell(Classifier(bundle, threads=1))
    for frame in read_frames(share):
        assert not frame.problem, frame.problem
        look(frame)


def _loop(folder: Path, classifier: Classifier, scratch: Path) -> None:
    """What somebody would write in ten lines."""
    contract = classifier.contract
    with open(scratch / "loop.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns(contract.labels))
        for name in _paths(folder):
            with open(name, "rb") as picture:
                pixels = prepare(decode(picture.read()), contract.input)
            table.writerow([name, *classifier.calibrate(classifier.scores(pixels))])
            file.flush()
