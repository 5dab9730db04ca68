"""A bar for the steps of an epoch: on a terminal only, gone before the epoch's own line."""

import sys
from typing import Any

import click

_CLEAR_LINE = "\r\033[K"


class EpochBar:
    """Shows the steps of one epoch after another on standard error; a log gets nothing of it."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, done: int, steps: int) -> None:
        """Shows that so many of the steps of this epoch are done."""
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = click.progressbar(length=steps, label="epoch", file=sys.stderr)
        self._bar.update(1)
        if done == steps:
            click.echo(_CLEAR_LINE, nl=False, err=True)
            self._bar = None
