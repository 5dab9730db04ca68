"""Named variants of the settings, declared as data: a name, and the single keys that differ."""

import re
from pathlib import Path

from train.config import Config, read_document, with_values
from train.errors import TrainError

BASE = "base"
DEFAULT_VARIANTS = Path(__file__).parent / "ablations.toml"


def read_variants(path: Path, base: Config) -> dict[str, Config]:
    """Reads variants from TOML: `"no rotation" = {"augment.rotate" = "none"}`.

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
            raise TrainError(f'{path}: {name!r} must be changes of keys, as {{ "augment.rotate" = "none" }}')
        known = folders.setdefault(folder_of(name), name)
        if known != name or name == BASE:
            raise TrainError(f"{path}: {name!r} and {known!r} would share a folder; give another name")
        try:
            changed = with_values(base, changes)
        except TrainError as error:
            raise TrainError(f"{path}: {name!r}: {error}") from None
        if changed != base:
            variants[name] = changed
    return variants


def folder_of(name: str) -> str:
    """The folder of a variant: its name in letters, digits, points and hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "-"
