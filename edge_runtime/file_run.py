"""A run over files: which they are, where an earlier run stopped, and what is in the rest."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2

from edge_runtime.classifier import Classifier
from edge_runtime.conveyor import Conveyor
from edge_runtime.errors import InputError
from edge_runtime.file_options import options_that_matter
from edge_runtime.look import Look
from edge_runtime.pipeline import Tally, run_files
from edge_runtime.row import Row
from edge_runtime.sinks.sink import Sink
from edge_runtime.sinks.stream import LineFile
from edge_runtime.sources.folder import find_pictures, listed_paths

# Imported where they are used: a single picture is to be answered soon.
if TYPE_CHECKING:
    from edge_runtime.journal import Journal

LIST = "-"
"""Stands for the list on standard input."""


class FileRun(AbstractContextManager["FileRun"]):
    """Finds the files, opens the output, gives the rows that are there, and runs; in this order."""

    def __init__(self, paths: tuple[str, ...], *, watch: bool, threads: int | None) -> None:
        """Looks the arguments up.

        Args:
            paths: pictures, folders, globs, or `LIST`.
            watch: whether to wait in the folders for more.
            threads: pictures at once; None takes the cores that this process may use.

        Raises:
            InputError: one of them gives no picture, or is no folder to watch.
        """
        self._arguments = paths
        self._threads = threads or len(os.sched_getaffinity(0))
        self._journal: Journal | None = None
        self._watch = None
        if watch:
            from edge_runtime.sources.watch import Watch

            self._watch = Watch(paths)
            self._watch.__enter__()
        self._pictures = self._watch.paths() if self._watch else _found(paths)

    def open(
        self, output: Path, classifier: Classifier, parameters: Mapping[str, Any], *, overwrite: bool, resume: bool
    ) -> LineFile:
        """Opens the output, cut off behind the last row that is surely right.

        Args:
            output: the file.
            classifier: of this run.
            parameters: of the command, by their name in Python.
            overwrite: whether an existing output is replaced.
            resume: whether an existing output is gone on with.

        Raises:
            OutputError: it cannot be written, or was made otherwise.
        """
        from edge_runtime.journal import Identity, Journal

        options = options_that_matter(parameters, classifier.interpreter.runtime)
        identity = Identity.of(classifier.bundle, options)
        self._journal = Journal(output, identity, overwrite=overwrite, resume=resume, ordered=self._watch is None)
        self._pictures = self._journal.remaining(self._pictures)
        self._journal.begin()
        return self._journal.stream

    def rows(self, labels: tuple[str, ...]) -> Iterator[Row]:
        """The rows that an earlier run left and this one keeps.

        Raises:
            OutputError: they cannot be read.
        """
        for row in self._journal.rows(labels) if self._journal else ():
            if self._watch:
                self._watch.pass_over(row.path)
            yield row

    @property
    def done(self) -> int:
        """Files that an earlier run has done; 0 where they are waited for, which have no order."""
        return self._journal.done if self._journal else 0

    def count(self) -> Iterable[str] | None:
        """All the files, to be counted; None where that cannot be known before the end."""
        return None if self._watch or LIST in self._arguments else _found(self._arguments)

    def run(
        self,
        make_look: Callable[[], Look],
        sink: Sink,
        tally: Tally,
        on_row: Callable[[Row], None],
        on_file: Callable[[], None],
    ) -> None:
        """Looks at the files and writes their rows.

        Args:
            make_look: called once in each thread.
            sink: takes the rows.
            tally: counts them; right at any moment, also when this is interrupted.
            on_row: told each row once it is written.
            on_file: called once all rows of a file are.

        Raises:
            EdgeClassifyError: the source, a look or the sink cannot go on.
        """
        cv2.setNumThreads(1)  # of a picture: each core has one of its own
        patient = self._watch is not None or LIST in self._arguments
        journal = self._journal

        def passed(path: str) -> None:
            if journal is not None:
                journal.passed(path)
            on_file()

        with Conveyor(self._pictures, make_look, threads=self._threads, patient=patient) as files:
            run_files(files, sink, tally, on_row, passed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch:
            self._watch.__exit__(kind, error, trace)
        if self._journal:
            self._journal.__exit__(kind, error, trace)


def _found(arguments: tuple[str, ...]) -> Iterator[str]:
    """The files of all arguments; the first of each is looked up at once, so that a mistyped one costs nothing."""
    found = []
    for argument in arguments:
        if argument == LIST and sys.stdin is None:
            raise InputError("standard input: is closed; give a list of paths there")
        # Opened anew: a thread that still waits for a line would hold the lock of sys.stdin when the process ends.
        pictures = listed_paths(open(0, "rb", closefd=False)) if argument == LIST else find_pictures(argument)
        found.append(chain([next(pictures)], pictures))
    return chain.from_iterable(found)
