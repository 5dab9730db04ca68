"""Runs `python -m train` or `python -m compress` in this process, which has TensorFlow loaded already."""

import contextlib
import io
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

_ROOMS = ("train", "compress")


def run_module(name: str, arguments: Sequence[object], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs a module as `python -m` does in a folder: with the rooms that lie there, imported anew.

    Args:
        name: "train" or "compress".
        arguments: those of the command.
        folder: becomes the current one, and the first in which modules are looked for.

    Returns:
        Exit status and what was written; an error that no command should let through is raised.
    """
    out, errors = io.StringIO(), io.StringIO()
    command, code = [name, *map(str, arguments)], 0
    with (
        _fresh_rooms(),
        _current(folder),
        mock.patch.object(sys, "argv", command),
        mock.patch.object(sys, "path", [str(folder), *sys.path]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return subprocess.CompletedProcess(command, code, out.getvalue(), errors.getvalue())


@contextlib.contextmanager
def _fresh_rooms() -> Iterator[None]:
    """Forgets the modules of the rooms for a while."""
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in _ROOMS}
    for name in ours:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in _ROOMS]:
            del sys.modules[name]
        sys.modules.update(ours)


@contextlib.contextmanager
def _current(folder: Path) -> Iterator[None]:
    """What `contextlib.chdir` does since Python 3.11."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
