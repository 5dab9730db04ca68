"""A camera with what goes around it in a long run: systemd, the session's file, kept pictures."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge_runtime.camera_options import CameraOptions
from edge_runtime.kept_pictures import KeptPictures, keep_uncertain
from edge_runtime.live.run import LiveRun, live_run
from edge_runtime.look import Look
from edge_runtime.sinks.csv import CsvSink
from edge_runtime.sinks.session import SessionFile
from edge_runtime.sources.camera import Camera
from edge_runtime.sources.camera_settings import CameraSettings
from edge_runtime.sources.camera_state import CameraState
from edge_runtime.sources.frame import Frame
from edge_runtime.systemd import Notifier

if TYPE_CHECKING:
    from edge_runtime.classifier import Classifier


class CameraRun:
    """Opens a camera as the options say; `camera` is it, and all is closed with the stack."""

    def __init__(self, stack: ExitStack, source: str, options: CameraOptions, notice: Callable[[str], None]) -> None:
        """Opens the camera.

        Args:
            stack: closes what is opened here.
            source: as `Camera` takes it.
            options: what was asked for.
            notice: shows a line to the user.

        Raises:
            CameraError: it cannot be opened.
            OutputError: the folder for pictures cannot be used.
        """
        self._stack = stack
        self._options = options
        self._notice = notice
        self._kept = (
            KeptPictures(options.keep_uncertain, budget_mb=options.keep_budget_mb, notice=notice)
            if options.keep_uncertain is not None
            else None
        )
        self._systemd = stack.enter_context(Notifier())
        self.camera = stack.enter_context(
            Camera(
                source,
                settings=CameraSettings.parse(options.settings),
                reconnect_s=options.reconnect_s,
                notice=notice,
                heartbeat=self._beat,
            )
        )

    def frames(self) -> Iterator[Frame]:
        """The camera's frames; systemd is told that the service is ready."""
        self._systemd.ready()
        return self.camera.frames()

    def look(self, look: Look) -> Look:
        """The look, keeping uncertain cells where that is asked for."""
        return look if self._kept is None else keep_uncertain(look, self._kept)

    def sink(self, labels: tuple[str, ...]) -> CsvSink | None:
        """The file of this session; None when none is asked for.

        Raises:
            OutputError: it cannot be made.
        """
        if self._options.session is None:
            return None
        return CsvSink(
            self._stack.enter_context(SessionFile.next_in(self._options.session, notice=self._notice)), labels
        )

    def page(self, classifier: "Classifier") -> LiveRun | None:
        """The page that shows this run; None when none is asked for.

        Raises:
            PageError: it cannot be served.
        """
        if self._options.live is None:
            return None
        return self._stack.enter_context(live_run(self._options.live, classifier, camera=self.camera, say=self._notice))

    def _beat(self) -> None:
        self._systemd.beat(lambda: status_of(self.camera.state))


def status_of(state: CameraState) -> str:
    """One line for a person: what the camera is doing and its counters."""
    return (
        f"{state.state}{f' ({state.detail})' if state.detail else ''}, {state.fps:.1f} frames a second; "
        f"{state.read} read, {state.dropped} dropped, {state.stale} stale, {state.faulty} faulty, "
        f"{state.reconnected} times reconnected"
    )
