"""Whether memory stays the same however many pictures there are, and how soon the first row comes."""

import os
import subprocess
import time
from functools import partial
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.peak_memory import peak_rss_mb
from benchmarks.pictures import sample_paths
from benchmarks.timing import time_once

_FEW, _MANY = 1_000, 100_000
_FEW_UNTIMED, _MANY_UNTIMED = 10, 100
_TARGET_GROWTH_MB, _TARGET_FIRST_ROW_S = 10, 2
_TABLE_HEADER_LINES = 1
_POLL_S, _DEADLINE_S = 0.005, 120


def test_large_folder(benchmark: BenchmarkFixture, edge_classify: list[str], tmp_path: Path) -> None:
    """`edge-classify FOLDER --output FILE` over 100,000 hard links, beside one over 1,000."""
    few, many = (_FEW, _MANY) if benchmark.enabled else (_FEW_UNTIMED, _MANY_UNTIMED)
    few_folder, many_folder = _folder_of(few, tmp_path), _folder_of(many, tmp_path)
    few_peak_mb = _peak_mb(edge_classify, few_folder)
    many_peak_mb = time_once(benchmark, partial(_peak_mb, edge_classify, many_folder))
    lines = _output_of(many_folder).read_text(encoding="utf-8").count("\n")
    assert lines == _TABLE_HEADER_LINES + many, "a header and one row a picture"
    benchmark.extra_info |= {
        "pictures": f"{many} hard links to the drawn samples, png",
        "few_pictures": few,
        "few_peak_mb": few_peak_mb,
        "peak_mb": many_peak_mb,
        "growth_mb": many_peak_mb - few_peak_mb,
        "target": f"+{_TARGET_GROWTH_MB} MB",
        "reached": many_peak_mb - few_peak_mb <= _TARGET_GROWTH_MB,
    }
    if benchmark.stats is not None:
        benchmark.extra_info["pictures_per_s"] = many / benchmark.stats.stats.median


def test_first_row_of_a_large_folder(benchmark: BenchmarkFixture, edge_classify: list[str], tmp_path: Path) -> None:
    """From the start of the process to the first row, 100,000 pictures in one folder."""
    folder = _folder_of(_MANY if benchmark.enabled else _MANY_UNTIMED, tmp_path)
    time_once(benchmark, partial(_first_row, edge_classify, folder))
    if benchmark.stats is not None:
        reached = benchmark.stats.stats.median <= _TARGET_FIRST_ROW_S
        benchmark.extra_info |= {"target": f"{_TARGET_FIRST_ROW_S} s", "reached": reached}


def _folder_of(count: int, parent: Path) -> Path:
    folder = parent / f"{count}"
    folder.mkdir()
    samples = [parent / path.name for path in sample_paths()]
    for sample, source in zip(samples, sample_paths(), strict=True):
        sample.write_bytes(source.read_bytes())  # a hard link does not leave its disk
    for i in range(count):
        # A file system allows some tens of thousands of links to one file.
        os.link(samples[i % len(samples)], folder / f"{i:06}.png")
    return folder


def _output_of(folder: Path) -> Path:
    return folder.with_suffix(".csv")


def _peak_mb(edge_classify: list[str], folder: Path) -> float:
    return peak_rss_mb([*edge_classify, str(folder), "--output", str(_output_of(folder)), "--overwrite"])


def _first_row(edge_classify: list[str], folder: Path) -> None:
    output = _output_of(folder)
    with subprocess.Popen([*edge_classify, str(folder), "--output", str(output)], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + _DEADLINE_S
        while not output.exists() or output.read_bytes().count(b"\n") <= _TABLE_HEADER_LINES:
            assert time.monotonic() < deadline, "no row came"
            time.sleep(_POLL_S)
        process.terminate()
