"""The Python that a peer runs in: this one, or an environment of its own where it cannot live beside the others."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.peers.peer import Peer
from benchmarks.pictures import ROOT

CACHE = ROOT / ".cache" / "peers"
_INSTALL_EXTRA = "pip install '.[peers]' installs it"


class PeerError(Exception):
    """A peer cannot be had here; the message says why, and what to do."""


def python_of(peer: Peer, *, install: bool) -> Path:
    """The interpreter that has what a peer imports.

    Args:
        peer: which one.
        install: whether an environment that is not there is made, from the package registry.

    Raises:
        PeerError: something is missing.
    """
    if peer.own:
        return own_environment(peer.module, peer.own, newest_python=peer.newest_python, install=install)
    missing = [name for name in peer.imports if find_spec(name) is None]
    if missing:
        raise PeerError(f"no {', '.join(missing)} here; {_INSTALL_EXTRA}")
    return Path(sys.executable)


def own_environment(name: str, packages: Sequence[str], *, newest_python: int | None, install: bool) -> Path:
    """The interpreter of an environment that holds some packages and nothing of ours, kept in `.cache/peers`.

    Args:
        name: of its folder.
        packages: requirements, as pip takes them.
        newest_python: minor version of Python 3 beyond which they have no wheels.
        install: whether it is made where it is not there.

    Raises:
        PeerError: it is not there and is not to be made, or cannot be.
    """
    digest = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    python = folder / "bin" / "python"
    if python.exists():
        return python
    if not install:
        raise PeerError("not installed; `python -m benchmarks peers` installs it")
    base = _base_python(newest_python)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    for command in (
        [base, "-m", "venv", "--without-pip", partial],
        [sys.executable, "-m", "pip", "--python", partial, "install", "--quiet", "--only-binary=:all:", *packages],
    ):
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(partial, ignore_errors=True)
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
            raise PeerError(f"cannot be installed ({lines[-1].removeprefix('ERROR: ')}); check the network")
    partial.rename(folder)  # an environment's interpreter works wherever the folder lies
    return python


def _base_python(newest: int | None) -> str:
    if newest is None or sys.version_info[1] <= newest:
        return sys.executable
    found = [path for minor in range(newest, 9, -1) if (path := shutil.which(f"python3.{minor}"))]
    if not found:
        raise PeerError(f"has no wheels for Python 3.{sys.version_info[1]}; install Python 3.{newest} beside it")
    return found[0]
