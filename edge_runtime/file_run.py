"""A run over files: which they are, where an earlier run stopped, and what is in the rest."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import cv2

from edge_runtime.conveyor import Conveyor
from edge_runtime.errors import InputError
from edge_runtime.file_options import options_that_matter
from edge_runtime.heap import keep_freed_memory
from edge_runtime.look import Look
from edge_runtime.pipeline import Tally, run_files
from edge_runtime.row import Row
from edge_runtime.run import Load, MakeLook, Options
from edge_runtime.sinks.opened import open_sink, sink_into
from edge_runtime.sinks.suffixes import WHOLE_SUFFIX
from edge_runtime.sources.folder import find_pictures, listed_paths

# Imported where they are used: a single picture is to be answered soon.
if TYPE_CHECKING:
    from edge_runtime.journal import Journal

LIST = "-"
"""Stands for the list on standard input."""


class FileRun:
    """Finds the files, opens the output, gives the rows that are there, and runs; in this order."""

    def __init__(self, stack: ExitStack, options: Options, load: Load, make_look: MakeLook) -> None:
        """Looks the arguments up and loads the model.

        Args:
            stack: closes what is opened here.
            options: of the command.
            load: of the model.
            make_look: what to look for.

        Raises:
            InputError: an argument gives no picture, or is no folder to watch.
            EdgeClassifyError: no model.
        """
        self._stack, self._options, self._make_look = stack, options, make_look
        self._arguments: tuple[str, ...] = options["paths"]
        self._watch = None
        if options["watch"]:
            from edge_runtime.sources.watch import Watch

            self._watch = stack.enter_context(Watch(self._arguments))
        self._pictures = self._watch.paths() if self._watch else found_pictures(self._arguments)
        # Each core has a picture of its own, so the network takes one.
        self._load = partial(load, 1)
        self.classifier = self._load()
        self._journal: Journal | None = None

    def open_output(self) -> None:
        """Opens the output, cut off behind the last row that is surely right.

        Raises:
            OutputError: it cannot be written, or was made otherwise.
        """
        output, labels = self._options["output"], self.classifier.contract.labels
        if output is None or output.suffix.lower() == WHOLE_SUFFIX:
            self._sink = open_sink(self._stack, output, labels, overwrite=self._options["overwrite"])
            return
        from edge_runtime.journal import Identity, Journal

        matter = options_that_matter(self._options, self.classifier.interpreter.runtime)
        self._journal = self._stack.enter_context(
            Journal(
                output,
                Identity.of(self.classifier.bundle, matter),
                overwrite=self._options["overwrite"],
                resume=self._options["resume"],
                ordered=self._watch is None,
            )
        )
        self._pictures = self._journal.remaining(self._pictures)
        self._journal.begin()
        self._sink = sink_into(self._journal.stream, output, labels)

    def earlier(self) -> Iterator[Row]:
        """The rows that an earlier run left and this one keeps.

        Raises:
            OutputError: they cannot be read.
        """
        for row in self._journal.rows(self.classifier.contract.labels) if self._journal else ():
            if self._watch:
                self._watch.pass_over(row.path)
            yield row

    def count(self) -> Iterable[str] | None:
        """All the files, to be counted; None where that cannot be known before the end."""
        return None if self._watch or LIST in self._arguments else found_pictures(self._arguments)

    @property
    def done(self) -> int:
        """Files that an earlier run has done; 0 where they are waited for, which have no order."""
        return self._journal.done if self._journal else 0

    def run(self, tally: Tally, on_row: Callable[[Row], None], on_read: Callable[[], None]) -> None:
        """Looks at the files and writes their rows; arguments and errors are those of `Run.run`."""
        cv2.setNumThreads(1)  # of a picture: each core has one of its own
        keep_freed_memory()
        patient = self._watch is not None or LIST in self._arguments
        threads = self._options["threads"] or len(os.sched_getaffinity(0))
        journal = self._journal

        def passed(path: str) -> None:
            if journal is not None:
                journal.passed(path)
            on_read()

        with Conveyor(self._pictures, self._looks(), threads=threads, patient=patient) as files:
            run_files(files, self._sink, tally, on_row, passed)

    def _looks(self) -> Callable[[], Look]:
        """Makes a look for each thread, the first from the classifier that is there."""
        ready = [self.classifier]

        def make() -> Look:
            try:
                return self._make_look(ready.pop())
            except IndexError:
                return self._make_look(self._load())

        return make


def found_pictures(arguments: tuple[str, ...]) -> Iterator[str]:
    """The files of all arguments; the first of each is looked up at once, so that a mistyped one costs nothing."""
    found = []
    for argument in arguments:
        if argument == LIST and sys.stdin is None:
            raise InputError("standard input: is closed; give a list of paths there")
        # Opened anew: a thread that still waits for a line would hold the lock of sys.stdin when the process ends.
        pictures = listed_paths(open(0, "rb", closefd=False)) if argument == LIST else find_pictures(argument)
        found.append(chain([next(pictures)], pictures))
    return chain.from_iterable(found)
