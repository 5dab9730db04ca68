"""What every benchmark shares, and what is added to the JSON."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.machine import machine_facts
from benchmarks.pictures import ROOT, Pictures, read_pictures
from edge_runtime.classifier import DEFAULT_MODEL, Classifier
from edge_runtime.timing import percentiles_ms

_LOAD_AT_START = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    """Notes the load before anything of ours adds to it."""
    config.stash[_LOAD_AT_START] = os.getloadavg()[0]


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Adds the facts that make two runs comparable; the host's name is nobody's business."""
    machine_info.pop("node", None)
    machine_info["device"] = machine_facts(config.stash[_LOAD_AT_START])


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    """Adds percentiles to every benchmark."""
    for entry in output_json["benchmarks"]:
        entry["extra_info"].update(percentiles_ms(entry["stats"]["data"]))


@pytest.fixture(scope="session")
def _all_pictures() -> Pictures:
    return read_pictures()


@pytest.fixture
def pictures(benchmark: BenchmarkFixture, _all_pictures: Pictures) -> Pictures:
    """The pictures; the report says which they were."""
    benchmark.extra_info["pictures"] = _all_pictures.source
    return _all_pictures


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The default model with default settings."""
    return Classifier.from_file(DEFAULT_MODEL)


@pytest.fixture
def edge_classify(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command as installed beside this Python, or the module; with the default model and run from the root."""
    monkeypatch.delenv("EDGE_CLASSIFY_MODEL", raising=False)
    # pip compiles what it installs; a checkout must be allowed to keep its bytecode too.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.chdir(ROOT)
    script = Path(sys.executable).with_name("edge-classify")
    return [str(script)] if script.exists() else [sys.executable, "-m", "edge_runtime"]
