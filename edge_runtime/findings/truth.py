"""The true label of a picture: from its folders, its C-NMC name, or a CSV."""

import csv
import os
from array import array
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np

from edge_runtime.errors import InputError
from edge_runtime.findings.names import parse_c_nmc_name

Truth = Callable[[str], int | None]
"""The index of the true label of a path; None where it is not known."""

FOLDER, C_NMC = "folder", "c-nmc"
_COLUMNS = ("path", "label")
_KEY_BYTES = 8  # of ten million paths two share a key with a probability of 3 in a million


def truth_of(source: str, labels: tuple[str, ...]) -> Truth:
    """Reads where the truth stands.

    Args:
        source: `folder`: the innermost folder that is named as a label; `c-nmc`: the file name; else a CSV with
            `path` and `label` (other columns are passed over), paths relative to it.
        labels: of the model.

    Raises:
        InputError: not a CSV of this form, or one with other labels.
    """
    index = {label: i for i, label in enumerate(labels)}
    if source == FOLDER:
        return lambda path: next((index[f] for f in reversed(os.path.dirname(path).split(os.sep)) if f in index), None)
    if source == C_NMC:
        return lambda path: index.get(_c_nmc_label(path))
    return _Listed(Path(source), index)


def _c_nmc_label(path: str) -> str:
    try:
        return parse_c_nmc_name(os.path.basename(path))[1]
    except ValueError:
        return ""


class _Listed:
    """A CSV of any length, 9 bytes a line in memory: hashed paths in order, and their labels."""

    def __init__(self, path: Path, index: dict[str, int]) -> None:
        self._folder = os.path.abspath(path.parent)
        keys, labels = array("Q"), array("B")
        for line, name, label in _lines(path):
            if label not in index:
                known = ", ".join(index)
                raise InputError(f"{path}: line {line}: label {label!r} is not one of the model's ({known})")
            keys.append(self._key(name))
            labels.append(index[label])
        own = np.frombuffer(keys, np.uint64)
        order = np.argsort(own, kind="stable")
        self._keys, self._labels = own[order], np.frombuffer(labels, np.uint8)[order]
        twice = (np.diff(self._keys) == 0) & (np.diff(self._labels) != 0)
        if twice.any():
            entry = 1 + int(order[1:][twice].min())
            raise InputError(f"{path}: entry {entry} gives a path another label than an earlier one; keep one")

    def __call__(self, path: str) -> int | None:
        # As it lies on the disk, or else as it is written in the CSV.
        for key in (self._key(os.path.abspath(path)), self._key(path)):
            place = int(np.searchsorted(self._keys, np.uint64(key)))
            if place < len(self._keys) and self._keys[place] == key:
                return int(self._labels[place])
        return None

    def _key(self, name: str) -> int:
        text = os.path.normpath(os.path.join(self._folder, name))
        digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_KEY_BYTES).digest()
        return int.from_bytes(digest, "little")


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, path and label of each entry."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if not set(_COLUMNS) <= set(reader.fieldnames or ()):
                raise InputError(f"{path}: line 1 must name the columns {' and '.join(_COLUMNS)}")
            for row in reader:
                name, label = (row[column] for column in _COLUMNS)
                if not name or not label:
                    raise InputError(f"{path}: line {reader.line_num} must hold a path and a label")
                yield reader.line_num, name, label
    except FileNotFoundError:
        raise InputError(f"--truth {path}: no such file; give {FOLDER}, {C_NMC}, or a CSV with path,label") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--truth {path}: not a readable CSV ({reason}); give one with path,label") from None
