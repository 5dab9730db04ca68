"""What stands beside a file of results: how it was made, and how much of it is surely on the disk."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_runtime.errors import OutputError
from edge_runtime.strict_json import StrictJsonError, dumps, loads

RECORD_SUFFIX = ".run.json"


@dataclass(frozen=True)
class Part:
    """The beginning of something.

    Attributes:
        count: bytes of a file, or pictures of a run.
        sha256: of the bytes; of the pictures' paths, each ended by a zero byte.
    """

    count: int
    sha256: str


@dataclass(frozen=True)
class RunRecord:
    """One run into one file.

    Attributes:
        schema: of this record.
        version: of edge-classify.
        model: SHA-256 of the network and its contract.
        options: those that change rows, by name.
        output: how much of the file is on the disk; it ends with the last row of a picture.
        pictures: which pictures those rows are of.
        finished: whether nothing is missing.
    """

    schema: Literal[1]
    version: str
    model: str
    options: dict[str, str]
    output: Part
    pictures: Part
    finished: bool


def record_path(output: Path) -> Path:
    """Where the record of an output is."""
    return output.with_name(output.name + RECORD_SUFFIX)


def read_record(output: Path) -> RunRecord:
    """Reads the record of an output.

    Raises:
        OutputError: there is none, or none that can be trusted.
    """
    path = record_path(output)
    advice = "give --overwrite or another --output"
    try:
        return loads(path.read_text("utf-8"), RunRecord)
    except FileNotFoundError:
        raise OutputError(f"{output}: cannot be resumed, there is no {path.name} beside it; {advice}") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}); {advice}") from None
    except (StrictJsonError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: is damaged or of another version ({error}); {advice}") from None


def write_record(record: RunRecord, output: Path) -> None:
    """Writes the record of an output so that after a power cut either the old or the new one is there, whole.

    Raises:
        OutputError: it cannot be written; the old one stays.
    """
    path = record_path(output)
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "w", encoding="utf-8") as file:
            file.write(dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another --output") from None


def _sync_folder(folder: Path) -> None:
    """Makes names last: without it a power cut may bring the old ones back."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a file system that cannot
            os.fsync(handle)
    finally:
        os.close(handle)
