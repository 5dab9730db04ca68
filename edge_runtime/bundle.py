"""A bundle: a `.tflite` with a zip tail that holds its contract, labels, probe and model card.

The tail follows the TFLite metadata convention, so an untouched `.tflite` reader still loads the file and any unzip
tool lists the members.
"""

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.contract import SCHEMA, Contract, ModelDigest
from edge_runtime.errors import ModelError
from edge_runtime.strict_json import StrictJsonError, dumps, loads
from edge_runtime.whole_file import replace_whole

CONTRACT, LABELS, PROBE_PICTURE, PROBE_ANSWER, CARD = (
    "contract.json",
    "labels.txt",
    "probe.png",
    "probe.json",
    "model_card.md",
)
MEMBERS = (CONTRACT, LABELS, PROBE_PICTURE, PROBE_ANSWER, CARD)

_FLATBUFFER_MARK = b"TFL3"  # file identifier of the TFLite schema, at byte 4
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's earliest date: the same content gives the same bytes
MAX_MEMBER_BYTES = 4_000_000
_MAX_BUNDLE_BYTES = 256_000_000


@dataclass(frozen=True)
class ProbeAnswer:
    """What the exporter saw on the probe picture.

    Attributes:
        pixels_sha256: of the prepared uint8 pixels, in C order.
        probabilities: calibrated, one per label.
    """

    pixels_sha256: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Bundle:
    """A model file, read and checked.

    Attributes:
        path: where it came from; only for messages.
        model: the flatbuffer.
        contract: what the device must know.
        probe_picture: a drawn picture, an encoded PNG.
        probe_answer: its scores at export.
        card: the model card, Markdown.
    """

    path: Path
    model: bytes
    contract: Contract
    probe_picture: bytes
    probe_answer: ProbeAnswer
    card: str


def digest_of(model: bytes) -> ModelDigest:
    """Length and SHA-256 of a flatbuffer, as the contract holds them."""
    return ModelDigest(bytes=len(model), sha256=hashlib.sha256(model).hexdigest())


def write_bundle(bundle: Bundle) -> None:
    """Writes a bundle to its path, whole or not at all.

    Raises:
        ModelError: the model is not the one the contract describes, or a member is too large to be read again.
        OSError: the file cannot be written.
    """
    if bundle.contract.model != digest_of(bundle.model):
        raise ModelError(f"{bundle.path}: the contract describes another model; export it again")
    members: dict[str, str | bytes] = {
        CONTRACT: dumps(bundle.contract, indent=None),  # stored, so each byte is one of the download
        LABELS: "".join(f"{label}\n" for label in bundle.contract.labels),
        PROBE_PICTURE: bundle.probe_picture,
        PROBE_ANSWER: dumps(bundle.probe_answer, indent=None),
        CARD: bundle.card,
    }
    large = [name for name in MEMBERS if len(members[name]) > MAX_MEMBER_BYTES]
    if large:
        raise ModelError(f"{bundle.path}: {large[0]} would be over {MAX_MEMBER_BYTES // 1_000_000} MB")
    tail = io.BytesIO()
    tail.write(bundle.model)
    with zipfile.ZipFile(tail, "a") as archive:
        for name in MEMBERS:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_STORED  # MediaPipe reads no other; the picture is compressed as it is
            archive.writestr(info, members[name])
    replace_whole(bundle.path, tail.getvalue())


def read_bundle(path: Path) -> Bundle:
    """Reads a bundle and checks every part against the others.

    Raises:
        ModelError: not readable, not a bundle, cut off, damaged, of a newer schema, or at odds with itself.
    """
    data = _read_bytes(path)
    if data[4:8] != _FLATBUFFER_MARK:
        raise ModelError(f"{path}: not a .tflite model; give a bundle made by `python -m compress`")
    members = _read_members(path, data)
    contract = _read_contract(path, members[CONTRACT])
    model = data[: contract.model.bytes]
    if digest_of(model) != contract.model:
        raise ModelError(f"{path}: the model is damaged (its SHA-256 is not the contract's); copy the file again")
    try:
        labels = members[LABELS].decode().splitlines()
        answer = loads(members[PROBE_ANSWER].decode(), ProbeAnswer)
        card = members[CARD].decode()
    except (UnicodeDecodeError, StrictJsonError) as error:
        raise ModelError(f"{path}: damaged ({error}); copy the file again") from None
    if tuple(labels) != contract.labels or len(answer.probabilities) != len(contract.labels):
        raise ModelError(f"{path}: {LABELS} or {PROBE_ANSWER} does not fit the contract's labels; export it again")
    return Bundle(path, model, contract, members[PROBE_PICTURE], answer, card)


def _read_bytes(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); give a bundle with --model") from None
    if len(data) > _MAX_BUNDLE_BYTES:
        raise ModelError(f"{path}: over {_MAX_BUNDLE_BYTES // 1_000_000} MB, not a bundle")
    return data


def _read_members(path: Path, data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            missing = [name for name in MEMBERS if name not in names]
            if missing:
                raise ModelError(f"{path}: carries no {missing[0]}; export it with `python -m compress`")
            if any(archive.getinfo(name).file_size > MAX_MEMBER_BYTES for name in MEMBERS):
                raise ModelError(f"{path}: a member is over {MAX_MEMBER_BYTES // 1_000_000} MB, not a bundle")
            return {name: archive.read(name) for name in MEMBERS}
    except zipfile.BadZipFile:
        raise ModelError(
            f"{path}: carries no contract: a bare .tflite, or a bundle cut off; copy it again or export it with "
            "`python -m compress`"
        ) from None
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ModelError(f"{path}: damaged ({error}); copy the file again") from None


def _read_contract(path: Path, member: bytes) -> Contract:
    try:
        text = member.decode()
        schema = _schema_of(text)
        if schema > SCHEMA:
            raise ModelError(
                f"{path}: contract schema {schema} is newer than this edge-classify reads ({SCHEMA}); "
                "upgrade edge-classify"
            )
        if schema < SCHEMA:
            raise ModelError(f"{path}: contract schema {schema} is not {SCHEMA}; export it again")
        return loads(text, Contract)
    except (UnicodeDecodeError, StrictJsonError) as error:
        raise ModelError(f"{path}: {CONTRACT}: {error}; export it again") from None


def _schema_of(text: str) -> int:
    """The schema number, read before all else because another schema has other keys."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return SCHEMA  # the strict reader says what is wrong
    schema = document.get("schema") if isinstance(document, dict) else None
    return schema if isinstance(schema, int) else SCHEMA
