"""Cameras that OpenCV reads: V4L2 devices, and through its FFmpeg rtsp and other streams."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2

from edge_runtime.errors import CameraError
from edge_runtime.preprocess import PixelArray
from edge_runtime.sources.camera_settings import CameraSettings

# OpenCV's FFmpeg gives up after these; its own defaults are 30 s each.
OPEN_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 5_000
# A USB camera sends a damaged picture now and then; so many in a row, and it is gone.
_FAILED_READS = 5
# V4L2's own numbers for V4L2_CID_EXPOSURE_AUTO (linux/v4l2-controls.h), and its unit of exposure, 100 us.
_EXPOSURE_MANUAL = 1
_EXPOSURE_UNITS_PER_MS = 10
# In so many pictures a camera has found its exposure and white balance, before they are locked.
_SETTLING_PICTURES = 20
# Motion JPEG: uncompressed, USB 2 carries no more than VGA at full rate.
_FOURCC = "MJPG"
_FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
# RTP over TCP loses no packets, so no half pictures; nothing is held back before it is decoded.
_LOW_DELAY = "rtsp_flags;prefer_tcp|fflags;nobuffer|flags;low_delay"


class OpenCvCamera:
    """An opened `cv2.VideoCapture`; its pictures are BGR whatever the camera sends."""

    def __init__(self, capture: Any, *, attempts: int) -> None:
        """Takes an opened capture; so many reads may fail in a row."""
        self.skipped = 0
        self._capture = capture
        self._attempts = attempts
        self._failed = 0

    def read(self, timeout_s: float) -> PixelArray | None:
        """The next picture, uint8 BGR, None when it came broken; waits as long as the driver does.

        Raises:
            CameraError: no picture came.
        """
        try:
            good, picture = self._capture.read()
        except cv2.error:
            good = False  # a broken stream ends here too
        if good:
            self._failed = 0
            return picture  # type: ignore[no-any-return]
        self._failed += 1
        if self._failed < self._attempts:
            return None
        raise CameraError("stopped sending")

    def interrupt(self) -> None:
        """Nothing: a capture bears no second thread, and its reads end by their time-out."""

    def close(self) -> None:
        """Releases the capture."""
        self._capture.release()


def open_stream(address: str) -> OpenCvCamera:
    """Opens an rtsp or other network stream.

    Raises:
        CameraError: no stream there.
    """
    # Decoding in several threads holds one picture back for each.
    settings = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS),
        *(cv2.CAP_PROP_N_THREADS, 1),
    ]
    with _low_delay():
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, settings)
    advice = "no stream there; check the address, the user and the password, and that the camera is on"
    return OpenCvCamera(_opened(capture, advice), attempts=1)


@contextmanager
def _low_delay() -> Iterator[None]:
    """Sets what OpenCV reads as it opens a capture, unless the user has; later video files would lose frames."""
    if _FFMPEG_OPTIONS in os.environ:
        yield
        return
    os.environ[_FFMPEG_OPTIONS] = _LOW_DELAY
    try:
        yield
    finally:
        del os.environ[_FFMPEG_OPTIONS]


def open_device(device: str, settings: CameraSettings) -> tuple[OpenCvCamera, tuple[str, ...]]:
    """Opens a V4L2 camera by number or `/dev/videoN`.

    Returns:
        The camera, and the names of the settings that its driver does not allow.

    Raises:
        CameraError: no camera there, or another program has it.
    """
    number = int(device) if device.isdecimal() else int(device.removeprefix("/dev/video"))
    capture = _opened(cv2.VideoCapture(number, cv2.CAP_V4L2), _device_advice(f"/dev/video{number}"))
    return OpenCvCamera(capture, attempts=_FAILED_READS), _apply(capture, settings)


def _opened(capture: Any, advice: str) -> Any:
    if not capture.isOpened():
        capture.release()
        raise CameraError(advice)
    return capture


def _device_advice(path: str) -> str:
    if not os.path.exists(path):
        return "no camera there; plug it in, and see `ls /dev/video*`"
    if not os.access(path, os.R_OK | os.W_OK):
        return f"may not be read; `sudo usermod -aG video $USER` and log in again ({path})"
    return "no camera there or busy; close other programs that use it, and see `v4l2-ctl --list-devices`"


def _apply(capture: Any, settings: CameraSettings) -> tuple[str, ...]:
    refused: list[str] = []

    def put(name: str, *pairs: tuple[int, float]) -> None:
        if not all(capture.set(key, value) for key, value in pairs):
            refused.append(name)

    if settings.size is not None:
        width, height = settings.size
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*_FOURCC))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        # The driver takes the nearest size that it has, and says that all is well.
        if (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) != (width, height):
            refused.append("size")
    if settings.fps is not None:
        put("fps", (cv2.CAP_PROP_FPS, settings.fps))
    if "lock" in (settings.exposure, settings.white_balance):
        for _ in range(_SETTLING_PICTURES):
            capture.grab()
    if settings.exposure == "lock":
        put("exposure", (cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_MANUAL))
    elif settings.exposure is not None:
        units = round(settings.exposure * _EXPOSURE_UNITS_PER_MS)
        put("exposure", (cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_MANUAL), (cv2.CAP_PROP_EXPOSURE, units))
    if settings.gain is not None:
        put("gain", (cv2.CAP_PROP_GAIN, settings.gain))
    if settings.white_balance == "lock":
        put("white-balance", (cv2.CAP_PROP_AUTO_WB, 0))
    elif settings.white_balance is not None:
        put("white-balance", (cv2.CAP_PROP_AUTO_WB, 0), (cv2.CAP_PROP_WB_TEMPERATURE, settings.white_balance))
    return tuple(refused)
