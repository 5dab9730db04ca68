"""`--model` takes the name of a shipped model, and `--info` lists them; a file that is there wins."""

import shutil
from pathlib import Path

import pytest

from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.errors import ModelError
from edge_runtime.shipped import find_model, shipped_models
from tests.conftest import RunCli


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of two models, as a wheel with a second one would have it."""
    for name in ("accurate", "default"):
        shutil.copy(DEFAULT_MODEL, tmp_path / f"{name}.tflite")
    (tmp_path / "README.md").touch()
    return tmp_path


def test_names_are_those_of_the_files_and_the_default_comes_first(models: Path) -> None:
    assert list(shipped_models(models)) == ["default", "accurate"]
    assert shipped_models()["default"] == DEFAULT_MODEL


def test_a_name_a_path_and_nothing_find_a_file(
    models: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_model(None, models) == DEFAULT_MODEL
    assert find_model(Path("accurate"), models) == models / "accurate.tflite"
    for path in (Path("accurate.tflite"), Path("./there/accurate"), models / "absent"):
        assert find_model(path, models) == path
    monkeypatch.chdir(tmp_path_factory.mktemp("own"))
    Path("accurate").touch()
    assert find_model(Path("accurate"), models) == Path("accurate")


def test_a_name_that_is_none_is_one_line(models: Path) -> None:
    with pytest.raises(ModelError, match=r"^fast: no such file, .* one of: default, accurate$"):
        find_model(Path("fast"), models)


def test_the_command_knows_names(run_cli: RunCli, tmp_path: Path) -> None:
    assert "ok: default.tflite" in run_cli("--self-test", "--model", "default", cwd=tmp_path).stdout
    refused = run_cli("--self-test", "--model", "fast", cwd=tmp_path)
    assert refused.returncode == 1 and "one of: default" in refused.stderr and "Traceback" not in refused.stderr
    info = run_cli("--info").stdout
    (line,) = [line for line in info.splitlines() if line.startswith("shipped")]
    assert "default" in line and "bytes" in line
