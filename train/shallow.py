"""Shallow features of cells: colours, size, and what the first layers of ImageNet networks see, pooled."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import InputSpec
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import PixelArray, prepare
from train.baseline import area, colour_histogram
from train.dataset import Cell, load_picture
from train.folded import read_tflite
from train.network import as_light
from train.trunk import TRUNKS, pooled_features

Array = npt.NDArray[np.float64]

# Of C-NMC's 450 pixels; the largest cell is 300 across.
CROP = 320
# Progress is told after so many.
_CELLS_A_STEP = 64


@dataclass(frozen=True)
class Shallow:
    """Features of cells, in their order.

    Attributes:
        first: float64 `[n, f]`: colour histograms, the logarithm of the area, and the stems' means and deviations.
        deeper: float64 `[n, g]`: the means and deviations after the deeper taps.
    """

    first: Array
    deeper: Array

    def take(self, chosen: npt.NDArray[np.int64]) -> "Shallow":
        """The features of the chosen cells, int64 `[m]`."""
        return Shallow(self.first[chosen], self.deeper[chosen])


def shallow_features(
    cells: Sequence[Cell], weights: Path, on_step: Callable[[int, int], None] | None = None
) -> Shallow:
    """Looks at every cell with the first layers of `train.trunk.TRUNKS`.

    Args:
        cells: what to look at.
        weights: the folder that holds the files of `train.trunk.TRUNKS`.
        on_step: told the steps done and all steps, after each.

    Raises:
        TrainError: a file of weights that cannot be read.
        PictureError: a cell that cannot be read.
    """
    folded = [read_tflite(weights / trunk.file) for trunk in TRUNKS]
    models = [pooled_features(trunk, own) for trunk, own in zip(TRUNKS, folded, strict=True)]
    stems = [2 * len(own.convolutions[0][1]) for own in folded]
    own_thread = threading.local()

    def open_interpreters() -> None:
        own_thread.interpreters = [Interpreter(model) for model in models]

    def look(cell: Cell) -> tuple[Array, Array]:
        picture = load_picture(cell)
        seen = [_seen(picture, interpreter) for interpreter in own_thread.interpreters]
        first = [_look(picture), *(values[:stem] for values, stem in zip(seen, stems, strict=True))]
        return np.concatenate(first), np.concatenate([v[stem:] for v, stem in zip(seen, stems, strict=True)])

    looks, steps = [], -(-len(cells) // _CELLS_A_STEP)
    # A core for each cell: one cell on all of them gains little.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), initializer=open_interpreters) as pool:
        for done, of_cell in enumerate(pool.map(look, cells), 1):
            looks.append(of_cell)
            if on_step is not None and (done % _CELLS_A_STEP == 0 or done == len(cells)):
                on_step(-(-done // _CELLS_A_STEP), steps)
    return Shallow(np.stack([first for first, _ in looks]), np.stack([deeper for _, deeper in looks]))


def _look(picture: PixelArray) -> Array:
    """Colours and the logarithm of the area (plus one pixel, as a picture may be black), float64 `[49]`."""
    return np.append(colour_histogram(picture), np.log1p(area(picture)))


def _seen(picture: PixelArray, interpreter: Interpreter) -> Array:
    """What a trunk's `pooled_features` are of a picture, float64 `[f]`."""
    spec = InputSpec(CROP, interpreter.input.shape[1], "rgb", "area", scale=1 / 255, offset=0.0)
    light = as_light(prepare(picture, spec)[np.newaxis])
    return interpreter.invoke(light.numpy()).ravel().astype(np.float64)
