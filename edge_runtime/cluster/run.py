"""A run on a cluster: parts to workers, rows back in order."""

import logging
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from types import TracebackType
from typing import Any

import distributed
from distributed import CancelledError, Client, KilledWorker, LocalCluster, wait

from edge_runtime.cluster.job import Job, JobPlugin, classify_part
from edge_runtime.cluster.parts import Part, PartFolder, split
from edge_runtime.errors import ClusterError, EdgeClassifyError
from edge_runtime.row import Row

LOCAL = "local"
_CONNECT_S, _FIRST_WORKER_S, _WITHOUT_WORKERS_S, _LOOK_EVERY_S = 10, 120, 120, 5
_PARTS_PER_THREAD = 2  # one in work and one waiting, so that no worker idles between two


class Cluster(AbstractContextManager["Cluster"]):
    """A scheduler with workers: one that runs, or one on this machine for as long as the context."""

    def __init__(self, address: str) -> None:
        """Connects.

        Args:
            address: of a scheduler, such as `tcp://192.0.2.1:8786`; `local` or `local:N` starts N workers here (as many
                as cores when not given).

        Raises:
            ClusterError: nothing answers there, or no worker joins.
        """
        for name in ("distributed", *(n for n in logging.root.manager.loggerDict if n.startswith("distributed."))):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is raised, and said in one line
        self._stack = ExitStack()
        try:
            self.client = self._connect(address)
            self.client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except (OSError, TimeoutError, distributed.TimeoutError, ValueError) as error:
            self._stack.close()
            raise ClusterError(f"--cluster {address}: {_why(address, error)}") from None
        except BaseException:
            self._stack.close()
            raise

    def _connect(self, address: str) -> Any:
        kind, _, count = address.partition(":")
        if kind != LOCAL:
            return self._stack.enter_context(Client(address, timeout=_CONNECT_S))
        workers = int(count) if count else len(os.sched_getaffinity(0))
        if workers < 1:
            raise ValueError("at least one worker is needed")
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # any free port, and nobody else's business
            silence_logs=logging.CRITICAL,
            memory_limit=0,  # a large picture must not look like a leak
        )
        self._stack.enter_context(cluster)
        return self._stack.enter_context(Client(cluster))

    def run(self, job: Job, paths: Iterable[str], folder: PartFolder, part_size: int) -> Generator[Row, None, None]:
        """Has every part classified that is not yet.

        Args:
            job: what the workers must know.
            paths: of the pictures, in order; read only as far as there are workers to give them to.
            folder: of the output.
            part_size: pictures in a part.

        Yields:
            All rows in the order of the paths, also those of parts that were there; each part once it is on the disk.

        Raises:
            EdgeClassifyError: the output cannot be written, or a part cost too many workers their life.
        """
        try:
            self._make_ready(job)
            yield from _Run(self.client, job, folder).rows(split(paths, part_size))
        except KilledWorker as error:
            raise ClusterError(
                f"{error.task}: cost {error.allowed_failures + 1} workers their life; see their logs; finished parts "
                "are kept for --resume"
            ) from None
        except (OSError, CancelledError) as error:
            raise ClusterError(
                f"the scheduler is lost ({error}); finished parts are kept, go on with --resume"
            ) from None
        finally:
            with suppress(Exception):  # whatever ended the run matters more, and the scheduler may be gone
                self.client.unregister_worker_plugin(job.name)

    def _make_ready(self, job: Job) -> None:
        try:
            self.client.register_plugin(JobPlugin(job))
        except EdgeClassifyError:
            raise
        except Exception as error:  # whatever a worker without this package, or with another Python, raises
            raise ClusterError(
                f"the workers cannot be made ready ({error}); install the same edge-classify[cluster] on each"
            ) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError, TimeoutError, distributed.TimeoutError):  # workers that are gone need not be ended
            self._stack.close()


class _Run:
    """Keeps a few parts in work, and reads finished ones in order."""

    def __init__(self, client: Any, job: Job, folder: PartFolder) -> None:
        self._client, self._job, self._folder = client, job, folder
        self._in_work: dict[Any, Part] = {}
        self._ready: dict[int, Part] = {}
        self._next = 0

    def rows(self, parts: Iterator[Part]) -> Iterator[Row]:
        labels = self._job.bundle.contract.labels
        try:
            self._fill(parts)
            while self._in_work or self._ready:
                while self._next in self._ready:
                    yield from self._folder.rows(self._ready.pop(self._next), labels)
                    self._next += 1
                    self._fill(parts)
                for future in sorted(self._wait(), key=lambda done: self._in_work[done].number):
                    # Raises what the worker raised. Of the parts that a lost worker had, it worked on the first.
                    future.result()
                    part = self._in_work.pop(future)
                    self._ready[part.number] = part
                self._fill(parts)
            self._folder.finish(self._next)
        finally:
            with suppress(Exception):  # an interrupted run leaves no work behind; the scheduler may be gone
                self._client.cancel(list(self._in_work))

    def _wait(self) -> list[Any]:
        """Finished work; waits for some as long as there are workers."""
        alone = 0
        while self._in_work and alone < _WITHOUT_WORKERS_S:
            with suppress(TimeoutError, distributed.TimeoutError):  # before Python 3.11 they are two
                return list(wait(list(self._in_work), timeout=_LOOK_EVERY_S, return_when="FIRST_COMPLETED").done)
            alone = 0 if self._client.nthreads() else alone + _LOOK_EVERY_S
        if self._in_work:
            raise ClusterError(
                f"all workers are lost, and for {_WITHOUT_WORKERS_S} s none has joined; finished parts are kept, start "
                "workers and go on with --resume"
            )
        return []

    def _fill(self, parts: Iterator[Part]) -> None:
        """Gives out parts while workers can take them; finished ones are ready at once."""
        room = _PARTS_PER_THREAD * max(1, sum(self._client.nthreads().values()))
        while len(self._in_work) < room and len(self._ready) <= room:
            part = next(parts, None)
            if part is None:
                return
            if self._folder.finished(part):
                self._ready[part.number] = part
                continue
            future = self._client.submit(
                classify_part,
                self._job.name,
                part.paths,
                self._folder.target(part),
                key=f"{self._job.name}: part {part.number}",
                pure=False,
            )
            self._in_work[future] = part


def _why(address: str, error: Exception) -> str:
    if address.partition(":")[0] == LOCAL:
        return f"cannot start workers ({error}); give {LOCAL}, {LOCAL}:N, or the address of a scheduler"
    if isinstance(error, TimeoutError) and "workers" in str(error):
        return f"no worker joined within {_FIRST_WORKER_S} s; start some with `dask worker {address}`"
    return f"no scheduler answers there ({error}); start one with `dask scheduler`, or check the address"
