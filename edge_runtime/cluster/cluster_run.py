"""A run of the command over files that workers share out."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing

from edge_runtime.cluster_options import spread_of
from edge_runtime.file_run import found_pictures
from edge_runtime.pipeline import Tally
from edge_runtime.row import Row
from edge_runtime.run import Load, MakeLook, Options


class ClusterRun:
    """Finds the files here and lets the workers do the rest; parts that are there already give their rows again."""

    def __init__(self, stack: ExitStack, options: Options, load: Load, make_look: MakeLook) -> None:
        """Looks the arguments up and loads the model.

        Args:
            stack: closes what is opened here.
            options: of the command.
            load: of the model.
            make_look: what to look for; workers are sent it.

        Raises:
            InputError: an argument gives no picture.
            EdgeClassifyError: no model.
        """
        self._stack, self._options, self._make_look = stack, options, make_look
        self._pictures = found_pictures(options["paths"])
        self.classifier = load(1)

    def open_output(self) -> None:
        """Nothing yet: the folder of parts is opened with the cluster."""

    def earlier(self) -> Iterator[Row]:
        """None apart: finished parts stand in their order among the new ones."""
        return iter(())

    def count(self) -> Iterable[str] | None:
        """All the files, to be counted; None where they come as a list."""
        return None if "-" in self._options["paths"] else found_pictures(self._options["paths"])

    @property
    def done(self) -> int:
        """0: finished parts are told again, so they are counted as they come."""
        return 0

    def run(self, tally: Tally, on_row: Callable[[Row], None], on_read: Callable[[], None]) -> None:
        """Gives the parts out, and tells their rows in order, each once its part is on the disk.

        Arguments and errors are those of `Run.run`.
        """
        spread = spread_of(self._options)
        rows = spread.rows(self._options["paths"], self._pictures, self.classifier, self._make_look)
        for row in self._stack.enter_context(closing(rows)):
            tally.add(row)
            on_row(row)
            on_read()
