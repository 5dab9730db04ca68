"""Frames from a camera, a network stream or a video file, through OpenCV."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

import cv2

from edge_runtime.errors import CameraError
from edge_runtime.preprocess import PixelArray
from edge_runtime.sources.address import is_stream, shown
from edge_runtime.sources.frame import Frame

_NUMBER = re.compile(r"[0-9]{1,4}")
_DEVICE = re.compile(r"/dev/video[0-9]+")
# OpenCV's FFmpeg gives up after these; its own defaults are 30 s each.
OPEN_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 5_000


class Camera(AbstractContextManager["Camera"]):
    """An opened camera, stream or video file.

    Of a live one each `frames` step gives the newest frame, and what came in between is dropped, so that nothing
    queues up; of a video file every frame is given.
    """

    def __init__(self, source: str) -> None:
        """Opens a source.

        Args:
            source: a number, `/dev/videoN`, an http, https, rtsp or rtsps address, or a video file.

        Raises:
            CameraError: it cannot be opened.
        """
        self.name = shown(source)
        is_address = is_stream(source)
        is_device = _NUMBER.fullmatch(source) is not None or _DEVICE.fullmatch(source) is not None
        self.live = is_address or is_device
        if not self.live and not os.path.isfile(source):
            raise CameraError(
                f"{self.name}: no such camera; give a number, /dev/videoN, an http or rtsp address, or a video file"
            )
        self._capture = (
            _open_stream(source) if is_address else _open_device(source) if is_device else _open_file(source)
        )
        if not self._capture.isOpened():
            self._capture.release()
            raise CameraError(f"{self.name}: {_open_advice(is_address, is_device)}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._capture.release()

    def frames(self) -> Iterator[Frame]:
        """Yields frames until a file ends; of a live camera that stops sending, a last frame with a problem.

        Raises:
            CameraError: not one frame came.
        """
        yield from _newest(self) if self.live else _every(self)

    def read(self) -> PixelArray | None:
        """The next frame, uint8 BGR `[height, width, 3]`, or None when there is none."""
        try:
            good, picture = self._capture.read()
        except cv2.error:
            return None  # a broken stream; whoever reads says that it ended
        return picture if good else None


def _every(camera: Camera) -> Iterator[Frame]:
    number = 0
    while (picture := camera.read()) is not None:
        yield Frame(camera.name, picture, frame=number)
        number += 1
    if number == 0:
        raise CameraError(f"{camera.name}: not a video that can be read; give an AVI, MP4 or MKV file")


def _newest(camera: Camera) -> Iterator[Frame]:
    reader = _NewestFrame(camera)
    reader.start()
    last: Frame | None = None
    try:
        while (frame := reader.take()) is not None:
            last = frame
            yield frame
    finally:
        reader.stop()
    if last is None:
        raise CameraError(f"{camera.name}: opened, but sent no picture; check the camera and its address")
    yield Frame(
        camera.name,
        None,
        frame=(last.frame or 0) + 1,
        time=datetime.now(timezone.utc),
        problem="the camera stopped sending; check it and start again",
    )


class _NewestFrame:
    """Reads a camera in its own thread and keeps one frame, the newest."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self) -> Frame | None:
        """Waits for a frame not yet taken; None when the camera has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended)
            frame, self._newest = self._newest, None
            return frame

    def stop(self) -> None:
        """Ends the thread; a read in progress ends by its time-out."""
        with self._changed:
            self._ended = True
        self._thread.join(READ_TIMEOUT_MS / 1000 + 1)

    def _read(self) -> None:
        number = 0
        while not self._ended and (picture := self._camera.read()) is not None:
            with self._changed:
                self._newest = Frame(self._camera.name, picture, number, datetime.now(timezone.utc))
                self._changed.notify()
            number += 1
        with self._changed:
            self._ended = True
            self._changed.notify()


def _open_stream(address: str) -> Any:
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, timeouts)


def _open_device(device: str) -> Any:
    return cv2.VideoCapture(int(device) if device.isdecimal() else device, cv2.CAP_V4L2)


def _open_file(path: str) -> Any:
    return cv2.VideoCapture(path, cv2.CAP_FFMPEG)


def _open_advice(is_address: bool, is_device: bool) -> str:
    if is_address:
        return "no stream there; check the address, the user and the password, and that the camera is on"
    if is_device:
        return "no camera there; plug it in, see `ls /dev/video*`, and close other programs that use it"
    return "not a video that can be read; give an AVI, MP4 or MKV file"
