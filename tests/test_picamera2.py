"""A Raspberry Pi's own camera through the real picamera2; what is fake is the sensor and its driver, libcamera."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from edge_runtime.errors import CameraError
from edge_runtime.sources.camera import Camera
from edge_runtime.sources.camera_settings import CameraSettings
from tests.fake_libcamera import FOUND, SEEN_BGR, CameraManager, raspberry_pi

SMALL = (100, 80)  # lines of 300 bytes, which the hardware pads to 320


@pytest.fixture
def pi() -> Iterator[CameraManager]:
    """A Pi with one camera, which every test must let go."""
    with raspberry_pi() as manager:
        yield manager
        assert not any(camera.busy for camera in manager.cameras)


def test_pictures_are_bgr_and_without_the_padding(pi: CameraManager) -> None:
    with Camera("picamera2", settings=CameraSettings(SMALL)) as camera:
        picture = next(camera.frames()).picture
    assert picture is not None and picture.flags["C_CONTIGUOUS"]
    assert picture.shape == (80, 100, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - SEEN_BGR).max() < 5
    assert picture.max() < 255


def test_settings_reach_the_driver_and_what_it_has_not_is_said_once(pi: CameraManager) -> None:
    lines: list[str] = []
    settings = CameraSettings(SMALL, fps=10, exposure=5, gain=2, white_balance=4600)
    with Camera("picamera2:0", settings=settings, notice=lines.append) as camera:
        next(camera.frames())
    told = pi.cameras[0].told
    assert (told["FrameDurationLimits"], told["AnalogueGain"], told["ExposureTime"]) == ((100_000, 100_000), 2, 5_000)
    assert "ColourTemperature" not in told
    assert lines == ["picamera2:0: the driver does not allow white-balance; it stays as it was"]


def test_a_lock_keeps_what_the_camera_has_found(pi: CameraManager) -> None:
    settings = CameraSettings(SMALL, exposure="lock", white_balance="lock")
    with Camera("picamera2", settings=settings) as camera:
        frames = camera.frames()
        for _ in range(10):
            next(frames)
    assert {name: pi.cameras[0].told.get(name) for name in FOUND} == FOUND


def test_a_camera_that_falls_silent_is_opened_anew(pi: CameraManager) -> None:
    with Camera("picamera2", settings=CameraSettings(SMALL)) as camera:
        frames = camera.frames()
        for _ in range(5):
            next(frames)
        pi.cameras[0].silent = True
        while (frame := next(frames)).picture is not None:
            pass
        assert "sent nothing for" in frame.problem
        pi.cameras[0].silent = False
        while next(frames).picture is None:
            pass
        assert camera.state.reconnected == 1
    assert pi.cameras[0].started >= 2


@pytest.mark.parametrize(
    ("source", "message"), [("picamera2:1", "no camera there"), ("picamera2:12", "no such camera")]
)
def test_a_camera_that_is_not_there_is_refused(pi: CameraManager, source: str, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        Camera(source)


def test_a_busy_camera_is_refused_in_one_line(pi: CameraManager) -> None:
    pi.cameras[0].acquire()
    with pytest.raises(CameraError, match="close other programs") as caught:
        Camera("picamera2")
    assert "\n" not in str(caught.value)
    pi.cameras[0].release()


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)  # type: ignore[arg-type]
    with pytest.raises(CameraError, match="apt install python3-picamera2") as caught:
        Camera("picamera2")
    assert "\n" not in str(caught.value)
