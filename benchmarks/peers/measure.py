"""Times every peer that can be had over the same pictures, in turn, and litert-benchmark beside our network alone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from benchmarks.peers.environment import PeerError, python_of
from benchmarks.peers.network import measure_network
from benchmarks.peers.peer import MEDIAPIPE, OURS, PEERS, Peer
from benchmarks.pictures import ROOT
from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.preprocess import read_picture
from edge_runtime.timing import percentiles_ms

PICTURES = 64
ROUNDS, QUICK_ROUNDS = 16, 4
_WORKER = ["-m", "benchmarks.peers.worker"]
# As the schema calls it (tensorflow/lite/schema/schema.fbs, Model.metadata).
_METADATA = b"TFLITE_METADATA"
_Say = Callable[[str], None]


@dataclass
class _Running:
    peer: Peer
    process: "subprocess.Popen[str]"
    version: str
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)


def measure_peers(
    paths: Sequence[Path], *, rounds: int, install: bool, say: _Say, model: Path = DEFAULT_MODEL
) -> dict[str, Any]:
    """Measures all peers.

    Every peer is a process that stays; in each round all of them go over the pictures once, one after the other, each
    time another one first. The first round is the warm-up.

    Args:
        paths: files of cells, of which the first `PICTURES` are taken, as BMP, which everybody reads.
        rounds: that are measured.
        install: whether peers that need an environment of their own and have none get one.
        say: told what happens.
        model: the bundle.

    Returns:
        `pictures`, `queries`, `rows` (a peer each: name, version, percentiles in ms of wall and processor time, ratios
        to ours, labels that differ from ours), `network` and `missing` (name and reason).
    """
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory()))
        listed = scratch / "pictures.txt"
        listed.write_text("\n".join(map(str, _as_bmp(paths[:PICTURES], scratch))), "utf-8")
        running: list[_Running] = []
        for peer in PEERS:
            say(f"opening {peer.name}")
            try:
                python = python_of(peer, install=install)
                own = _described(model, scratch) if peer is MEDIAPIPE else model
                running.append(_open(stack, peer, python, own, listed))
            except PeerError as error:
                missing[peer.name] = str(error)
        for i in range(-1, rounds):
            say(f"round {i + 1} of {rounds}")
            first = i % len(running)
            for one in [*running[first:], *running[:first]]:
                try:
                    _go_over(one, keep=i >= 0)
                except PeerError as error:
                    missing[one.peer.name] = str(error)
            running = [one for one in running if one.peer.name not in missing]
    ours = next(one for one in running if one.peer is OURS)
    network, reason = measure_network(model, runs=rounds * PICTURES)
    if reason:
        missing["litert-benchmark"] = reason
    return {
        "pictures": f"{len(paths[:PICTURES])} cells as BMP",
        "queries": len(ours.wall_ms),
        "rows": [_row(one, ours) for one in running],
        "network": network,
        "missing": missing,
    }


def _as_bmp(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Copies that every peer can decode; C-NMC itself is BMP."""
    copies = [folder / f"{i:03}.bmp" for i in range(len(paths))]
    for path, copy in zip(paths, copies, strict=True):
        cv2.imwrite(str(copy), read_picture(path))
    return copies


def _described(model: Path, folder: Path) -> Path:
    """The bundle, or a copy with the TFLite metadata where it was made before they were."""
    if _METADATA in model.read_bytes():
        return model
    copy = folder / "described.tflite"
    command = [sys.executable, "-m", "compress", "metadata", str(model.resolve()), "--out", str(copy)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise PeerError(f"the model has no TFLite metadata, and gets none: {(done.stderr.splitlines() or [''])[-1]}")
    return copy


def _open(stack: ExitStack, peer: Peer, python: Path, model: Path, listed: Path) -> _Running:
    command = [str(python), *_WORKER, peer.module, peer.distribution, str(model.resolve()), str(listed)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    log = stack.enter_context(open(listed.with_name(f"{peer.module}.log"), "w+", encoding="utf-8", errors="replace"))
    process = stack.enter_context(
        subprocess.Popen(
            command,
            cwd=listed.parent,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    )
    stack.callback(_close, process)
    try:
        return _Running(peer, process, str(_answer(process)["version"]))
    except PeerError:
        log.seek(0)
        lines = [line.strip() for line in log if line.strip()]
        raise PeerError(f"does not open: {lines[-1] if lines else 'it says nothing'}") from None


def _close(process: "subprocess.Popen[str]") -> None:
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    process.kill()


def _go_over(one: _Running, *, keep: bool) -> None:
    if one.process.stdin is None:
        raise PeerError("has no input")
    try:
        one.process.stdin.write("go\n")
        one.process.stdin.flush()
    except OSError:
        raise PeerError("died while it was measured") from None
    answer = _answer(one.process)
    one.labels = answer["labels"]
    if keep:
        one.wall_ms += answer["wall_ms"]
        one.cpu_ms += answer["cpu_ms"]


def _answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise PeerError("died while it was measured")
    read: dict[str, Any] = json.loads(line)
    return read


def _row(one: _Running, ours: _Running) -> dict[str, Any]:
    return {
        "name": one.peer.name,
        "version": one.version,
        **percentiles_ms([value / 1000 for value in one.wall_ms]),
        "cpu_p50_ms": float(np.median(one.cpu_ms)),
        "ratio": float(np.median(one.wall_ms) / np.median(ours.wall_ms)),
        "cpu_ratio": float(np.median(one.cpu_ms) / np.median(ours.cpu_ms)),
        "labels_differ": sum(mine != theirs for mine, theirs in zip(ours.labels, one.labels, strict=True)),
    }
