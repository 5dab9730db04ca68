"""What all networks are built of: convolutions with their norms, in the form that tfmot and XNNPACK want.

Convolution, batch norm and ReLU6 are layers of their own, and strides replace pooling.
"""

from typing import Any

import tf_keras as keras

_MOMENTUM = 0.95
_RELU6 = 6.0


def conv(x: Any, channels: int, *, kernel: int, stride: int, decay: float, name: str) -> Any:
    """Convolution, norm, ReLU6: `[n, h, w, in]` to `[n, h / stride, w / stride, channels]`."""
    return _relu(linear_conv(x, channels, kernel=kernel, stride=stride, decay=decay, name=name), name)


def linear_conv(x: Any, channels: int, *, kernel: int, stride: int, decay: float, name: str) -> Any:
    """Convolution and norm; what comes out may be negative."""
    layer = keras.layers.Conv2D(
        channels, kernel, stride, "same", use_bias=False, kernel_regularizer=weight_decay(decay), name=name
    )
    return norm(layer(x), name)


def depthwise(x: Any, *, stride: int, name: str) -> Any:
    """A 3 x 3 kernel for each channel, norm, ReLU6: `[n, h, w, c]` to `[n, h / stride, w / stride, c]`."""
    return _relu(norm(keras.layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=name)(x), name), name)


def norm(x: Any, name: str) -> Any:
    """The batch norm of the convolution of that name."""
    return keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_norm")(x)


def _relu(x: Any, name: str) -> Any:
    return keras.layers.ReLU(_RELU6, name=f"{name}_relu")(x)


def weight_decay(factor: float) -> Any:
    """The L2 penalty of a convolution's kernel; None where the factor is 0."""
    return keras.regularizers.L2(factor) if factor else None
