"""A Raspberry Pi's camera as libcamera shows it: a sensor of one colour, for the real picamera2 to drive.

Fake are the module `libcamera`, the memory that the kernel's DMA heap would give, and the encoders' libraries, which a
capture never calls. Names and behaviour are those that picamera2 0.3 uses (its picamera2.py, request.py, allocators/).
"""

import gc
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np

SEEN_BGR = (10, 20, 200)
FOUND = {"ExposureTime": 8_000, "AnalogueGain": 1.5, "ColourGains": (2.1, 1.4)}
_FPS = 50
# Named by picamera2 when it is imported, and called by previews, encoders and still pictures only.
_UNUSED = (
    "pykms",
    "videodev2",
    "simplejpeg",
    "av",
    "piexif",
    "pidng",
    "pidng.core",
    "pidng.camdefs",
    "libarchive",
    "prctl",
    "jsonschema",
)


class Named:
    """A control's identity."""

    def __init__(self, name: str) -> None:
        self.name, self.type = name, None


IDS = {
    name: Named(name) for name in (*FOUND, "FrameDurationLimits", "ExposureTimeMode", "AnalogueGainMode", "AwbEnable")
}


class Values:
    """A value type: its parts, and a copy of another one."""

    names: tuple[str, ...] = ()

    def __init__(self, *parts: Any, **named: Any) -> None:
        if len(parts) == 1 and isinstance(parts[0], Values):
            self.__dict__.update(parts[0].__dict__)
            return
        self.__dict__.update(dict.fromkeys(self.names, 0) | dict(zip(self.names, parts, strict=False)) | named)

    def __str__(self) -> str:
        return f"{type(self).__name__}{tuple(self.__dict__.values())}"


class Transform(Values):
    names = ("hflip", "vflip", "transpose")


class Size(Values):
    names = ("width", "height")


class Rectangle(Values):
    names = ("x", "y", "width", "height")


class ColorSpace(Values):
    names = ("primaries", "transferFunction", "ycbcrEncoding", "range")
    YcbcrEncoding = Enum("YcbcrEncoding", "Null")
    Range = Enum("Range", "Full")

    @classmethod
    def Sycc(cls) -> "ColorSpace":  # noqa: N802 - libcamera names it so
        return cls("sycc", 1)

    @classmethod
    def Smpte170m(cls) -> "ColorSpace":  # noqa: N802
        return cls("smpte170m", 2)

    @classmethod
    def Rec709(cls) -> "ColorSpace":  # noqa: N802
        return cls("rec709", 3)


class PixelFormat(str):
    pass


class Stream(SimpleNamespace):
    __hash__ = object.__hash__  # type: ignore[assignment]


class StreamConfiguration:
    """One stream, with the padding of lines that the hardware makes."""

    def __init__(self) -> None:
        self.size, self.pixel_format, self.stride, self.buffer_count = Size(640, 480), PixelFormat("MJPEG"), 0, 4
        self.color_space: Any = None
        self.stream = Stream(configuration=self)
        self.formats = SimpleNamespace(pixel_formats=[PixelFormat("MJPEG")], sizes=lambda form: [Size(1920, 1080)])

    @property
    def frame_size(self) -> int:
        return int(self.stride * self.size.height)


