"""A TFLite converter of one traced function: much sooner than through Keras's own saving of every layer."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from train.as_written import as_written


def converter_of(answer: Callable[[Any], Any], side: int, *, name: str = "", variables: Sequence[Any] = ()) -> Any:
    """A `tf.lite.TFLiteConverter` of a function of one picture, so that nothing for a batch of any size is in the file.

    Args:
        answer: from float32 `[1, side, side, 3]` to a tensor, or to tensors by name.
        side: pixels.
        name: of the input in the file.
        variables: what `answer` reads beside its picture and must outlive the conversion.
    """
    module = tf.Module()  # what the converter wants to hold on to
    module.kept = list(variables)
    module.answer = tf.function(as_written(answer))
    traced = module.answer.get_concrete_function(tf.TensorSpec([1, side, side, 3], tf.float32, name or None))
    return tf.lite.TFLiteConverter.from_concrete_functions([traced], module)
