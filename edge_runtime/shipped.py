"""The models that come with the package, by name: `default` is `models/default.tflite`."""

from pathlib import Path

from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.errors import ModelError

_SUFFIX = ".tflite"


def shipped_models(folder: Path = DEFAULT_MODEL.parent) -> dict[str, Path]:
    """The files by name, the default first."""
    found = {path.stem: path for path in sorted(folder.glob(f"*{_SUFFIX}"))}
    first = {name: path for name, path in found.items() if name == DEFAULT_MODEL.stem}
    return {**first, **found}


def find_model(given: Path | None, folder: Path = DEFAULT_MODEL.parent) -> Path:
    """The file that is meant: a path, a shipped model's name, or the default where nothing is given.

    A file of that name that is there wins over a shipped model.

    Raises:
        ModelError: neither a path nor a shipped model's name.
    """
    if given is None:
        return DEFAULT_MODEL
    if given.name != str(given) or given.suffix or given.exists():
        return given
    shipped = shipped_models(folder)
    if given.name not in shipped:
        raise ModelError(
            f"{given}: no such file, and no shipped model of that name; give a bundle, or one of: {', '.join(shipped)}"
        )
    return shipped[given.name]
