"""Files -> rows, in order: while some are read, others are looked at, each by a thread of its own."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType

from edge_runtime.errors import InputError, PictureError
from edge_runtime.look import Look
from edge_runtime.preprocess import read_file
from edge_runtime.row import Row
from edge_runtime.sources.address import shown
from edge_runtime.sources.folder import frames_of
from edge_runtime.sources.frame import Frame

STALL_S = 60.0
_LISTING_STALLS = 10  # as long: to list a folder of millions takes minutes
# Reading waits for the disk or the network, not for a core; more at once hide how long one takes.
READERS = 4
# Files on the way: enough that no thread waits while the rows of a slow file are awaited.
_TOKENS, _TOKENS_PER_THREAD = 16, 8
_TOKEN_BYTES = 256_000  # a file takes a token for each, so that large ones do not fill the memory
_CHECK_EVERY_S = 1.0
_JOIN_S = 0.2  # for a reader, which may hang in the operating system


@dataclass(frozen=True)
class Looked:
    """What was seen in one file.

    Attributes:
        path: of the file.
        rows: of all its frames and cells, in order.
    """

    path: str
    rows: Sequence[Row]


@dataclass
class _File:
    number: int
    path: str
    data: bytes = b""
    problem: str = ""
    tokens: int = 1


@dataclass(frozen=True)
class _Result:
    number: int
    tokens: int
    looked: Looked | None = None
    failure: BaseException | None = None


class _Reader(threading.Thread):
    """One thread that reads; `file` is what it reads now, since `since`."""

    def __init__(self, target: Callable[["_Reader"], None]) -> None:
        super().__init__(name="read", daemon=True)
        self._work = target
        self.lock = threading.Lock()
        self.file: _File | None = None
        self.since = 0.0

    def run(self) -> None:
        self._work(self)


class Conveyor(AbstractContextManager["Conveyor"]):
    """Gives what is in each of many files; a context that ends its threads."""

    def __init__(
        self,
        paths: Iterator[str],
        make_look: Callable[[], Look],
        *,
        threads: int,
        patient: bool = False,
        stall_s: float = STALL_S,
    ) -> None:
        """Starts to read.

        Args:
            paths: of the files; asked for no more than are on the way, by threads, one at a time.
            make_look: called once in each thread that looks, because an interpreter serves one thread.
            threads: that look, each on a core of its own.
            patient: whether paths are waited for as long as it takes, as those of a list that somebody types.
            stall_s: after which a file that does not come is given up, in seconds.
        """
        self._paths = paths
        self._make_look = make_look
        self._threads = threads
        self._patient = patient
        self._stall_s = stall_s
        self._taking = threading.Lock()  # of the next path
        self._starting = threading.Lock()  # of threads
        self._taken = 0
        self._asked_at: float | None = None  # since when the next path is awaited
        self._end: int | None = None  # how many files there are, once known
        self._stopping = False
        self._lookers: list[threading.Thread] = []
        self._readers: list[_Reader] = []
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._unseen: SimpleQueue[_File | None] = SimpleQueue()
        self._results: SimpleQueue[_Result | None] = SimpleQueue()
        self._all_tokens = _TOKENS + threads * _TOKENS_PER_THREAD
        for _ in range(self._all_tokens):
            self._tokens.put(None)
        self._start_looker()
        self._start_reader()

    def __iter__(self) -> Iterator[Looked]:
        """Gives every file in the order of its path.

        Raises:
            EdgeClassifyError: the paths or a look cannot go on; what comes before was given.
        """
        waiting: dict[int, _Result] = {}
        given = 0
        while self._end is None or given < self._end:
            result = waiting.pop(given, None)
            if result is None:
                self._collect(waiting)
                continue
            given += 1
            for _ in range(result.tokens):
                self._tokens.put(None)
            if result.failure is not None:
                raise result.failure
            if result.looked is not None:
                yield result.looked

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._starting:
            self._stopping = True
        for _ in self._readers:
            self._tokens.put(None)
        for _ in self._lookers:
            self._unseen.put(None)
        for looker in self._lookers:
            looker.join()
        for reader in self._readers:
            reader.join(_JOIN_S)

    def _collect(self, waiting: dict[int, _Result]) -> None:
        """Takes the next result, or gives up what has stalled."""
        try:
            result = self._results.get(timeout=_CHECK_EVERY_S)
        except Empty:
            self._give_up_stalled()
            return
        if result is not None:
            waiting[result.number] = result

    # Reading

    def _start_reader(self) -> None:
        reader = _Reader(self._read)
        self._readers.append(reader)
        reader.start()

    def _start_reader_if_needed(self) -> None:
        with self._starting:
            if len(self._readers) < READERS and not self._stopping:
                self._start_reader()

    def _read(self, reader: _Reader) -> None:
        while True:
            self._tokens.get()
            file = self._take(reader)
            if file is None:
                return
            try:
                file.data = read_file(file.path)
            except PictureError as error:
                file.problem = str(error)
            with reader.lock:
                if reader.file is not file:
                    return  # given up, and replaced
                reader.file = None
            file.tokens = min(1 + len(file.data) // _TOKEN_BYTES, self._all_tokens)
            extra = file.tokens - 1
            self._unseen.put(file)
            self._start_looker_if_needed()
            # Only now, when what it belongs to is on its way: it will come back.
            for _ in range(extra):
                self._tokens.get()

    def _take(self, reader: _Reader) -> _File | None:
        with self._taking:
            if self._stopping or self._end is not None:
                return None
            self._asked_at = time.monotonic()
            try:
                path = next(self._paths, None)
            except BaseException as error:  # whatever it is, whoever reads the rows must know
                self._results.put(_Result(self._taken, 1, failure=error))
                path = None
                self._taken += 1
            self._asked_at = None
            if path is None:
                self._end = self._taken
                self._results.put(None)
                return None
            file = _File(self._taken, path)
            self._taken += 1
        with reader.lock:
            reader.file, reader.since = file, time.monotonic()
        return file

    def _give_up_stalled(self) -> None:
        now = time.monotonic()
        if not self._patient and self._asked_at is not None and now - self._asked_at > _LISTING_STALLS * self._stall_s:
            raise InputError(
                f"after {self._taken} pictures the folder does not answer any more; check the disk or the network it "
                "is on"
            )
        for reader in list(self._readers):
            with reader.lock:
                file = reader.file
                if file is None or now - reader.since < self._stall_s:
                    continue
                reader.file = None
            self._readers.remove(reader)
            self._start_reader()
            problem = f"did not come within {self._stall_s:g} s; check the disk or the network it is on"
            self._unseen.put(_File(file.number, file.path, problem=problem))

    # Looking

    def _start_looker_if_needed(self) -> None:
        if self._unseen.qsize() > 1 and len(self._lookers) < self._threads:
            with self._starting:
                if len(self._lookers) < self._threads and not self._stopping:
                    self._start_looker()

    def _start_looker(self) -> None:
        looker = threading.Thread(target=self._look, name="look", daemon=True)
        self._lookers.append(looker)
        looker.start()

    def _look(self) -> None:
        look: Look | None = None
        while (file := self._unseen.get()) is not None and not self._stopping:
            if self._unseen.empty() and file.number >= READERS:
                self._start_reader_if_needed()
            try:
                look = look or self._make_look()
                self._results.put(_Result(file.number, file.tokens, looked=_looked(file, look)))
            except BaseException as error:  # as above
                self._results.put(_Result(file.number, file.tokens, failure=error))


def _looked(file: _File, look: Look) -> Looked:
    bad = Frame(shown(file.path), None, problem=file.problem)
    try:
        frames = [bad] if file.problem else frames_of(file.path, file.data)
        return Looked(file.path, [row for frame in frames for row in look(frame)])
    except MemoryError:
        bad = Frame(shown(file.path), None, problem="needs more memory than there is; cut it into tiles")
        return Looked(file.path, look(bad))
