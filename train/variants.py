"""Named variants of the settings, declared as data: a name, and the single keys that differ."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from edge_runtime.strict_json import StrictJsonError, read_value
from train.config import Config, read_document
from train.errors import TrainError

BASE = "base"
DEFAULT_VARIANTS = Path(__file__).parent / "ablations.toml"


def read_variants(path: Path, base: Config) -> dict[str, Config]:
    """Reads variants from TOML: `"no rotation" = {"augment.rotate" = false}`.

    Args:
        path: of the file.
        base: the settings that they change.

    Returns:
        The settings of each, by name, in the order of the file; without those that change nothing.

    Raises:
        TrainError: not TOML, two names of one folder, or a key that is unknown, ill-typed or out of range.
    """
    variants: dict[str, Config] = {}
    folders = {folder_of(BASE): BASE}
    for name, changes in read_document(path, TrainError).items():
        if not isinstance(changes, dict) or not changes:
            raise TrainError(f'{path}: {name!r} must be changes of keys, as {{ "augment.rotate" = false }}')
        known = folders.setdefault(folder_of(name), name)
        if known != name or name == BASE:
            raise TrainError(f"{path}: {name!r} and {known!r} would share a folder; give another name")
        try:
            changed = _changed(base, changes)
        except StrictJsonError as error:
            raise TrainError(f"{path}: {name!r}: {error}") from None
        if changed != base:
            variants[name] = changed
    return variants


def folder_of(name: str) -> str:
    """The folder of a variant: its name in letters, digits, points and hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "-"


def _changed(base: Config, changes: dict[str, Any]) -> Config:
    document = json.loads(json.dumps(dataclasses.asdict(base)))
    for key, value in changes.items():
        section, _, last = key.rpartition(".")
        place = document
        for part in filter(None, section.split(".")):
            place = place.get(part) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            raise StrictJsonError(f"key {key!r} is unknown")
        place[last] = value
    return read_value(document, Config)
