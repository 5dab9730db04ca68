import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from benchmarks.__main__ import one_line
from benchmarks.camera_memory import run_for_memory
from benchmarks.machine import cpu_model
from benchmarks.peak_memory import peak_rss_mb
from benchmarks.pictures import ROOT, read_pictures
from benchmarks.table import ReportError, markdown_of, read_report
from edge_runtime.timing import percentiles_ms


def entry(name: str, rounds: int, **extra: object) -> dict[str, Any]:
    return {"name": name, "stats": {"rounds": rounds}, "extra_info": extra}


def report() -> dict[str, Any]:
    times = {"p50_ms": 1.2345, "p90_ms": 23.456, "p99_ms": 1234.5}
    ratio = {"against": 'python -c "import click"', "against_p50_ms": 50.0, "ratio": 1.25}
    memory = {"peak_mb": 151.4, "growth_mb": -0.25, "few_pictures": 200, "pictures_per_s": 99.6}
    return {
        "datetime": "2026-01-02T03:04:05+00:00",
        "machine_info": {"device": {"board": None, "cpu": "A72", "load_at_start": 0.5}},
        "benchmarks": [
            entry("test_invoke[2 threads]", 1000, pictures="drawn", **times),
            entry("test_version", 15, target="2.5 x", reached=True, **ratio, **times),
            entry("test_folder_run", 1, target="200 MB", reached=False, **memory, **times),
        ],
    }


def run_report(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "report", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )


def test_table_of_a_small_report() -> None:
    assert markdown_of(report()).splitlines() == [
        "Measured 2026-01-02: cpu A72; load at start 0.5.",
        "",
        "| benchmark | p50 ms | p90 ms | p99 ms | rounds | beside it | target |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- |",
        "| invoke, 2 threads | 1.23 | 23.5 | 1,234 | 1000 |  |  |",
        '| version | 1.23 | 23.5 |  | 15 | 1.25 x `python -c "import click"` (50.0 ms) | 2.5 x: reached |',
        "| folder run | 1.23 |  |  | 1 | peak 151 MB, -0.2 MB from 200 pictures on, 100 pictures/s | 200 MB: missed |",
        "",
        "Pictures: drawn.",
    ]


def test_a_busy_machine_is_named() -> None:
    assert "not idle" not in markdown_of(report())
    busy = report()
    busy["machine_info"]["device"]["load_at_start"] = 2.0
    assert "not idle" in markdown_of(busy)


def test_percentiles_are_interpolated_milliseconds() -> None:
    assert percentiles_ms([i / 1000 for i in range(100, -1, -1)]) == pytest.approx(
        {"p50_ms": 50, "p90_ms": 90, "p99_ms": 99}
    )
    assert percentiles_ms([0.001, 0.002]) == pytest.approx({"p50_ms": 1.5, "p90_ms": 1.9, "p99_ms": 1.99})
    assert percentiles_ms([0.25]) == pytest.approx({"p50_ms": 250, "p90_ms": 250, "p99_ms": 250})


def test_report_prints_and_writes_the_same_table(tmp_path: Path) -> None:
    file, out = tmp_path / "run.json", tmp_path / "table.md"
    file.write_text(json.dumps(report()), encoding="utf-8")
    finished = run_report(file, "--out", out)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == out.read_text(encoding="utf-8") == markdown_of(report()) + "\n"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("out/table.md", r"^out/table\.md: cannot be written .* another --out$"),
        ("cells/a.bmp", r"^cells/a\.bmp: gone; check"),
    ],
)
def test_a_file_that_fails_is_named_and_out_only_where_it_is_that(name: str, says: str) -> None:
    with pytest.raises(click.ClickException, match=says), one_line(Path("out/table.md")):
        raise OSError(errno.ENOENT, "gone", name)


def test_missing_report_is_one_line_and_exit_1() -> None:
    finished = run_report("missing.json")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.splitlines() == [
        "Error: missing.json: no such file; `make bench` makes benchmarks/results/latest.json"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [("not json", "not JSON"), ("[]", "not written by pytest-benchmark"), ("{}", "not written by pytest-benchmark")],
)
def test_another_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match=says):
        read_report(file)


def test_a_report_of_other_benchmarks_is_refused() -> None:
    with pytest.raises(ReportError, match="device"):
        markdown_of({"benchmarks": [], "machine_info": {}})


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC\n", "AMD EPYC"),
        ("CPU part\t: 0xd08\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n", "Raspberry Pi 4 Model B Rev 1.4"),
        ("", None),
    ],
)
def test_cpu_model_on_x86_and_raspberry_pi(cpuinfo: str, name: str | None) -> None:
    assert cpu_model(cpuinfo) == name


def test_peak_memory_is_the_childs_own() -> None:
    ballast = b"x" * 300_000_000
    idle_mb = peak_rss_mb([sys.executable, "-c", "pass"])
    busy_mb = peak_rss_mb([sys.executable, "-c", "bytearray(150_000_000)"])
    assert idle_mb < 100 < busy_mb < len(ballast) / 1e6


def test_peak_memory_of_a_command_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        peak_rss_mb([sys.executable, "-c", "raise SystemExit(3)"])


def test_without_the_data_set_the_samples_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_CLASSIFY_DATA", os.fspath(tmp_path))
    pictures = read_pictures()
    assert pictures.source.startswith("drawn samples")
    assert len(pictures.files) == 12


def test_memory_of_a_whole_camera_run_is_read_at_each_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_CLASSIFY_DATA", os.fspath(tmp_path))  # the drawn field
    said: list[str] = []
    run = run_for_memory([1, 4], say=said.append)
    assert run.frames >= 4 and run.read >= run.frames
    assert all(40 < run.resident_mb[mark] < 400 for mark in (1, 4))
    assert len(said) == 2
