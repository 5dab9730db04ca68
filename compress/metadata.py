"""The standard TFLite metadata, by which other tools know what a network reads and how its answers are called.

A flatbuffer within the flatbuffer, named `TFLITE_METADATA`; the labels are the `labels.txt` of the bundle's zip tail.
Field numbers are those of metadata_schema.fbs (ai.google.dev/edge/litert/models/metadata), whose generated code comes
only with packages that bring another OpenCV or an old protobuf. The device never reads it: there the contract counts.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert.schema_py_generated import BufferT, MetadataT

from compress.flatbuffer import Flatbuffer
from edge_runtime.bundle import LABELS, Bundle, digest_of, read_bundle, write_bundle
from edge_runtime.contract import InputSpec
from edge_runtime.notice import RESEARCH_USE

NAME = b"TFLITE_METADATA"
_IDENTIFIER, _PARSER = b"M001", "1.0.0"
_TENSOR_AXIS_LABELS, _RGB, _IMAGE_PROPERTIES, _NORMALIZATION = 2, 1, 2, 1
_OFFSET_BYTES = 4
# Fields of each table in the schema, a union counting twice.
_ASSOCIATED_FILE, _IMAGE, _CONTENT, _NORMALIZE, _UNIT, _STATS, _TENSOR, _SUBGRAPH, _MODEL = 5, 2, 3, 2, 2, 2, 7, 10, 8
_LARGEST_PIXEL = 255.0


def with_metadata(model: bytes, *, name: str, spec: InputSpec) -> bytes:
    """Adds the metadata of an image classifier; tensors and operators stay as they are.

    Args:
        model: a flatbuffer without a zip tail; metadata that it has already is replaced.
        name: of the network.
        spec: what its input is.
    """
    file = Flatbuffer(model)
    network = file.network
    described = _describe(name, spec)
    entries = network.metadata or []
    for entry in entries:
        if entry.name == NAME:
            network.buffers[entry.buffer].data = described
            break
    else:
        buffer, entry = BufferT(), MetadataT()
        buffer.data = described
        entry.name, entry.buffer = NAME, len(network.buffers)
        network.buffers.append(buffer)
        network.metadata = [*entries, entry]
    return file.to_bytes()


def add_metadata(source: Path, out: Path) -> Bundle:
    """Writes a copy of a bundle whose network has the metadata.

    Raises:
        ModelError: the source is no bundle.
        OSError: the copy cannot be written.
    """
    bundle = read_bundle(source)
    model = with_metadata(bundle.model, name=bundle.contract.name, spec=bundle.contract.input)
    contract = dataclasses.replace(bundle.contract, model=digest_of(model))
    copy = dataclasses.replace(bundle, path=out, model=model, contract=contract)
    write_bundle(copy)
    return copy


def _describe(name: str, spec: InputSpec) -> bytes:
    builder: Any = flatbuffers.Builder(0)
    text = builder.CreateString
    image = _table(builder, _IMAGE, bytes_={0: _RGB if spec.colour_order == "rgb" else 0})
    content = _table(builder, _CONTENT, {1: image}, bytes_={0: _IMAGE_PROPERTIES})
    # real = (pixel - mean) / std; a network that reads uint8 does this inside.
    mean, std = -spec.offset / spec.scale, 1 / spec.scale
    normalise = _table(builder, _NORMALIZE, {0: _floats(builder, mean), 1: _floats(builder, std)})
    unit = _table(builder, _UNIT, {1: normalise}, bytes_={0: _NORMALIZATION})
    stats = _table(builder, _STATS, {0: _floats(builder, _LARGEST_PIXEL), 1: _floats(builder, 0.0)})
    input_ = _table(
        builder,
        _TENSOR,
        {
            0: text("image"),
            1: text(
                f"The middle {spec.crop} x {spec.crop} pixels of a cell on black, brought to {spec.size} x {spec.size}."
            ),
            3: content,
            4: _vector(builder, [unit]),
            5: stats,
        },
    )
    labels = _table(builder, _ASSOCIATED_FILE, {0: text(LABELS)}, bytes_={2: _TENSOR_AXIS_LABELS})
    output = _table(
        builder,
        _TENSOR,
        {
            0: text("probability"),
            1: text("Of each label, before the calibration that contract.json holds."),
            6: _vector(builder, [labels]),
        },
    )
    graph = _table(builder, _SUBGRAPH, {2: _vector(builder, [input_]), 3: _vector(builder, [output])})
    root = _table(
        builder,
        _MODEL,
        {
            0: text(name),
            1: text(RESEARCH_USE),
            3: _vector(builder, [graph]),
            7: text(_PARSER),
        },
    )
    builder.Finish(root, file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _table(
    builder: Any, fields: int, offsets: Mapping[int, int] | None = None, *, bytes_: Mapping[int, int] | None = None
) -> int:
    """Writes a table of offsets and of one-byte numbers, by the number of their field."""
    builder.StartObject(fields)
    for slot, offset in (offsets or {}).items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, value in (bytes_ or {}).items():
        builder.PrependInt8Slot(slot, value, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(_OFFSET_BYTES, len(offsets), _OFFSET_BYTES)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, value: float) -> int:
    return int(builder.CreateNumpyVector(np.array([value], np.float32)))
