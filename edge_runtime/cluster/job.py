"""What every worker of a run must know, and what it does with a part."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
from distributed import WorkerPlugin, get_worker

from edge_runtime.bundle import Bundle
from edge_runtime.classifier import Classifier
from edge_runtime.cluster.parts import check_run
from edge_runtime.errors import ClusterError, OutputError
from edge_runtime.heap import keep_freed_memory
from edge_runtime.interpreter import RuntimeName
from edge_runtime.look import Look
from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.jsonl import JsonLinesSink
from edge_runtime.sinks.sink import Sink
from edge_runtime.sinks.stream import LineStream
from edge_runtime.sources.address import shown
from edge_runtime.sources.folder import read_frames
from edge_runtime.sources.frame import Frame
from edge_runtime.version import __version__


@dataclass(frozen=True)
class Job:
    """A run, as its workers know it.

    Attributes:
        name: of this run, another for every run.
        bundle: the model itself, so that all workers have the same.
        runtime: see `Classifier`.
        threshold: see `Classifier`.
        make_look: makes the look from a classifier.
        root: folder that paths are relative to, the same on every machine.
        version: of edge-classify that must do the work.
    """

    name: str
    bundle: Bundle
    runtime: RuntimeName | None
    threshold: float | None
    make_look: Callable[[Classifier], Look]
    root: str
    version: str = __version__


class JobPlugin(WorkerPlugin):  # type: ignore[misc]
    """Loads the model once on every worker, also on those that join later, and replays the probe there."""

    def __init__(self, job: Job) -> None:
        """Takes the run."""
        self.job = job
        self.name = job.name

    def setup(self, worker: Any) -> None:
        """Makes the worker ready.

        Raises:
            EdgeClassifyError: another version, no interpreter, or a machine that computes otherwise.
        """
        if self.job.version != __version__:
            raise ClusterError(
                f"worker {worker.address}: has edge-classify {__version__}, this run is of {self.job.version}; "
                "install the same on both"
            )
        keep_freed_memory()
        cv2.setNumThreads(1)  # the cores are shared by workers, not by the pixels of one
        self._of_thread = threading.local()
        classifier = self._load()
        classifier.self_test()
        self._ready = [classifier]

    def look(self) -> Look:
        """The look of the calling thread."""
        look: Look | None = getattr(self._of_thread, "look", None)
        if look is None:
            try:
                classifier = self._ready.pop()
            except IndexError:
                classifier = self._load()
            look = self._of_thread.look = self.job.make_look(classifier)
        return look

    def _load(self) -> Classifier:
        return Classifier(self.job.bundle, runtime=self.job.runtime, threshold=self.job.threshold)


def classify_part(job_name: str, paths: Sequence[str], target: Path) -> None:
    """Classifies pictures into a file that is there whole or not at all; done twice, it gives the same bytes.

    Args:
        job_name: of the plugin that this worker has.
        paths: of the pictures.
        target: of the rows; its suffix says their form.

    Raises:
        OutputError: it cannot be written.
    """
    plugin: JobPlugin = get_worker().plugins[job_name]
    look = plugin.look()
    partial = target.with_name(f".{uuid.uuid4().hex}{target.suffix}")  # a lost worker's twin writes another
    try:
        with ExitStack() as stack:
            sink = _open(stack, partial, plugin.job.bundle.contract.labels)
            for frame in _frames(plugin.job.root, paths):
                for row in look(frame):
                    sink.write(row)
        check_run(target, job_name)
        os.replace(partial, target)
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written ({error.strerror}); the folder must be on every machine"
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _frames(root: str, paths: Sequence[str]) -> Iterator[Frame]:
    for path in paths:
        for frame in read_frames([os.path.join(root, path)]):
            yield replace(frame, path=shown(path))


def _open(stack: ExitStack, path: Path, labels: tuple[str, ...]) -> Sink:
    if path.suffix == ".parquet":
        from edge_runtime.sinks.parquet import ParquetSink

        return stack.enter_context(ParquetSink(path, labels, overwrite=False))
    stream = stack.enter_context(LineStream.to_file(path, overwrite=False))
    return JsonLinesSink(stream, labels) if path.suffix == ".jsonl" else CsvSink(stream, labels)
