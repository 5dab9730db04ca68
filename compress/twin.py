"""The float twin of a compressed model: the same weights before they became integers, kept in the folder of the run."""

from pathlib import Path

from compress.errors import CompressError
from edge_runtime.bundle import Bundle

_DIGITS = 12


def named_by(bundle: Bundle) -> str:
    """What tells the files kept for a bundle, in the folder of the run that it was made of, from those of another."""
    return bundle.contract.model.sha256[:_DIGITS]


def twin_file(folder: Path, bundle: Bundle) -> Path:
    """Where the twin of a bundle is."""
    return folder / f"twin-{named_by(bundle)}.tflite"


def read_twin(folder: Path, bundle: Bundle) -> bytes:
    """The twin's flatbuffer, float32 in and out.

    Raises:
        CompressError: it is not there.
    """
    path = twin_file(folder, bundle)
    try:
        return path.read_bytes()
    except OSError as error:
        raise CompressError(
            f"{path}: cannot be read ({error.strerror}); the float twin of {bundle.path.name} is kept where "
            "`python -m compress run` made it: give that --run, or make the bundle again"
        ) from None
