"""Folders into which somebody else drops pictures: each is given once it is complete."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.sources.address import shown
from edge_runtime.sources.folder import is_picture_name, walk

# How long a file must rest: closed, because some software opens it again at once; not known to be written to, because
# it was moved here or comes over a network; and written to, where the end of it may have been missed.
CLOSED_REST_S, REST_S, WRITTEN_REST_S = 0.2, 2.0, 300.0
# The kernel tells of what this machine writes; what comes over a network is only seen by looking.
SCAN_EVERY_S = 5.0
_MOST_OF_THE_TIME = 20  # a scan may take one part in so many of the time
_RESTS_S = {"created": REST_S, "modified": WRITTEN_REST_S, "closed": CLOSED_REST_S, "moved": CLOSED_REST_S}


@dataclass
class _Candidate:
    """A file that may still grow.

    Attributes:
        rest_s: how long it must not change, from now on.
        due_s: when to look at it again, on the monotonic clock.
        state: size and time when it was last looked at.
    """

    rest_s: float
    due_s: float
    state: tuple[int, int]


class Watch(AbstractContextManager["Watch"]):
    """Gives the paths of pictures below folders, those that are there and those that come; a context that ends it."""

    def __init__(self, folders: Sequence[str]) -> None:
        """Takes the folders.

        Raises:
            InputError: one is no folder.
        """
        for folder in folders:
            if not os.path.isdir(folder):
                raise InputError(f"{shown(folder)}: is no folder; --watch takes folders")
        self._folders = folders
        self._done: set[str] = set()
        self._candidates: dict[str, _Candidate] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._observer: Any = None

    def __enter__(self) -> "Watch":
        """Begins to listen.

        Raises:
            InputError: watchdog is not installed.
        """
        try:
            from watchdog.observers import Observer
        except ImportError:
            raise InputError("--watch needs watchdog; pip install 'edge-classify[watch]'") from None
        self._observer = Observer()
        with suppress(OSError):  # the kernel's limit of watches: looking now and then must do
            for folder in self._folders:
                self._observer.schedule(self, folder, recursive=True)
            self._observer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def pass_over(self, path: str) -> None:
        """Takes a picture, as it is shown, for already given."""
        self._done.add(path)

    def paths(self) -> Iterator[str]:
        """Yields each picture once, when it is complete, until the context ends.

        A file is complete when it was closed or moved here, or its size and time have rested.
        """
        next_scan_s = time.monotonic()
        while not self._ended:
            if time.monotonic() >= next_scan_s:
                start_s = time.monotonic()
                yield from self._scan()
                took_s = time.monotonic() - start_s
                next_scan_s = time.monotonic() + max(SCAN_EVERY_S, _MOST_OF_THE_TIME * took_s)
            yield from self._complete()
            with self._changed:
                until_s = min([next_scan_s, *(each.due_s for each in self._candidates.values())])
                if not self._ended:
                    self._changed.wait(max(until_s - time.monotonic(), 0))

    def _scan(self) -> Iterator[str]:
        """Yields what has rested for long, and notes what has not."""
        for folder in self._folders:
            with suppress(InputError):  # gone for now; it may be mounted again
                for path in walk(folder):
                    if self._ended:
                        return
                    if shown(path) in self._done or os.path.isdir(path):
                        continue
                    state = _state(path)
                    # A clock that is not set gives files of the future.
                    if state is not None and abs(time.time() - state[1] / 1e9) > REST_S:
                        yield self._give(path)
                    elif path not in self._candidates:
                        self._note(path, REST_S)

    def _complete(self) -> Iterator[str]:
        """Yields the candidates that are complete, by name."""
        now_s = time.monotonic()
        with self._changed:
            due = sorted(path for path, each in self._candidates.items() if each.due_s <= now_s)
        for path in due:
            state = _state(path)
            with self._changed:
                candidate = self._candidates.get(path)
                if candidate is None or candidate.due_s > now_s:
                    continue
                if state is None:  # gone again
                    del self._candidates[path]
                    continue
                if candidate.state != state:
                    candidate.state, candidate.due_s = state, now_s + candidate.rest_s
                    continue
            yield self._give(path)

    def _give(self, path: str) -> str:
        with self._changed:
            self._candidates.pop(path, None)
            self._done.add(shown(path))
        return path

    def dispatch(self, event: Any) -> None:
        """Takes an event from watchdog, in its thread."""
        path = os.fsdecode(event.dest_path if event.event_type == "moved" else event.src_path)
        if event.is_directory:
            if event.event_type in ("created", "moved"):  # what is in it may have come before anybody listened
                with suppress(InputError):
                    for inner in walk(path):
                        self._note(inner, REST_S)
        elif event.event_type in _RESTS_S:
            self._note(path, _RESTS_S[event.event_type])

    def _note(self, path: str, rest_s: float) -> None:
        if not is_picture_name(path) or shown(path) in self._done or os.path.isdir(path):
            return
        state = _state(path)
        if state is None:
            return
        with self._changed:
            self._candidates[path] = _Candidate(rest_s, time.monotonic() + rest_s, state)
            self._changed.notify_all()


def _state(path: str) -> tuple[int, int] | None:
    """Size in bytes and time of the last change in ns; None when it is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
