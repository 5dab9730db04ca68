"""What a network of a run answers before it is exported, picture by picture, for the parity matrix."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from compress.errors import CompressError
from compress.twin import named_by
from edge_runtime.bundle import Bundle
from edge_runtime.preprocess import prepare
from train.dataset import read_named
from train.files import write_json, writing
from train.loop import predict
from train.run import load_network, read_run


def quantised_file(folder: Path, bundle: Bundle) -> Path:
    """Where the quantization-aware network of a bundle is, as it went into the converter, in the folder of the run."""
    return folder / f"quantised-{named_by(bundle)}.h5"


def save_quantised(aware: Any, path: Path) -> None:
    """Keeps a quantization-aware network; in HDF5, because Keras cannot read tfmot's layers from its own format.

    Raises:
        TrainError: it cannot be written.
    """
    with writing(path.parent), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        aware.save(path, save_format="h5", include_optimizer=False)


def load_quantised(path: Path) -> Any:
    """Reads what `save_quantised` wrote.

    Raises:
        CompressError: there is none.
    """
    try:
        with tfmot.quantization.keras.quantize_scope():
            return keras.models.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise CompressError(
            f"{path}: cannot be read ({first_line}); `python -m compress run --run {path.parent}` writes it"
        ) from None


def write_answers(folder: Path, pictures: Path, out: Path, *, of: Bundle | None = None) -> None:
    """Writes a list of `decoded` and `prepared` (SHA-256 of the pixels) and `probabilities`, one a picture, as JSON.

    Args:
        folder: of the run.
        pictures: a file with a path a line.
        out: the JSON.
        of: the bundle whose quantization-aware network answers; None asks the float one.

    Raises:
        EdgeClassifyError: something cannot be read or written.
    """
    run = read_run(folder)
    network = load_network(folder) if of is None else load_quantised(quantised_file(folder, of))
    try:
        paths = pictures.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise CompressError(f"{pictures}: cannot be read ({reason}); give a list of paths") from None
    if not paths:
        raise CompressError(f"{pictures}: names no picture; give a path a line")
    hashes, light = [], []
    for path in paths:
        picture = read_named(path)
        light.append(prepare(picture, run.config.picture.spec))
        seen = prepare(picture, run.config.device_input)
        hashes.append([hashlib.sha256(pixels.tobytes()).hexdigest() for pixels in (picture, seen)])
    rows = [
        {"decoded": decoded, "prepared": prepared, "probabilities": [float(value) for value in values]}
        for (decoded, prepared), values in zip(hashes, predict(network, np.stack(light)), strict=True)
    ]
    write_json(out, rows)
