"""How soon a fresh process answers, against the least that must be imported to answer at all."""

import subprocess
import sys
from functools import partial

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.pictures import sample_paths
from benchmarks.timing import time_against

_PAIRS, _WARMUP_PAIRS = 15, 2
_CLICK = "import click"
_LIBRARIES = "import cv2, numpy, ai_edge_litert.interpreter"
_HELP_TARGET_RATIO, _FIRST_PICTURE_TARGET_RATIO = 2.5, 1.5


def test_cold_version(benchmark: BenchmarkFixture, edge_classify: list[str]) -> None:
    """`edge-classify --version` against importing click."""
    _time_process(benchmark, [*edge_classify, "--version"], _CLICK, _HELP_TARGET_RATIO)


def test_cold_help(benchmark: BenchmarkFixture, edge_classify: list[str]) -> None:
    """`edge-classify --help` against importing click."""
    _time_process(benchmark, [*edge_classify, "--help"], _CLICK, _HELP_TARGET_RATIO)


def test_cold_first_picture(benchmark: BenchmarkFixture, edge_classify: list[str]) -> None:
    """`edge-classify ONE.png` against importing the three libraries it cannot do without."""
    command = [*edge_classify, str(sample_paths()[0])]
    _time_process(benchmark, command, _LIBRARIES, _FIRST_PICTURE_TARGET_RATIO)


def _time_process(benchmark: BenchmarkFixture, command: list[str], imports: str, target_ratio: float) -> None:
    time_against(
        benchmark,
        partial(_run, command),
        partial(_run, [sys.executable, "-c", imports]),
        against=f'python -c "{imports}"',
        pairs=_PAIRS,
        warmup_pairs=_WARMUP_PAIRS,
        target_ratio=target_ratio,
    )


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
