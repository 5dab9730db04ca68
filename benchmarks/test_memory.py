"""The peak memory of a folder run, which must not grow with the folder."""

from functools import partial
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.peak_memory import peak_rss_mb
from benchmarks.pictures import sample_paths
from benchmarks.timing import time_once

_FEW, _MANY = 200, 2000
_FEW_UNTIMED, _MANY_UNTIMED = 2, 20
_TARGET_PEAK_MB = 200


def test_folder_run(benchmark: BenchmarkFixture, edge_classify: list[str], tmp_path: Path) -> None:
    """`edge-classify FOLDER --output FILE` over 2,000 pictures, beside one over 200."""
    few, many = (_FEW, _MANY) if benchmark.enabled else (_FEW_UNTIMED, _MANY_UNTIMED)
    few_folder, many_folder = _folder_of(few, tmp_path), _folder_of(many, tmp_path)
    few_peak_mb = _peak_mb(edge_classify, few_folder)
    many_peak_mb = time_once(benchmark, partial(_peak_mb, edge_classify, many_folder))
    for folder, pictures in ((few_folder, few), (many_folder, many)):
        lines = _output_of(folder).read_text(encoding="utf-8").splitlines()
        assert len(lines) == 1 + pictures, "a header and one row a picture"
    benchmark.extra_info |= {
        "pictures": f"{many} links to the drawn samples, png",
        "few_pictures": few,
        "few_peak_mb": few_peak_mb,
        "peak_mb": many_peak_mb,
        "growth_mb": many_peak_mb - few_peak_mb,
        "target": f"{_TARGET_PEAK_MB} MB",
        "reached": max(few_peak_mb, many_peak_mb) <= _TARGET_PEAK_MB,
    }
    if benchmark.stats is not None:
        benchmark.extra_info["pictures_per_s"] = many / benchmark.stats.stats.median


def _folder_of(count: int, parent: Path) -> Path:
    """A folder of links to the samples, in turn."""
    folder = parent / f"{count}"
    folder.mkdir()
    samples = sample_paths()
    for i in range(count):
        (folder / f"{i:04}.png").symlink_to(samples[i % len(samples)])
    return folder


def _peak_mb(edge_classify: list[str], folder: Path) -> float:
    return peak_rss_mb([*edge_classify, str(folder), "--output", str(_output_of(folder))])


def _output_of(folder: Path) -> Path:
    return folder.with_suffix(".csv")
