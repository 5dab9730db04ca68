"""Files written whole or not at all, and the one line when they cannot be."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_runtime.whole_file import replace_whole
from train.errors import TrainError


def claim(state: Path, identity: dict[str, Any], *, remedy: str = "give another folder") -> None:
    """Makes a folder the one of these settings, data and parts, or finds that it is.

    Args:
        state: the JSON file in it that says so; written when absent.
        identity: what the file must hold, beside anything else.
        remedy: what to do where it does not.

    Raises:
        TrainError: it holds something else, or cannot be written.
    """
    folder = state.parent
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            written = state.read_text("utf-8") if state.exists() else None
        if written is None:
            write_json(state, identity)
            return
        known = json.loads(written)
        if not isinstance(known, dict):
            raise ValueError
    except ValueError:
        raise TrainError(f"{state}: damaged; delete the folder or give another") from None
    other = differing(known, identity)
    if other:
        raise TrainError(
            f"{folder}: holds a run with other settings or data ({other[0]!r} differs in {state.name}); {remedy}"
        )


def differing(known: dict[str, Any], identity: dict[str, Any]) -> list[str]:
    """The keys of an identity that what was once written as JSON has otherwise, or not at all."""
    return [key for key, value in json.loads(json.dumps(identity)).items() if known.get(key) != value]


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, whole or not at all.

    Raises:
        TrainError: it cannot be written.
    """
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises:
        TrainError: it cannot be written.
    """
    with writing(path.parent):
        replace_whole(path, content)


def write_array(path: Path, array: npt.NDArray[np.float64]) -> None:
    """Writes an array as NumPy keeps it, whole or not at all.

    Raises:
        TrainError: it cannot be written.
    """
    file = io.BytesIO()
    np.save(file, array)
    write_whole(path, file.getvalue())


def read_array(path: Path) -> npt.NDArray[np.float64]:
    """Reads what `write_array` wrote.

    Raises:
        TrainError: it cannot be read.
    """
    try:
        return np.asarray(np.load(path), np.float64)
    except (OSError, ValueError, EOFError):
        raise TrainError(f"{path}: damaged; delete it and run the same command again") from None


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Makes one clear line of a full disk or a folder that cannot be written, whoever writes.

    Raises:
        TrainError: instead of what the system or TensorFlow raised.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        # TensorFlow says `where; why [Op:name]`.
        reason = getattr(error, "strerror", None) or str(error).partition(" [Op:")[0].rpartition("; ")[2]
        raise TrainError(
            f"{folder}: cannot be written ({reason}); make room, or give another folder; what was finished is kept"
        ) from None
