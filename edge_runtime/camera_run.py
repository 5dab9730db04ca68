"""A camera with what goes around it in a long run: systemd, the session's file, kept pictures."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from edge_runtime.camera_options import CameraOptions
from edge_runtime.cells import Field
from edge_runtime.field_options import FieldOptions
from edge_runtime.given_pictures import GivenPictures
from edge_runtime.kept_pictures import KeptPictures, keep_uncertain
from edge_runtime.live.run import LiveRun, live_run
from edge_runtime.look import Look
from edge_runtime.look_at_field import Seen
from edge_runtime.look_once import look_once
from edge_runtime.pipeline import Tally, run
from edge_runtime.row import Row
from edge_runtime.run import Load, Options
from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.lenient import LenientSink
from edge_runtime.sinks.opened import open_sink
from edge_runtime.sinks.session import SessionFile
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources.camera import Camera
from edge_runtime.sources.camera_settings import CameraSettings
from edge_runtime.sources.camera_state import CameraState
from edge_runtime.sources.frame import Frame
from edge_runtime.systemd import Notifier


class CameraRun:
    """Opens a camera as the options say; `camera` is it, and all is closed with the stack."""

    def __init__(self, stack: ExitStack, options: Options, load: Load, notice: Callable[[str], None]) -> None:
        """Loads the model and opens the camera.

        Args:
            stack: closes what is opened here.
            options: of the command.
            load: of the model.
            notice: shows a line to the user.

        Raises:
            CameraError: it cannot be opened.
            OutputError: the folder for pictures cannot be used.
            EdgeClassifyError: no model.
        """
        self._stack, self._notice = stack, notice
        self._output, self._overwrite = options["output"], options["overwrite"]
        self._options: CameraOptions = options["camera_options"]
        self._fields: FieldOptions = options["field_options"]
        self.classifier = load(options["threads"] or 1)
        self._page: LiveRun | None = None
        self._sink: Sink | None = None
        self._look: Look | None = None
        self._listeners: list[Seen] = []
        self._problems: list[Callable[[], str]] = []
        self._systemd = stack.enter_context(Notifier())
        self.camera = stack.enter_context(
            Camera(
                options["camera"],
                settings=CameraSettings.parse(self._options.settings),
                reconnect_s=self._options.reconnect_s,
                notice=notice,
                heartbeat=self._beat,
            )
        )

    def open_output(self) -> None:
        """Opens where rows, pictures and the page go.

        Raises:
            OutputError: something cannot be written.
            PageError: the page cannot be served.
        """
        self._sink = self._rows_sink()
        look = self._fields.look(self.classifier, camera=True, seen=self._seen)
        if self._options.live is not None:
            page = self._stack.enter_context(
                live_run(
                    self._options.live,
                    self.classifier,
                    camera=self.camera,
                    say=self._notice,
                    session=self._options.session,
                )
            )
            self._page = page
            for problem in self._problems:
                page.show_problem(problem)
            self._listeners.append(page.sights.note)
            # The page follows each cell itself, so it is shown every frame.
            look = page.watch(look)
        self._look = look_once(look)
        if self._options.keep_uncertain is not None:
            folder, budget_mb = self._options.keep_uncertain, self._options.keep_budget_mb
            kept = KeptPictures(folder, budget_mb=budget_mb, notice=self._notice)
            cuts = GivenPictures(self.classifier.contract)
            self._listeners.append(cuts.note)
            self._look = keep_uncertain(self._look, kept, cut=cuts.of)

    def _rows_sink(self) -> Sink:
        """The file of this session, else what `--output` asks for; beside a page that is all."""
        labels = self.classifier.contract.labels
        if self._options.session is not None:
            file = self._stack.enter_context(SessionFile.next_in(self._options.session, notice=self._notice))
            self._problems.append(lambda: file.problem)
            return CsvSink(file, labels, uptime=True)
        if self._output is None:
            if self._options.live is not None:
                return LenientSink(None, self._notice)
            return open_sink(self._stack, None, labels, overwrite=self._overwrite)
        sink = open_sink(self._stack, self._output, labels, overwrite=self._overwrite)
        if not self.camera.live and self._options.live is None:
            return sink
        # What a live camera shows does not come again, so a full disk must not end the looking.
        lenient = self._stack.enter_context(LenientSink(sink, self._notice))
        self._problems.append(lambda: lenient.problem)
        return lenient

    def _seen(self, frame: Frame, field: Field, rows: Sequence[Row]) -> None:
        for listener in self._listeners:
            listener(frame, field, rows)

    def earlier(self) -> Iterator[Row]:
        """None: a camera does not go on with what it gave before."""
        return iter(())

    def count(self) -> None:
        """Unknown: a camera has no end."""

    @property
    def done(self) -> int:
        """0: a camera does not go on with what it gave before."""
        return 0

    def run(self, tally: Tally, on_row: Callable[[Row], None], on_read: Callable[[], None]) -> None:
        """Looks at the camera's frames; systemd is told that the service is ready.

        Arguments and errors are those of `Run.run`; what is counted is rows, because most frames give none.
        """

        def on_each(row: Row) -> None:
            on_row(row)
            on_read()

        self._systemd.ready()
        assert self._sink is not None and self._look is not None, "open_output comes first"
        run(self.camera.frames(), self._look, self._sink, tally, on_each)
        if self._page is not None:
            self._page.stay()

    def _beat(self) -> None:
        self._systemd.beat(lambda: status_of(self.camera.state))


def status_of(state: CameraState) -> str:
    """One line for a person: what the camera is doing and its counters."""
    return (
        f"{state.state}{f' ({state.detail})' if state.detail else ''}, {state.fps:.1f} frames a second; "
        f"{state.read} read, {state.dropped} dropped, {state.stale} stale, {state.faulty} faulty, "
        f"{state.reconnected} times reconnected"
    )
