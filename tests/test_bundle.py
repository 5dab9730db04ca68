"""A bundle is read whole or refused, and any `.tflite` reader still reads it."""

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.bundle import (
    CARD,
    CONTRACT,
    LABELS,
    MEMBERS,
    PROBE_ANSWER,
    PROBE_PICTURE,
    Bundle,
    digest_of,
    read_bundle,
    write_bundle,
)
from edge_runtime.classifier import DEFAULT_MODEL, Classifier
from edge_runtime.errors import ModelError
from tests.conftest import mean_model

DEFAULT_BYTES = DEFAULT_MODEL.read_bytes()


def refusal(path: Path) -> str:
    """The message with which a file is refused, at reading or at loading: one line that names the file."""
    with pytest.raises(ModelError) as caught:
        Classifier.from_file(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def repacked(path: Path, changes: dict[str, bytes | None]) -> Path:
    """The default model with other members; None leaves one out."""
    with zipfile.ZipFile(io.BytesIO(DEFAULT_BYTES)) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    length = json.loads(members[CONTRACT] or b"")["model"]["bytes"]
    path.write_bytes(DEFAULT_BYTES[:length])
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in (members | changes).items():
            if content is not None:
                archive.writestr(name, content)
    return path


def contract_with(**changes: Any) -> bytes:
    with zipfile.ZipFile(io.BytesIO(DEFAULT_BYTES)) as archive:
        document = json.loads(archive.read(CONTRACT))
    for name, change in changes.items():
        document[name] = document[name] | change if isinstance(change, dict) else change
    return json.dumps(document).encode()


def test_a_bundle_survives_writing_and_reading(default_bundle: Bundle, tmp_path: Path) -> None:
    bundle = dataclasses.replace(default_bundle, path=tmp_path / "copy.tflite", card="# Eine Karte: \u00e4\n")
    write_bundle(bundle)
    assert read_bundle(bundle.path) == bundle
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy.tflite"]


def test_the_same_content_gives_the_same_bytes(default_bundle: Bundle, tmp_path: Path) -> None:
    for name in ("one.tflite", "two.tflite"):
        write_bundle(dataclasses.replace(default_bundle, path=tmp_path / name))
    assert (tmp_path / "one.tflite").read_bytes() == (tmp_path / "two.tflite").read_bytes()


def test_an_untouched_reader_loads_a_bundle(default_bundle: Bundle) -> None:
    interpreter = Interpreter(model_path=str(DEFAULT_MODEL))
    interpreter.allocate_tensors()
    side = default_bundle.contract.input.size
    assert list(interpreter.get_input_details()[0]["shape"]) == [1, side, side, 3]


def test_any_unzip_tool_lists_the_members() -> None:
    with zipfile.ZipFile(DEFAULT_MODEL) as archive:
        assert tuple(archive.namelist()) == MEMBERS
        assert archive.testzip() is None


def test_a_contract_of_another_model_is_not_written(default_bundle: Bundle, tmp_path: Path) -> None:
    bundle = dataclasses.replace(default_bundle, path=tmp_path / "a.tflite", model=mean_model())
    with pytest.raises(ModelError, match="describes another model"):
        write_bundle(bundle)
    assert not bundle.path.exists()


def test_a_bare_tflite_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.tflite"
    path.write_bytes(read_bundle(DEFAULT_MODEL).model)
    assert "carries no contract" in refusal(path)


@pytest.mark.parametrize("keep", [0, 3, 8, 100, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, -1])
def test_a_bundle_cut_off_anywhere_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(DEFAULT_BYTES[: int(keep * len(DEFAULT_BYTES)) if 0 < keep < 1 else int(keep)])
    refusal(path)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.6, 0.99])
def test_a_flipped_bit_in_the_model_is_refused(default_bundle: Bundle, tmp_path: Path, place: float) -> None:
    data = bytearray(DEFAULT_BYTES)
    data[int(place * len(default_bundle.model))] ^= 1
    path = tmp_path / "flipped.tflite"
    path.write_bytes(data)
    assert "damaged" in refusal(path)


