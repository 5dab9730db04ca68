"""Shallow features of cells: colours, size, and what the first layers of ImageNet networks see, pooled."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_runtime.contract import InputSpec
from edge_runtime.preprocess import PixelArray, prepare
from train.architectures.mobilenet_v1 import STRIDES
from train.baseline import area, colour_histogram
from train.dataset import Cell, load_picture
from train.folded import Folded, read_tflite
from train.network import as_light

Array = npt.NDArray[np.float64]

# Of C-NMC's 450 pixels; the largest cell is 300 across.
CROP = 320
_BATCH = 64
_RELU6_CAP = 6.0


@dataclass(frozen=True)
class Trunk:
    """A MobileNetV1 file and where its first layers are looked at.

    Attributes:
        file: in the folder of weights.
        size: side in pixels of the picture it reads.
        taps: blocks after which features are pooled; -1 is the stem.
    """

    file: str
    size: int
    taps: tuple[int, ...]


# The deeper, the more a feature tells the slide instead of the cell: see ARCHITECTURE.md.
TRUNKS = (
    Trunk("mobilenet_v1_0.25_128_quant.tflite", 128, (-1,)),
    Trunk("mobilenet_v1_0.5_160_quant.tflite", 160, (-1,)),
    Trunk("mobilenet_v1_0.75_192_quant.tflite", 192, (-1, 1, 5)),
)


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
    """Looks at every cell with the first layers of `TRUNKS`.

    Args:
        cells: what to look at.
        weights: the folder that holds the files of `TRUNKS`.
        on_step: told the steps done and all steps, after each.

    Raises:
        TrainError: a file of weights that cannot be read.
        PictureError: a cell that cannot be read.
    """
    folded = [read_tflite(weights / trunk.file) for trunk in TRUNKS]
    first, deeper = [], []
    for start in range(0, len(cells), _BATCH):
        with ThreadPoolExecutor() as pool:
            pictures = list(pool.map(load_picture, cells[start : start + _BATCH]))
        stems: list[Array] = []
        rest: list[Array] = []
        for trunk, convolutions in zip(TRUNKS, folded, strict=True):
            for tap, pooled in _pooled(pictures, trunk, convolutions):
                (stems if tap < 0 else rest).append(pooled)
        first.append(np.concatenate([np.stack([_look(picture) for picture in pictures]), *stems], axis=1))
        deeper.append(np.concatenate(rest, axis=1))
        if on_step is not None:
            on_step(start // _BATCH + 1, -(-len(cells) // _BATCH))
    return Shallow(np.concatenate(first), np.concatenate(deeper))


def _look(picture: PixelArray) -> Array:
    """Colours and the logarithm of the area (plus one pixel, as a picture may be black), float64 `[49]`."""
    return np.append(colour_histogram(picture), np.log1p(area(picture)))


def _pooled(pictures: Sequence[PixelArray], trunk: Trunk, folded: Folded) -> Iterator[tuple[int, Array]]:
    """Mean and deviation of every channel after each tap, float64 `[n, 2 channels]`."""
    spec = InputSpec(CROP, trunk.size, "rgb", "area", scale=1 / 255, offset=0.0)
    light = as_light(np.stack([prepare(picture, spec) for picture in pictures]))
    x = folded.scale * light + folded.offset
    convolutions = iter(folded.convolutions)
    for block in range(-1, max(trunk.taps) + 1):
        kernel, bias = next(convolutions)
        if block < 0:
            x = _relu6(tf.nn.conv2d(x, kernel, 2, "SAME") + bias)
        else:
            stride = STRIDES[block]
            x = _relu6(tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME") + bias)
            kernel, bias = next(convolutions)
            x = _relu6(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
        if block in trunk.taps:
            mean, variance = tf.nn.moments(x, axes=[1, 2])
            yield block, np.concatenate([mean, np.sqrt(variance)], axis=1).astype(np.float64)


def _relu6(x: Any) -> Any:
    return tf.clip_by_value(x, 0.0, _RELU6_CAP)
