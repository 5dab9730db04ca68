"""Who imports whom: seen in a fresh process, and in the sources."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.interpreter import available_runtimes
from tests.conftest import ROOT, cli_environment

PACKAGES = ("edge_runtime", "train", "compress", "benchmarks")
INTERPRETERS = {"ai_edge_litert", "tflite_runtime"}
# What LiteRT and numpy may pull in; nothing of it is needed at import of the command.
KNOWN_TO_LITERT = {"backports", "flatbuffers", "google", "ml_dtypes", "tqdm", "typing_extensions"}

_REPORT = """
import json, sys
before = set(sys.modules)
{code}
names = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(name for name in names if name not in sys.stdlib_module_names)))
"""


def imported_by(code: str) -> set[str]:
    """Top-level modules that are not the standard library's and that code imports in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", _REPORT.format(code=code)],
        env=cli_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    # `_x` are parts of extension modules; `x` itself is judged.
    return {name for name in names if not name.startswith("_")}


def test_importing_the_command_needs_only_click() -> None:
    assert imported_by("import edge_runtime.cli") <= {"edge_runtime", "click"}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_need_only_click(option: str) -> None:
    code = f"import edge_runtime.cli\nedge_runtime.cli.command.main(['{option}'], standalone_mode=False)"
    assert imported_by(code) <= {"edge_runtime", "click"}


def test_classifying_needs_only_numpy_opencv_and_litert(samples: Path) -> None:
    code = (
        "from edge_runtime.classifier import Classifier\n"
        "from edge_runtime.preprocess import read_picture\n"
        f"Classifier.from_file().classify(read_picture({str(samples / 'cell-01.png')!r}))"
    )
    imported = imported_by(code)
    assert {"edge_runtime", "numpy", "cv2"} <= imported
    assert imported <= {"edge_runtime", "numpy", "cv2"} | INTERPRETERS | KNOWN_TO_LITERT


def test_asking_for_the_runtimes_imports_none() -> None:
    code = "from edge_runtime.interpreter import available_runtimes\nassert available_runtimes()"
    assert available_runtimes()
    assert not imported_by(code) & INTERPRETERS


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Every module a file names in an import, also within functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_its_own_package_s_root(package: str) -> None:
    assert sources(package)
    for path in sources(package):
        assert not {package, ".", ".."} & imports_of(path), path


def test_the_runtime_imports_no_other_room() -> None:
    for path in sources("edge_runtime"):
        rooms = {name.partition(".")[0] for name in imports_of(path)}
        assert not rooms & {"train", "compress", "benchmarks", "samples", "tests", "tensorflow", "tf_keras"}, path


def test_only_one_module_names_the_interpreters() -> None:
    naming = {
        str(path.relative_to(ROOT))
        for path in sources("edge_runtime")
        if any(name in path.read_text("utf-8") for name in INTERPRETERS)
    }
    assert naming == {"edge_runtime/interpreter.py"}


def test_no_other_room_decodes_pictures_on_its_own() -> None:
    for package in ("train", "compress"):
        for path in sources(package):
            text = path.read_text("utf-8")
            assert not any(call in text for call in ("imread", "imdecode", "decode_image", "decode_png", "PIL")), path
