"""A run of the command on a cluster: what was asked for, to rows."""

import hashlib
import os
import uuid
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.classifier import Classifier
from edge_runtime.cluster.parts import Identity, PartFolder
from edge_runtime.errors import ClusterError
from edge_runtime.interpreter import RuntimeName
from edge_runtime.look import Look
from edge_runtime.row import Row
from edge_runtime.strict_json import dumps
from edge_runtime.version import __version__


@dataclass(frozen=True)
class Spread:
    """What is asked of a cluster.

    Attributes:
        address: see `edge_runtime.cluster.run.Cluster`.
        part_size: pictures in a part.
        output: the folder of the parts; its suffix says their form.
        overwrite: whether the parts of another run are replaced.
        resume: whether finished parts of the same run are kept.
        options: those that change rows, by name.
        runtime: see `Classifier`.
        threshold: see `Classifier`.
    """

    address: str
    part_size: int
    output: Path
    overwrite: bool
    resume: bool
    options: dict[str, str]
    runtime: RuntimeName | None
    threshold: float | None

    def rows(
        self,
        arguments: tuple[str, ...],
        paths: Iterable[str],
        classifier: Classifier,
        make_look: Callable[[Classifier], Look],
    ) -> Generator[Row, None, None]:
        """Classifies pictures on the cluster.

        Args:
            arguments: where the pictures were looked for.
            paths: of the pictures, in order.
            classifier: with the model that the workers are to load.
            make_look: makes a worker's look; a function of a module, or a `functools.partial` of one.

        Yields:
            All rows in order, each once its part is on the disk.

        Raises:
            EdgeClassifyError: no cluster, or no output.
        """
        try:
            from edge_runtime.cluster.job import Job
            from edge_runtime.cluster.run import Cluster
        except ImportError:
            raise ClusterError(
                "--cluster needs dask.distributed; pip install 'edge-classify[cluster]' here and on the workers"
            ) from None
        bundle = classifier.bundle
        identity = Identity(
            version=__version__,
            model=bundle.contract.model.sha256,
            contract=hashlib.sha256(dumps(bundle.contract).encode()).hexdigest(),
            options=self.options,
            arguments=arguments,
            part_size=self.part_size,
        )
        job = Job(
            name=f"edge-classify-{uuid.uuid4().hex}",
            bundle=bundle,
            runtime=self.runtime,
            threshold=self.threshold,
            make_look=make_look,
            root=os.getcwd(),
        )
        with ExitStack() as stack:
            folder = PartFolder(
                self.output.absolute(), identity, job.name, overwrite=self.overwrite, resume=self.resume
            )
            stack.enter_context(folder)
            cluster = stack.enter_context(Cluster(self.address))
            yield from cluster.run(job, paths, folder, self.part_size)
