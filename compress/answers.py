"""What a network of a run answers before it is exported, picture by picture, for the parity matrix."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from compress.errors import CompressError
from edge_runtime.preprocess import prepare
from train.dataset import read_named
from train.files import write_json, writing
from train.loop import predict
from train.run import load_network, read_run

# The quantization-aware network as it went into the converter; in HDF5, because Keras cannot read tfmot's layers from
# its own format.
QUANTISED = "quantised.h5"


def save_quantised(aware: Any, folder: Path) -> None:
    """Keeps the quantization-aware network in its run's folder.

    Raises:
        TrainError: it cannot be written.
    """
    with writing(folder), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")  # see QUANTISED
        aware.save(folder / QUANTISED, save_format="h5", include_optimizer=False)


def load_quantised(folder: Path) -> Any:
    """The quantization-aware network of a compressed run.

    Raises:
        CompressError: there is none.
    """
    path = folder / QUANTISED
    try:
        with tfmot.quantization.keras.quantize_scope():
            return keras.models.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise CompressError(
            f"{path}: cannot be read ({first_line}); `python -m compress run --run {folder}` writes it"
        ) from None


def write_answers(folder: Path, pictures: Path, out: Path, *, quantised: bool) -> None:
    """Writes a list of `decoded` and `prepared` (SHA-256 of the pixels) and `probabilities`, one a picture, as JSON.

    Args:
        folder: of the run.
        pictures: a file with a path a line.
        out: the JSON.
        quantised: whether the quantization-aware network answers, else the float one.

    Raises:
        EdgeClassifyError: something cannot be read or written.
    """
    run = read_run(folder)
    network = load_quantised(folder) if quantised else load_network(folder)
    try:
        paths = pictures.read_text("utf-8").splitlines()
    except OSError as error:
        raise CompressError(f"{pictures}: cannot be read ({error.strerror}); give a list of paths") from None
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
