"""The floor: decode, crop and resize, invoke, argmax; nothing is checked, calibrated, doubted or written."""

from collections.abc import Callable
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_runtime.bundle import Bundle

Look = Callable[[str | PathLike[str]], int]
"""The file of a picture -> the number of its label."""


def bare_loop(bundle: Bundle, *, interpreter: str = "ai_edge_litert.interpreter") -> Look:
    """What somebody writes who knows the model, its input and nothing of this project.

    Args:
        bundle: the model; of its contract only the input counts.
        interpreter: the module of LiteRT's or of tflite-runtime's `Interpreter`.

    Raises:
        ImportError: the module is not installed.
    """
    runner = import_module(interpreter).Interpreter(model_content=bundle.model, num_threads=1)
    runner.allocate_tensors()
    input_, output = runner.get_input_details()[0]["index"], runner.get_output_details()[0]["index"]
    input_of = bare_input(bundle)

    def look(path: str | PathLike[str]) -> int:
        runner.set_tensor(input_, input_of(path))
        runner.invoke()
        return int(runner.get_tensor(output)[0].argmax())

    return look


def bare_input(bundle: Bundle) -> Callable[[str | PathLike[str]], Any]:
    """The file of a picture -> uint8 `[1, size, size, 3]`; the picture has three channels and is at least the crop."""
    spec = bundle.contract.input
    size = (spec.size, spec.size)

    def read(path: str | PathLike[str]) -> Any:
        # np.fromfile and IMREAD_COLOR are what one writes first; together they cost a third of a millisecond more.
        picture: Any = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        top, left = ((side - spec.crop) // 2 for side in picture.shape[:2])
        crop = picture[top : top + spec.crop, left : left + spec.crop]
        small: Any = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        if spec.optical_density_table is not None:
            small = cv2.LUT(small, np.array(spec.optical_density_table, np.uint8))
        if spec.colour_order == "rgb":
            small = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        return small[np.newaxis]

    return read
