"""Looks for the cluster's tests; the workers, processes of their own, import them."""

import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from edge_runtime.classifier import Classifier
from edge_runtime.look import Look, look_at_cell
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame


def deadly_look(times: int, victim: str, marks: Path) -> Callable[[Classifier], Look]:
    """A look that kills its process at one picture, so often and no more; `marks` is a folder that counts."""
    return partial(_make, times, victim, marks)


def _make(times: int, victim: str, marks: Path, classifier: Classifier) -> Look:
    return partial(_look, times, victim, marks, look_at_cell(classifier))


def _look(times: int, victim: str, marks: Path, look: Look, frame: Frame) -> Sequence[Row]:
    deaths = len(list(marks.iterdir()))
    if frame.path.endswith(victim) and deaths < times:
        (marks / str(deaths)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return look(frame)
