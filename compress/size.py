"""What a network weighs: bytes, gzip, parameters, zeros, multiply-adds."""

import gzip
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras as keras


@dataclass(frozen=True)
class Size:
    """The size of one exported network.

    Attributes:
        name: which one.
        file_bytes: of the flatbuffer.
        gzip_bytes: of the flatbuffer, gzipped at level 9.
        parameters: weights of convolutions and dense layers.
        zeros: share of them that is exactly zero.
        multiply_adds: of one inference.
    """

    name: str
    file_bytes: int
    gzip_bytes: int
    parameters: int
    zeros: float
    multiply_adds: int


def size_of(name: str, model: bytes, network: Any) -> Size:
    """Weighs a flatbuffer and the Keras network of plain layers it was made from."""
    kernels = [layer.get_weights()[0] for layer in network.layers if has_kernel(layer)]
    parameters = sum(kernel.size for kernel in kernels)
    zeros = sum(int(np.count_nonzero(kernel == 0)) for kernel in kernels)
    return Size(
        name,
        len(model),
        len(gzip.compress(model, 9, mtime=0)),
        parameters,
        zeros / parameters,
        multiply_adds(network),
    )


def has_kernel(layer: Any) -> bool:
    """Whether a layer multiplies: a convolution or a dense layer."""
    return isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense)


def positions(layer: Any) -> int:
    """How often a layer's kernel is applied in one inference."""
    return int(np.prod(layer.output_shape[1:3])) if len(layer.output_shape) == 4 else 1


def multiply_adds(network: Any) -> int:
    """Of one inference of a network of plain layers."""
    return sum(int(layer.get_weights()[0].size * positions(layer)) for layer in network.layers if has_kernel(layer))


def size_table(sizes: list[Size]) -> str:
    """A Markdown table."""
    lines = ["| model | file | gzip | parameters | zeros | multiply-adds |", "|---|---|---|---|---|---|"]
    for size in sizes:
        lines.append(
            f"| {size.name} | {size.file_bytes / 1000:.0f} kB | {size.gzip_bytes / 1000:.0f} kB "
            f"| {size.parameters:,} | {size.zeros:.0%} | {size.multiply_adds / 1e6:.1f} M |"
        )
    return "\n".join(lines)
