"""What several tests share: real data, the shipped model, the real command, and models of one operation."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from edge_runtime.bundle import Bundle, ProbeAnswer, digest_of, read_bundle
from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.contract import Contract

# As `train.cli.run_group` does: without it TensorFlow imports Keras 3 too, for two seconds a process.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
ROOT = Path(__file__).parent.parent
CLI_TIMEOUT_S = 120
# Begun first, so that no core is left alone with a long file at the end.
_LONGEST = (
    "test_readme.py",
    "test_line.py",
    "test_strategy.py",
    "test_sweep.py",
    "test_architectures.py",
    "test_parity.py",
    "test_crossval.py",
    "test_pretrained.py",
    "test_channel_pruning.py",
    "test_ablate.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; within a file nothing moves."""
    items.sort(key=lambda item: _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST))


class RunCli(Protocol):
    """Runs `python -m edge_runtime` as a user would."""

    def __call__(
        self,
        *args: str | Path,
        input: str | bytes | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> "subprocess.CompletedProcess[str]": ...


def shared_folder(variable: str, default: str) -> Path:
    """A folder of files that are not in the project; without it a test is skipped, in CI it fails."""
    path = Path(os.environ.get(variable) or ROOT / ".." / "shared" / default).resolve()
    if not path.is_dir():
        reason = f"no folder {path}; set {variable} to where its files are"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data."""
    return shared_folder("EDGE_CLASSIFY_DATA", "data")


@pytest.fixture(scope="session")
def c_nmc(data_root: Path) -> Path:
    """Real cells: fold_0..2 / all, hem."""
    return data_root / "c-nmc"


@pytest.fixture(scope="session")
def weights_root() -> Path:
    """The folder of networks trained on ImageNet."""
    return shared_folder("EDGE_CLASSIFY_WEIGHTS", "weights")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of drawn cells."""
    return ROOT / "samples"


@pytest.fixture(scope="session")
def default_bundle() -> Bundle:
    """The model in the wheel."""
    return read_bundle(DEFAULT_MODEL)


def cli_environment(env: dict[str, str] | None = None) -> dict[str, str]:
    """The environment a command runs in: this one, the checkout importable, and what is asked for."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_CLASSIFY_")}
    return inherited | {"PYTHONPATH": str(ROOT)} | (env or {})


@pytest.fixture(scope="session")
def run_cli() -> RunCli:
    """Runs the command in a process of its own; text is UTF-8."""

    def run(
        *args: str | Path,
        input: str | bytes | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, "-m", "edge_runtime", *map(os.fspath, args)],
            input=input.encode() if isinstance(input, str) else input or b"",
            env=cli_environment(env),
            cwd=cwd,
            capture_output=True,
            timeout=CLI_TIMEOUT_S,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def mean_model(tensor_type: int = schema.TensorType.FLOAT32, *, side: int = 8, inputs: int = 1) -> bytes:
    """A flatbuffer of one operation: the mean of each channel, so three labels; under 2 kB."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MEAN
    axes = schema.BufferT()
    axes.data = np.frombuffer(np.array([1, 2], np.int32).tobytes(), np.uint8)
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1], [2]
    operator.builtinOptionsType, operator.builtinOptions = (
        schema.BuiltinOptions.ReducerOptions,
        schema.ReducerOptionsT(),
    )
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor("pixels", [1, side, side, 3], tensor_type),
        _tensor("axes", [2], schema.TensorType.INT32, buffer=1),
        _tensor("means", [1, 3], tensor_type),
        _tensor("unused", [1], tensor_type),
    ]
    graph.inputs, graph.outputs, graph.operators = [0, 3][:inputs], [2], [operator]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT(), axes]
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(name: str, shape: list[int], kind: int, *, buffer: int = 0) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), shape, kind, buffer
    if kind in (schema.TensorType.UINT8, schema.TensorType.INT8):
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [1 / 255], [0]
    return tensor


@pytest.fixture(scope="session")
def default_contract(default_bundle: Bundle) -> Contract:
    """The contract of the model in the wheel: a real one to vary."""
    return default_bundle.contract


@pytest.fixture
def mean_bundle(default_bundle: Bundle, tmp_path: Path) -> Callable[..., Bundle]:
    """Makes a bundle of three labels around `mean_model`; keywords replace fields of its contract's parts."""

    def make(model: bytes | None = None, *, size: int = 8, **decision: Any) -> Bundle:
        model = model or mean_model()
        contract = default_bundle.contract
        contract = dataclasses.replace(
            contract,
            labels=("red", "green", "blue"),
            input=dataclasses.replace(contract.input, crop=size, size=size, scale=1 / 255, offset=0.0),
            decision=dataclasses.replace(contract.decision, **({"logit_offset": (0.0, 0.0, 0.0)} | decision)),
            model=digest_of(model),
        )
        answer = ProbeAnswer(default_bundle.probe_answer.pixels_sha256, (0.5, 0.25, 0.25))
        return Bundle(tmp_path / "mean.tflite", model, contract, default_bundle.probe_picture, answer, "a card\n")

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True)
    if done.returncode != 0:
        reason = f"cannot mount a tmpfs ({done.stderr.decode().strip()}); run as root"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def drawn_cells(tmp_path: Path) -> Path:
    """A few drawn cells in the C-NMC layout, to be changed by a test."""
    from tests.drawn import draw_data_set

    return draw_data_set(tmp_path / "drawn", subjects=3, cells=2)


@pytest.fixture(scope="session")
def many_drawn_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn cells of enough subjects for three parts; not to be changed."""
    from tests.drawn import draw_data_set

    return draw_data_set(tmp_path_factory.mktemp("drawn") / "cells", subjects=5, cells=3)


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A training configuration and a recipe that take seconds."""
    from tests.drawn import write_small_settings

    return write_small_settings(tmp_path_factory.mktemp("settings"))
