"""Keeps AutoGraph from rewriting code that needs no rewriting."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import tensorflow as tf

_Function = TypeVar("_Function", bound=Callable[..., Any])


def as_written(function: _Function) -> _Function:
    """Decorates what builds or traces a network; all it calls is traced as it is written.

    None of our code, Keras's or tfmot's branches on the value of a tensor but by `tf.cond`, and rewriting it took a
    fifth of a short `compress run`.
    """
    return cast(_Function, tf.autograph.experimental.do_not_convert(function))
