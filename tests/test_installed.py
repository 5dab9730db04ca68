"""The wheel, built from this checkout and installed into an empty environment: what a Raspberry Pi gets."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_runtime.classifier import PROBE_TOLERANCE
from edge_runtime.version import __version__
from tests.conftest import ROOT

WHAT_A_WHEEL_IS_MADE_OF = ("edge_runtime", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
INSTALL_TIMEOUT_S = 600
# What the runtime may bring along; nothing of it is TensorFlow.
FORBIDDEN = {"tensorflow", "tf-keras", "tensorflow-model-optimization", "keras", "scikit-learn", "matplotlib"}

needs_tflite_runtime = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="tflite-runtime ended with Python 3.11; there is nothing to install"
)


@dataclass(frozen=True)
class Environment:
    """An environment of its own, apart from the one the tests run in."""

    folder: Path

    def run(self, program: str, *args: str | Path, timeout_s: float = 120) -> "subprocess.CompletedProcess[str]":
        """Runs one of its programs, from its folder, so that the checkout is not importable."""
        return subprocess.run(
            [self.folder / "bin" / program, *args],
            cwd=self.folder,
            env=_outside(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def pip(self, *args: str | Path) -> str:
        """Runs the pip of the tests on it, which must succeed."""
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.folder, *args]
        done = subprocess.run(
            command, cwd=self.folder, env=_outside(), capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def installed(self) -> set[str]:
        """The distributions in it."""
        return {entry["name"].lower().replace("_", "-") for entry in json.loads(self.pip("list", "--format=json"))}

    def classify(self, *args: str | Path) -> list[dict[str, str]]:
        """Rows of a run of the installed command, which must succeed."""
        done = self.run("edge-classify", *args)
        assert done.returncode == 0, done.stderr
        return list(csv.DictReader(done.stdout.splitlines()))


def _outside() -> dict[str, str]:
    """What programs are run with that know nothing of the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EDGE_"))}


def fresh(folder: Path, requirement: str | Path) -> Environment:
    """A new environment with one thing installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=INSTALL_TIMEOUT_S)
    environment = Environment(folder)
    environment.pip("install", "--quiet", requirement)
    return environment


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in WHAT_A_WHEEL_IS_MADE_OF:
        origin = ROOT / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif origin.exists():
            shutil.copy(origin, source / name)
    # Rooms that must stay out although they lie beside it.
    for name in ("train", "compress", "benchmarks", "tests", "samples"):
        (source / name).mkdir()
        (source / name / "__init__.py").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", target, source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel and what it asks for."""
    return fresh(tmp_path_factory.mktemp("plain") / "env", wheel)


@pytest.fixture(scope="module")
def both(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the extra `tflite-runtime`, beside LiteRT."""
    return fresh(tmp_path_factory.mktemp("both") / "env", f"{wheel}[tflite-runtime]")


def test_the_wheel_carries_the_runtime_and_its_model_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        model = archive.read("edge_runtime/models/default.tflite")
    assert wheel.name == f"edge_classify-{__version__}-py3-none-any.whl"
    assert {name.partition("/")[0] for name in names} == {"edge_runtime", f"edge_classify-{__version__}.dist-info"}
    assert {name for name in names if name.startswith("edge_runtime/")} == {
        str(path.relative_to(ROOT))
        for path in (ROOT / "edge_runtime").rglob("*")
        if path.suffix in (".py", ".tflite", ".typed", ".css") or path.parent.name == "static"
    }
    assert model == (ROOT / "edge_runtime" / "models" / "default.tflite").read_bytes()


def test_an_empty_environment_needs_only_the_wheel(plain: Environment, samples: Path) -> None:
    assert not plain.installed() & FORBIDDEN
    self_test = plain.run("edge-classify", "--self-test")
    assert (self_test.returncode, self_test.stderr) == (0, "")
    assert self_test.stdout.startswith("ok: default.tflite on litert: pixels bit-equal")
    assert len(plain.classify(samples)) == 12


def test_the_installed_command_answers_as_the_checkout_does(plain: Environment, samples: Path) -> None:
    here = subprocess.run(
        [sys.executable, "-m", "edge_runtime", samples], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert plain.classify(samples) == list(csv.DictReader(here.stdout.splitlines()))


def test_a_runtime_that_is_missing_says_how_to_install_it(plain: Environment, samples: Path) -> None:
    done = plain.run("edge-classify", samples, "--runtime", "tflite-runtime")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'edge-classify[tflite-runtime]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_page_without_its_extra_says_how_to_install_it(plain: Environment, samples: Path) -> None:
    done = plain.run("edge-classify", "--camera", str(samples / "cell-*.png"), "--live", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'edge-classify[live]'" in done.stderr and done.stderr.count("\n") == 1


def test_the_page_is_served_from_the_wheel_once_its_extra_is_there(plain: Environment, wheel: Path) -> None:
    plain.pip("install", "--quiet", f"{wheel}[live]")
    code = (
        "from edge_runtime.live.door import Door\n"
        "from edge_runtime.live.address import PageAddress\n"
        "from edge_runtime.live.pages import Pages\n"
        "pages = Pages(None, Door(PageAddress('127.0.0.1', 0), None), print)\n"
        "assert b'page.js' in pages._files['page.html'] and b'import' in pages._files['page.js']\n"
    )
    done = plain.run("python", "-c", code)
    assert (done.returncode, done.stderr) == (0, "")


@needs_tflite_runtime
def test_tflite_runtime_passes_the_self_test(both: Environment) -> None:
    done = both.run("edge-classify", "--runtime", "tflite-runtime", "--self-test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok: default.tflite on tflite-runtime: pixels bit-equal")


@needs_tflite_runtime
def test_tflite_runtime_answers_as_litert_does(both: Environment, plain: Environment, samples: Path) -> None:
    for other in (both.classify(samples), plain.classify(samples)):
        assert_alike(both.classify(samples, "--runtime", "tflite-runtime"), other)


def assert_alike(rows: Sequence[dict[str, str]], others: Sequence[dict[str, str]]) -> None:
    """The same pictures and labels, and probabilities within what two runtimes may differ by."""
    assert [(row["path"], row["label"]) for row in rows] == [(row["path"], row["label"]) for row in others]
    for row, other in zip(rows, others, strict=True):
        assert float(row["p_all"]) == pytest.approx(float(other["p_all"]), abs=PROBE_TOLERANCE)


@needs_tflite_runtime
def test_tflite_runtime_alone_is_taken_without_asking(both: Environment, samples: Path) -> None:
    """Runs last: it takes LiteRT away."""
    before = both.classify(samples, "--runtime", "tflite-runtime")
    both.pip("uninstall", "--quiet", "--yes", "ai-edge-litert")
    assert re.search(r"^runs on +tflite-runtime,", both.run("edge-classify", "--info").stdout, re.MULTILINE)
    assert both.classify(samples) == before
    both.pip("uninstall", "--quiet", "--yes", "tflite-runtime")
    done = both.run("edge-classify", samples)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no TFLite runtime is installed; pip install ai-edge-litert" in done.stderr