class CameraConfiguration(list[StreamConfiguration]):
    Status = Enum("Status", "Valid Adjusted Invalid")
    orientation: Any = None
    sensor_config: Any = None

    def at(self, i: int) -> StreamConfiguration:
        return self[i]

    def validate(self) -> Any:
        for stream in self:
            if stream.pixel_format not in ("RGB888", "BGR888"):
                return self.Status.Invalid
            stream.stride = -(-3 * stream.size.width // 64) * 64
        return self.Status.Valid


class Request:
    Status = Enum("Status", "Complete")

    def __init__(self, cookie: int) -> None:
        self.cookie, self.status = cookie, self.Status.Complete
        self.buffers: dict[Stream, Any] = {}
        self.metadata = {IDS[name]: value for name, value in FOUND.items()}
        self.controls: dict[Named, object] = {}

    def add_buffer(self, stream: Stream, buffer: Any) -> None:
        self.buffers[stream] = buffer

    def set_control(self, control: Named, value: object) -> None:
        self.controls[control] = value

    def reuse(self) -> None:
        pass


class Camera:
    """The sensor and its driver; `silent` is a ribbon cable that has come off."""

    id = "/base/soc/i2c@1/imx477@1a"

    def __init__(self, manager: "CameraManager") -> None:
        self.properties = {Named("Model"): "imx477"}
        self.controls = {control: SimpleNamespace(min=0, max=1_000_000, default=0) for control in IDS.values()}
        self.manager = manager
        self.owner: object = None
        self.busy = self.silent = self.running = False
        self.told: dict[str, object] = {}
        self.started = 0
        self.queue: list[Request] = []
        self.pictures = 0

    def generate_configuration(self, roles: Sequence[object]) -> CameraConfiguration:
        return CameraConfiguration(StreamConfiguration() for _ in roles)

    def acquire(self) -> None:
        if self.busy:
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        self.busy = True

    def release(self) -> None:
        assert self.busy and not self.running
        self.busy = False

    def configure(self, configuration: CameraConfiguration) -> int:
        return 0

    def create_request(self, cookie: int) -> Request:
        return Request(cookie)

    def start(self, controls: dict[Named, object]) -> None:
        self._tell(controls)
        self.running, self.queue = True, []
        self.started += 1
        self.thread = threading.Thread(target=self._expose, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.running = False
        self.thread.join()

    def queue_request(self, request: Request) -> None:
        self._tell(request.controls)
        self.queue.append(request)

    def _tell(self, controls: dict[Named, object]) -> None:
        self.told |= {control.name: value for control, value in controls.items()}

    def _expose(self) -> None:
        while self.running:
            time.sleep(1 / _FPS)
            if self.queue and not self.silent:
                request = self.queue.pop(0)
                for stream, buffer in request.buffers.items():
                    self._paint(stream.configuration, buffer.planes[0].fd)
                self.manager.complete(request)

    def _paint(self, configuration: StreamConfiguration, fd: int) -> None:
        """Writes as the hardware does: RGB888 has blue first in memory, and lines are padded."""
        width, height = configuration.size.width, configuration.size.height
        order = {"RGB888": 1, "BGR888": -1}[configuration.pixel_format]
        self.pictures += 1
        noise = np.random.default_rng(self.pictures).integers(0, 5, (height, width, 3), np.uint8)
        lines = np.full((height, configuration.stride), 255, np.uint8)
        lines[:, : 3 * width] = (noise + np.array(SEEN_BGR[::order], np.uint8)).reshape(height, -1)
        os.pwrite(fd, lines.tobytes(), 0)


class CameraManager:
    """All cameras of this Pi, and the requests that are ready."""

    def __init__(self) -> None:
        self.event_fd, self._signal_fd = os.pipe2(os.O_NONBLOCK)
        self.cameras = [Camera(self)]
        self.ready: list[Request] = []

    def complete(self, request: Request) -> None:
        self.ready.append(request)
        os.write(self._signal_fd, b"\0")

    def get_ready_requests(self) -> list[Request]:
        with suppress(BlockingIOError):
            os.read(self.event_fd, 4096)
        ready, self.ready = self.ready, []
        return ready


def _make_library(manager: CameraManager) -> ModuleType:
    library = ModuleType("libcamera")
    status = Enum("Status", "Success")
    library.__dict__.update(
        Transform=Transform,
        Size=Size,
        Rectangle=Rectangle,
        ColorSpace=ColorSpace,
        PixelFormat=PixelFormat,
        CameraConfiguration=CameraConfiguration,
        Request=Request,
        Camera=Camera,
        CameraManager=SimpleNamespace(singleton=lambda: manager),
        FrameMetadata=SimpleNamespace(Status=status),
        StreamRole=Enum("StreamRole", "StillCapture Raw VideoRecording Viewfinder"),
        ControlType=Enum("ControlType", "Rectangle Size"),
        Orientation=Enum(
            "Orientation",
            "Rotate0 Rotate0Mirror Rotate180Mirror Rotate180 Rotate90Mirror Rotate270 Rotate90 Rotate270Mirror",
        ),
        _libcamera=SimpleNamespace(ColorSpace=ColorSpace, Transform=Transform),
        controls=SimpleNamespace(**IDS, draft=SimpleNamespace(NoiseReductionModeEnum=MagicMock())),
        properties=MagicMock(),
    )
    return library


@contextmanager
def raspberry_pi() -> Iterator[CameraManager]:
    """A Pi with one camera: the real picamera2, once imported here, finds it."""
    manager = CameraManager()
    before = {name: sys.modules.get(name) for name in ("libcamera", *_UNUSED)}
    sys.modules.update({"libcamera": _make_library(manager)} | {name: MagicMock(name=name) for name in _UNUSED})
    try:
        import picamera2.picamera2 as real
        from picamera2.allocators.allocator import Allocator

        class Memory(Allocator):  # type: ignore[misc, valid-type]
            """What the kernel's DMA heap gives: buffers with file descriptors."""

            def allocate(self, configuration: CameraConfiguration, use_case: object) -> None:
                success = sys.modules["libcamera"].FrameMetadata.Status.Success
                self._buffers = {}
                for stream in configuration:
                    self._buffers[stream.stream] = []
                    for _ in range(stream.buffer_count):
                        fd = os.memfd_create("frame")
                        os.ftruncate(fd, stream.frame_size)
                        used = SimpleNamespace(bytes_used=stream.frame_size)
                        buffer = Stream(
                            planes=[SimpleNamespace(fd=fd)], metadata=SimpleNamespace(status=success, planes=[used])
                        )
                        self._buffers[stream.stream].append(buffer)

            def buffers(self, stream: Stream) -> list[Any]:
                return self._buffers[stream]

            def close(self) -> None:
                for buffers in self._buffers.values():
                    for buffer in buffers:
                        os.close(buffer.planes[0].fd)
                self._buffers = {}

        real.DmaAllocator = Memory
        yield manager
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # picamera2 leaves a pipe open
            gc.collect()
        for name in [name for name in sys.modules if name.partition(".")[0] == "picamera2"]:
            del sys.modules[name]
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
