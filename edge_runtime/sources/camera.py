"""A camera by what a user calls it: a number, a device, picamera2, an address, a video file, a sequence of pictures."""

import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from types import TracebackType

from edge_runtime.errors import CameraError
from edge_runtime.sources.address import is_stream, shown
from edge_runtime.sources.camera_settings import CameraSettings
from edge_runtime.sources.camera_state import CameraRecord, CameraState
from edge_runtime.sources.capture import Capture
from edge_runtime.sources.device import Device
from edge_runtime.sources.frame import Frame
from edge_runtime.sources.mjpeg import MjpegCamera, NotMultipartError
from edge_runtime.sources.opencv import open_device, open_stream
from edge_runtime.sources.picamera2 import Picamera2Camera
from edge_runtime.sources.video import find_sequence, is_sequence, read_sequence, read_video

_NUMBER = re.compile(r"[0-9]{1,4}")
_DEVICE = re.compile(r"/dev/video[0-9]+")
_PICAMERA2 = re.compile(r"picamera2(?::([0-9]))?")
_FORMS = "a number, /dev/videoN, picamera2, an http or rtsp address, a video file, or pictures as frame-%04d.png"
# How often whoever waits for a frame is told that the wait goes on.
_HEARTBEAT_S = 0.5
# A driver that has not come back for so long never will.
_HUNG_AFTER_S = 30.0


def _ignore_line(line: str) -> None:
    pass


def _ignore_beat() -> None:
    pass


class Camera(AbstractContextManager["Camera"]):
    """An opened camera, stream, video file or sequence.

    Of a live one each `frames` step gives the newest frame, what came in between is dropped, and when it is lost it is
    fetched back; of a file every frame is given. Pictures are BGR, whatever the camera's own order is.
    """

    def __init__(
        self,
        source: str,
        *,
        settings: CameraSettings | None = None,
        reconnect_s: float | None = None,
        notice: Callable[[str], None] = _ignore_line,
        heartbeat: Callable[[], None] = _ignore_beat,
    ) -> None:
        """Opens a source.

        Args:
            source: a number, `/dev/videoN`, `picamera2[:N]`, an http, https, rtsp or rtsps address, a video file, a
                glob, or a name with `%04d`.
            settings: what a camera on this machine is told.
            reconnect_s: how long a lost live camera is tried again, seconds; None is for ever.
            notice: told lines for the user, by whoever takes the frames.
            heartbeat: called by whoever takes the frames, at every frame and every half second of waiting, unless the
                camera's driver hangs.

        Raises:
            CameraError: it cannot be opened, or settings are given for what has none.
        """
        self.name = shown(source)
        self._source = source
        self._settings = settings or CameraSettings()
        self._notice = notice
        self._heartbeat = heartbeat
        self._record = CameraRecord()
        self._capture: Capture | None = None
        self._refused: set[str] = set()  # said once, not at every reconnection
        connect = self._connector()
        if self._settings != CameraSettings() and (connect is None or is_stream(source)):
            raise CameraError(f"{self.name}: has no settings here; set it up on its own page")
        if connect is not None:
            self._capture = Capture(self.name, connect, self._record, reconnect_s=reconnect_s)
            self._capture.start()
        elif is_sequence(source) and not os.path.isfile(source):
            self._pictures = find_sequence(source)
        elif not os.path.isfile(source):
            raise CameraError(f"{self.name}: no such camera; give {_FORMS}")

    @property
    def live(self) -> bool:
        """Whether this is a camera, and not a file."""
        return self._capture is not None

    @property
    def state(self) -> CameraState:
        """What it is doing, and its counters; from any thread."""
        return self._record.snapshot()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._capture is not None:
            self._capture.stop()

    def frames(self) -> Generator[Frame, None, None]:
        """Yields frames until a file ends; of a live camera for ever, or until it was lost for `reconnect_s`.

        A lost camera, and a picture that is frozen or faulty, is one frame with a problem each time it begins.

        Raises:
            CameraError: not one frame came.
        """
        if self._capture is not None:
            yield from self._newest(self._capture)
        elif os.path.isfile(self._source):
            yield from self._every(read_video(self._source))
        else:
            yield from self._every(read_sequence(self._pictures, self.name))

    def _every(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self._record.set("live")
            self._record.count(read=1)
            self._heartbeat()
            yield frame
        self._record.set("ended")

    def _newest(self, capture: Capture) -> Iterator[Frame]:
        try:
            while not capture.ended:
                item = capture.take(_HEARTBEAT_S)
                if capture.silent_s < _HUNG_AFTER_S:
                    self._heartbeat()
                if isinstance(item, str):
                    self._notice(item)
                elif item is not None:
                    yield item
        finally:
            capture.stop()

    def _connector(self) -> Callable[[], Device] | None:
        """What opens a live source; None for files."""
        if is_stream(self._source):
            return self._open_stream
        if _NUMBER.fullmatch(self._source) or _DEVICE.fullmatch(self._source):
            return self._open_device
        if _PICAMERA2.fullmatch(self._source):
            return self._open_picamera2
        return None

    def _open_stream(self) -> Device:
        if self._source.lower().startswith("http"):
            try:
                return MjpegCamera(self._source)
            except NotMultipartError:
                pass
        return open_stream(self._source)

    def _open_device(self) -> Device:
        device, refused = open_device(self._source, self._settings)
        self._say_refused(refused)
        return device

    def _open_picamera2(self) -> Device:
        match = _PICAMERA2.fullmatch(self._source)
        device = Picamera2Camera(int(match[1] or 0) if match else 0, self._settings)
        self._say_refused(device.refused)
        return device

    def _say_refused(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name not in self._refused and self._capture is not None:
                self._capture.say(f"{self.name}: the driver does not allow {name}; it stays as it was")
            self._refused.add(name)
