"""The device behind picamera2: a sensor that sees one colour. Its calls must fit the real package's signatures.

The real `picamera2` is installed for these signatures and never imported: it needs libcamera, which only the system of
a Raspberry Pi brings. What is fake is the sensor and its driver.
"""

import ast
import inspect
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

SEEN_BGR = (10, 20, 200)
FOUND = {"ExposureTime": 8_000, "AnalogueGain": 1.5, "ColourGains": (2.1, 1.4)}
_CLASS = "Picamera2"


def real_signatures() -> dict[str, inspect.Signature]:
    """The signature of every method of the installed `picamera2.Picamera2`, read from its source.

    Of overloads the last counts, which is the implementation; properties have one too.
    """
    spec = find_spec("picamera2")
    assert spec is not None and spec.origin is not None, "pip install --no-deps picamera2: make test does"
    tree = ast.parse((Path(spec.origin).parent / "picamera2.py").read_text("utf-8"))
    (real,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == _CLASS]
    signatures = {}
    for node in real.body:
        if isinstance(node, ast.FunctionDef):
            given = node.args
            first_default = len(given.args) - len(given.defaults)
            signatures[node.name] = inspect.Signature(
                [
                    inspect.Parameter(
                        argument.arg,
                        inspect.Parameter.POSITIONAL_OR_KEYWORD,
                        default=inspect.Parameter.empty if i < first_default else None,
                    )
                    for i, argument in enumerate(given.args)
                ]
            )
    return signatures


REAL = real_signatures()


def as_real(method: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses a call that the real method would refuse."""

    @wraps(method)
    def checked(*args: Any, **kwargs: Any) -> Any:
        REAL[method.__name__].bind(*args, **kwargs)
        return method(*args, **kwargs)

    return checked


class Picamera2:
    """A camera that can be unplugged, and notes what it is told."""

    attached = 1
    silent = False
    opened: "list[Picamera2]" = []  # noqa: RUF012

    @as_real
    def __init__(self, camera_num: int = 0) -> None:
        if any(not camera.closed for camera in self.opened):
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        self.closed = self.started = False
        self.told: dict[str, object] = {}
        self.configuration: dict[str, Any] = {}
        self.pictures = 0
        self.opened.append(self)

    @staticmethod
    def global_camera_info() -> list[dict[str, object]]:
        assert "global_camera_info" in REAL
        return [{"Model": "imx477", "Id": f"/base/i2c@{i}", "Num": i} for i in range(Picamera2.attached)]

    @property
    def camera_controls(self) -> dict[str, tuple[object, object, object]]:
        assert "camera_controls" in REAL
        names = ("AeEnable", "AwbEnable", "FrameDurationLimits", *FOUND)
        return dict.fromkeys(names, (0, 100_000, None))

    @as_real
    def create_video_configuration(self, main: dict[str, Any], controls: dict[str, object]) -> dict[str, Any]:
        return {"main": main, "controls": controls}

    @as_real
    def configure(self, camera_config: dict[str, Any]) -> None:
        self.configuration = camera_config
        self.told |= camera_config["controls"]

    @as_real
    def start(self) -> None:
        assert self.configuration, "configure comes first"
        self.started = True

    @as_real
    def set_controls(self, controls: dict[str, object]) -> None:
        assert set(controls) <= set(self.camera_controls), "libcamera refuses a control that it does not know"
        self.told |= controls

    @as_real
    def capture_metadata(self, wait: float | None = None) -> dict[str, object]:
        assert self.started
        return dict(FOUND)

    @as_real
    def capture_array(self, name: str = "main", wait: float | None = None) -> np.ndarray:
        assert self.started and not self.closed
        if Picamera2.silent:
            time.sleep(wait or 0)
            raise FutureTimeoutError
        width, height = self.configuration[name]["size"]
        order = {"RGB888": 1, "BGR888": -1}[self.configuration[name]["format"]]  # RGB888 is BGR in memory
        self.pictures += 1
        noise = np.random.default_rng(self.pictures).integers(0, 5, (height, width, 3), np.uint8)
        return noise + np.array(SEEN_BGR[::order], np.uint8)

    @as_real
    def stop(self) -> None:
        self.started = False

    @as_real
    def close(self) -> None:
        self.closed = True
