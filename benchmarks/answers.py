"""What one machine computes for many pictures: `python answers.py SETTINGS.json ANSWERS.json`.

Runs on any Python that has `edge_runtime`: on this machine, or in a userland for ARM, so that the
two files can be laid side by side.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from edge_runtime.bundle import read_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import prepare, quantise, read_picture


def main() -> None:
    """Reads the settings, classifies every picture, writes the answers.

    Settings: `bundle`, `model` (a flatbuffer of the same network; null takes the bundle's), `runtime` (null is the
    default), `threads`, `xnnpack`, `pictures` (paths). Answers, one a picture: `decoded` and `prepared` (SHA-256 of the
    pixels) and `probabilities` (calibrated where the bundle's own network ran).
    """
    settings = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    classifier = Classifier(read_bundle(Path(settings["bundle"])), runtime=settings["runtime"])
    other = settings["model"]
    model = classifier.bundle.model if other is None else Path(other).read_bytes()
    interpreter = Interpreter(
        model, runtime=settings["runtime"], threads=settings["threads"], xnnpack=settings["xnnpack"]
    )
    if other is None:
        classifier.interpreter = interpreter
    spec, answers = classifier.contract.input, []
    for path in settings["pictures"]:
        picture = read_picture(path)
        pixels = prepare(picture, spec)
        if other is None:
            probabilities = classifier.calibrate(classifier.scores(pixels))
        else:
            probabilities = interpreter.invoke(quantise(pixels, spec, interpreter.input.dtype)[np.newaxis])[0]
        answers.append(
            {
                "decoded": hashlib.sha256(picture.tobytes()).hexdigest(),
                "prepared": hashlib.sha256(pixels.tobytes()).hexdigest(),
                "probabilities": [float(value) for value in probabilities],
            }
        )
    Path(sys.argv[2]).write_text(json.dumps(answers), "utf-8")


if __name__ == "__main__":
    main()