@given(st.integers(0), st.integers(1, 255))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_byte_in_the_tail_is_refused_or_harmless(
    default_bundle: Bundle, tmp_path: Path, place: int, mask: int
) -> None:
    data = bytearray(DEFAULT_BYTES)
    length = len(default_bundle.model)
    data[length + place % (len(data) - length)] ^= mask
    path = tmp_path / "flipped.tflite"
    path.write_bytes(data)
    try:
        bundle = read_bundle(path)
    except ModelError as error:
        assert str(path) in str(error)
    else:  # a date or a flag that nobody reads
        assert dataclasses.replace(bundle, path=default_bundle.path) == default_bundle


@pytest.mark.parametrize("name", MEMBERS)
def test_a_missing_member_is_named(tmp_path: Path, name: str) -> None:
    assert f"carries no {name}" in refusal(repacked(tmp_path / "a.tflite", {name: None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({CONTRACT: contract_with(schema=4, surprise=1)}, "schema 4 is newer"),
        ({CONTRACT: contract_with(schema=2)}, "schema 2 is not 3"),
        ({CONTRACT: contract_with(surprise=1)}, "key 'surprise' is unknown"),
        ({CONTRACT: b"{"}, "not JSON"),
        ({CONTRACT: b"[" * 100_000}, "not JSON"),
        ({CONTRACT: b'{"schema": ' + b"1" * 5000 + b"}"}, "not JSON"),
        ({CONTRACT: b"\xff\xfe"}, "utf-8"),
        ({CONTRACT: contract_with(model={"bytes": -5})}, "damaged"),
        ({CONTRACT: contract_with(model={"bytes": 10**12})}, "damaged"),
        ({LABELS: b"hem\nall\n"}, LABELS),
        ({LABELS: b"all\n"}, LABELS),
        ({LABELS: b"\xff\n"}, "damaged"),
        ({PROBE_ANSWER: b'{"pixels_sha256": "", "probabilities": [1.0]}'}, PROBE_ANSWER),
        ({PROBE_ANSWER: b'{"pixels_sha256": ""}'}, "probabilities"),
        ({CARD: b"\xff"}, "damaged"),
        ({PROBE_PICTURE: bytes(5_000_000)}, "over 4 MB"),
        (
            {
                CONTRACT: contract_with(labels=["a", "b", "c"], decision={"logit_offset": [0, 0, 0]}),
                LABELS: b"a\nb\nc\n",
                PROBE_ANSWER: b'{"pixels_sha256": "", "probabilities": [1, 0, 0]}',
            },
            "3 labels",
        ),
        ({CONTRACT: contract_with(input={"size": 64})}, "contract says 64 pixels"),
        ({CONTRACT: contract_with(input={"scale": 1.0})}, "scale and offset"),
        ({CONTRACT: contract_with(input={"offset": -1.0})}, "scale and offset"),
    ],
)
def test_a_bundle_at_odds_with_itself_is_refused(
    tmp_path: Path, changes: dict[str, bytes | None], message: str
) -> None:
    assert message in refusal(repacked(tmp_path / "a.tflite", changes))


@pytest.mark.parametrize("content", [None, b"", b"text\n", bytes(1000), b"PK\x03\x04" + bytes(100)])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.tflite"
    if content is not None:
        path.write_bytes(content)
    assert ("cannot be read" if content is None else "not a .tflite model") in refusal(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (mean_model(schema.TensorType.INT8), "reads int8"),
        (mean_model(inputs=2), "2 inputs"),
        (mean_model(side=16), "contract says 8 pixels"),
        (b"\x1c\0\0\0TFL3" + bytes(500), "does not load"),
    ],
)
def test_a_network_of_another_form_is_refused(mean_bundle: Callable[..., Bundle], model: bytes, message: str) -> None:
    bundle = dataclasses.replace(mean_bundle(model), model=model)
    assert bundle.contract.model == digest_of(model)
    write_bundle(bundle)
    with pytest.raises(ModelError, match=message):
        Classifier.from_file(bundle.path)
