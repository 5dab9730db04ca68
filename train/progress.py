"""A bar for the steps of an epoch, or of other long work: on a terminal only, gone before what follows."""

import sys
from typing import Any

import click

_CLEAR_LINE = "\r\033[K"
# click hides the cursor while a bar is there; whatever ends the command then must not leave it so.
_SHOW_CURSOR = "\033[?25h"


class StepBar:
    """Shows the steps of one epoch (or other work) after another on standard error; a log gets nothing of it."""

    def __init__(self, label: str = "epoch") -> None:
        self._label = label
        self._bar: Any = None

    def __call__(self, done: int, steps: int) -> None:
        """Shows that so many of the steps are done."""
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = click.progressbar(length=steps, label=self._label, file=sys.stderr)
        self._bar.update(1)
        click.echo(_SHOW_CURSOR, nl=False, err=True)
        if done == steps:
            click.echo(_CLEAR_LINE, nl=False, err=True)
            self._bar = None
