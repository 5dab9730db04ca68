"""As TensorFlow's example does it (tensorflow/lite/examples/python/label_image.py): Pillow, then `tf.lite.Interpreter`.

Pillow's own resize (bicubic) stays, which is part of that way; only the crop, without which the network sees another
scale, is added.
"""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.bare_loop import Look
from edge_runtime.bundle import read_bundle


def open_peer(model: Path) -> Look:
    """Opens the model of a bundle."""
    bundle = read_bundle(model)
    spec = bundle.contract.input
    interpreter: Any = tf.lite.Interpreter(model_content=bundle.model, num_threads=1)
    interpreter.allocate_tensors()
    input_details, output_details = interpreter.get_input_details(), interpreter.get_output_details()
    height, width = input_details[0]["shape"][1:3]

    def look(path: str | PathLike[str]) -> int:
        with Image.open(path) as picture:
            left, top = (picture.width - spec.crop) // 2, (picture.height - spec.crop) // 2
            crop = picture.crop((left, top, left + spec.crop, top + spec.crop))
            input_data = np.expand_dims(np.array(crop.resize((width, height))), axis=0)
        interpreter.set_tensor(input_details[0]["index"], input_data)
        interpreter.invoke()
        results = np.squeeze(interpreter.get_tensor(output_details[0]["index"]))
        return int(results.argsort()[-1])

    return look
