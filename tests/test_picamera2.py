"""A Raspberry Pi's own camera: calls that the real picamera2 takes, colour order, settings, loss and return."""

import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from edge_runtime.errors import CameraError
from edge_runtime.sources.camera import Camera
from edge_runtime.sources.camera_settings import CameraSettings
from tests import fake_picamera2
from tests.fake_picamera2 import FOUND, SEEN_BGR, Picamera2


@pytest.fixture(autouse=True)
def sensor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Pi with one camera."""
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2)
    monkeypatch.setattr(Picamera2, "attached", 1)
    monkeypatch.setattr(Picamera2, "silent", False)
    monkeypatch.setattr(Picamera2, "opened", [])
    yield
    assert all(camera.closed and not camera.started for camera in Picamera2.opened)


def test_pictures_are_bgr() -> None:
    with Camera("picamera2") as camera:
        picture = next(camera.frames()).picture
    assert picture is not None and picture.flags["C_CONTIGUOUS"]
    assert picture.shape == (960, 1280, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - SEEN_BGR).max() < 5


def test_settings_reach_the_driver_and_what_it_has_not_is_said_once() -> None:
    lines: list[str] = []
    settings = CameraSettings((320, 240), fps=10, exposure=5, gain=2, white_balance=4600)
    with Camera("picamera2:0", settings=settings, notice=lines.append) as camera:
        frames = camera.frames()
        assert next(frames).picture.shape == (240, 320, 3)  # type: ignore[union-attr]
    assert Picamera2.opened[0].told == {
        "FrameDurationLimits": (100_000, 100_000),
        "AnalogueGain": 2,
        "ExposureTime": 5_000,
    }
    assert lines == ["picamera2:0: the driver does not allow white-balance; it stays as it was"]


def test_a_lock_keeps_what_the_camera_has_found() -> None:
    with Camera("picamera2", settings=CameraSettings(exposure="lock", white_balance="lock")) as camera:
        next(camera.frames())
    assert Picamera2.opened[0].told == FOUND


def test_a_camera_that_falls_silent_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with Camera("picamera2", settings=CameraSettings((64, 48))) as camera:
        frames = camera.frames()
        for _ in range(5):
            next(frames)
        monkeypatch.setattr(Picamera2, "silent", True)
        while next(frames).picture is not None:
            pass
        monkeypatch.setattr(Picamera2, "silent", False)
        while next(frames).picture is None:
            pass
        assert camera.state.reconnected == 1
    assert len(Picamera2.opened) >= 2


@pytest.mark.parametrize(
    ("source", "message"), [("picamera2:1", "no camera there"), ("picamera2:12", "no such camera")]
)
def test_a_camera_that_is_not_there_is_refused(source: str, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        Camera(source)


def test_a_busy_camera_is_refused() -> None:
    other = Picamera2()
    with pytest.raises(CameraError, match="close other programs"):
        Camera("picamera2")
    other.close()


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)  # type: ignore[arg-type]
    with pytest.raises(CameraError, match="apt install python3-picamera2") as caught:
        Camera("picamera2")
    assert "\n" not in str(caught.value)


def test_a_call_that_the_real_package_would_refuse_fails_here_too() -> None:
    with pytest.raises(TypeError):
        Picamera2().capture_array("main", timeout=1)
    assert isinstance(fake_picamera2, ModuleType)
    Picamera2.opened[-1].close()
