"""A Raspberry Pi's own camera (CSI), through picamera2, which comes with the system and not from PyPI."""

from concurrent.futures import TimeoutError as FutureTimeoutError
from importlib import import_module
from typing import Any

import numpy as np

from edge_runtime.errors import CameraError
from edge_runtime.preprocess import PixelArray
from edge_runtime.sources.camera_settings import CameraSettings

# picamera2's "RGB888" has blue first in memory, its "BGR888" red: the names count from the highest byte (Picamera2
# manual, 4.2.2.1). So this one is BGR as everywhere here.
_BGR_IN_MEMORY = "RGB888"
_DEFAULT_SIZE = (1280, 960)
_MICROSECONDS_PER_MS = 1_000
_MICROSECONDS_PER_S = 1_000_000
# In so many pictures the camera has found its exposure and white balance, before they are locked.
_SETTLING_PICTURES = 20
_ANSWER_TIMEOUT_S = 5.0


class Picamera2Camera:
    """An opened and started `Picamera2`."""

    def __init__(self, number: int, settings: CameraSettings) -> None:
        """Opens and starts camera `number`; `refused` then names the settings that it does not allow.

        Raises:
            CameraError: picamera2 is not installed, there is no such camera, or another program has it.
        """
        self.skipped = 0
        library = _import()
        if number >= len(library.Picamera2.global_camera_info()):
            raise CameraError("no camera there; check its ribbon cable, and see `rpicam-hello --list-cameras`")
        try:
            self._camera: Any = library.Picamera2(number)
        except (RuntimeError, IndexError) as error:
            raise CameraError(f"cannot be opened ({error}); close other programs that use it") from None
        try:
            controls, self.refused = _controls(settings, self._camera.camera_controls)
            configuration = self._camera.create_video_configuration(
                main={"size": settings.size or _DEFAULT_SIZE, "format": _BGR_IN_MEMORY}, controls=controls
            )
            self._camera.configure(configuration)
            self._camera.start()
            self._lock(settings)
        except (RuntimeError, ValueError, FutureTimeoutError) as error:
            self._camera.close()
            raise CameraError(f"does not start ({error or 'no picture came'}); try other settings") from None

    def read(self, timeout_s: float) -> PixelArray | None:
        """The next picture, uint8 BGR.

        Raises:
            CameraError: silence for `timeout_s`, or the camera failed.
        """
        try:
            picture = self._camera.capture_array("main", wait=timeout_s)
        except FutureTimeoutError:
            self._camera.cancel_all_and_flush()  # or the camera could not be closed, says picamera2
            raise CameraError(f"sent nothing for {timeout_s:.1f} s") from None
        except RuntimeError as error:
            raise CameraError(f"failed ({error})") from None
        return np.ascontiguousarray(picture[:, :, :3])

    def interrupt(self) -> None:
        """Nothing: a read ends by its time-out."""

    def close(self) -> None:
        """Stops and closes the camera."""
        self._camera.stop()
        self._camera.close()

    def _lock(self, settings: CameraSettings) -> None:
        if "lock" not in (settings.exposure, settings.white_balance):
            return
        for _ in range(_SETTLING_PICTURES):
            found = self._camera.capture_metadata(wait=_ANSWER_TIMEOUT_S)
        locked: dict[str, object] = {}
        if settings.exposure == "lock":
            locked |= {"ExposureTime": found["ExposureTime"], "AnalogueGain": found["AnalogueGain"]}
        if settings.white_balance == "lock":
            locked["ColourGains"] = found["ColourGains"]
        self._camera.set_controls(locked)


def _import() -> Any:
    try:
        return import_module("picamera2")
    except ImportError:
        raise CameraError(
            "picamera2 is not installed; `sudo apt install python3-picamera2`, and make the virtual environment with "
            "`python3 -m venv --system-site-packages`"
        ) from None


def _controls(settings: CameraSettings, known: dict[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The controls of libcamera for the settings, and the names of the settings that this camera has no control for."""
    wanted: list[tuple[str, str, object]] = []
    if settings.fps is not None:
        duration_us = round(_MICROSECONDS_PER_S / settings.fps)
        wanted.append(("fps", "FrameDurationLimits", (duration_us, duration_us)))
    if settings.gain is not None:
        wanted.append(("gain", "AnalogueGain", settings.gain))
    if settings.exposure is not None and settings.exposure != "lock":
        wanted.append(("exposure", "ExposureTime", round(settings.exposure * _MICROSECONDS_PER_MS)))
    if settings.white_balance is not None and settings.white_balance != "lock":
        wanted.append(("white-balance", "ColourTemperature", settings.white_balance))
    refused = tuple(name for name, control, _ in wanted if control not in known)
    return {control: value for name, control, value in wanted if name not in refused}, refused
