"""Kills runs at random moments, resumes them, and compares what is left with a run that nobody disturbed."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.run_record import read_record, record_path

_ROOT = Path(__file__).parent.parent
_MOST_KILLS_A_FILE = 8
_START_S = 0.5  # within which the kills that hit the start of a process fall
_SHARE_AT_START, _SHARE_TORN = 0.25, 0.5
_POLL_S = 0.001


class WrongResultError(Exception):
    """A resumed run failed, or its file is not that of an undisturbed run."""


def kill_and_resume(folder: Path, scratch: Path, *, kills: int, suffix: str = ".csv", seed: int = 0) -> Iterator[int]:
    """Kills runs over a folder with SIGKILL, each again and again until it is through.

    Half of the kills are made power cuts: of what was not yet synced, an end is lost or turned to zeros.

    Args:
        folder: of pictures.
        scratch: an empty folder to write to.
        kills: how many processes die.
        suffix: of the output.
        seed: of the moments.

    Yields:
        After each finished file, the kills so far.

    Raises:
        WrongResultError: says which.
    """
    chance = random.Random(seed)
    whole, output = scratch / f"whole{suffix}", scratch / f"killed{suffix}"
    code = _start(folder, whole).wait()
    expected = whole.read_bytes()
    killed = 0
    while killed < kills:
        output.unlink(missing_ok=True)
        # Else a process that dies before it begins its file leaves the record of the one before.
        record_path(output).unlink(missing_ok=True)
        died = 0
        while killed < kills and died < _MOST_KILLS_A_FILE:
            process = _start(folder, output)
            _wait(process, output, chance, len(expected))
            if process.poll() is not None:
                break
            process.kill()
            process.wait()
            killed, died = killed + 1, died + 1
            if chance.random() < _SHARE_TORN:
                _tear(output, chance)
        last = _start(folder, output).wait()
        if last != code:
            raise WrongResultError(f"after {died} kills the resumed run ended with {last}, not {code}")
        if output.read_bytes() != expected:
            raise WrongResultError(f"after {died} kills {output} is not {whole}")
        yield killed


def _start(folder: Path, output: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "edge_runtime", str(folder), "--output", str(output), "--resume"]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait(process: "subprocess.Popen[bytes]", output: Path, chance: random.Random, whole: int) -> None:
    """Waits for a moment to kill: soon, or when a random number of bytes is written, however fast the machine is."""
    if chance.random() < _SHARE_AT_START:
        time.sleep(chance.uniform(0, _START_S))
        return
    size = chance.uniform(0, whole)
    while process.poll() is None and (not output.exists() or output.stat().st_size < size):
        time.sleep(_POLL_S)


def _tear(output: Path, chance: random.Random) -> None:
    if not record_path(output).exists():
        return
    synced, size = read_record(output).output.count, output.stat().st_size
    with open(output, "r+b") as file:
        file.truncate(chance.randint(min(synced, size), size))
        if chance.random() < _SHARE_TORN:
            file.truncate(size)
