"""The bare loop with LiteRT: the floor."""

from pathlib import Path

from benchmarks.bare_loop import Look, bare_loop
from edge_runtime.bundle import read_bundle


def open_peer(model: Path) -> Look:
    """Opens the model of a bundle."""
    return bare_loop(read_bundle(model))
