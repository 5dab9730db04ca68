"""A live camera that is lost, broken, frozen or changed, and comes back; against real network cameras on loopback."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import CameraError
from edge_runtime.sources.camera import Camera
from edge_runtime.sources.camera_settings import CameraSettings
from edge_runtime.sources.camera_state import CAMERA_THREAD, CameraRecord
from edge_runtime.sources.capture import LONGEST_SILENCE_S
from edge_runtime.sources.frame import Frame
from edge_runtime.sources.multipart import MultipartParser
from edge_runtime.sources.opencv import OpenCvCamera
from edge_runtime.sources.picture_fault import find_fault
from edge_runtime.sources.picture_watch import FROZEN_AFTER_S, PictureWatch
from tests.conftest import cli_environment
from tests.raw_camera import jpeg, noisy_field, raw_camera
from tests.real_cameras import FfmpegCamera, ffmpeg_camera, rtsp_camera

SECRET = "s3cr3t"
PATIENCE_S = 60


def take_until(frames: Iterator[Frame], done: Callable[[Frame], bool]) -> list[Frame]:
    """Takes frames up to the first that is so."""
    taken = []
    deadline = time.monotonic() + PATIENCE_S
    for frame in frames:
        taken.append(frame)
        if done(frame):
            return taken
        assert time.monotonic() < deadline, f"{len(taken)} frames, none as it should be"
    raise AssertionError("the camera ended")


def has_picture(frame: Frame) -> bool:
    return frame.picture is not None


def has_problem(frame: Frame) -> bool:
    return frame.picture is None


def test_an_http_camera_that_stops_is_fetched_back_every_time() -> None:
    lines: list[str] = []
    with ffmpeg_camera() as http:
        secret = http.address.replace("://", f"://user:{SECRET}@") + f"?key={SECRET}"
        with Camera(secret, notice=lines.append) as camera, closing(camera.frames()) as frames:
            taken = take_until(frames, has_picture)
            for _ in range(2):
                http.stop()
                lost = take_until(frames, has_problem)[-1]
                assert "the camera stopped sending" in lost.problem and "trying again" in lost.problem
                assert camera.state.state == "lost"
                http.start()
                taken += [lost, *take_until(frames, has_picture)]
            state = camera.state
    assert (state.state, state.reconnected) == ("live", 2)
    assert [line.split(": ")[1][:10] for line in lines] == ["back after"] * 2
    numbers = [frame.frame for frame in taken if has_picture(frame)]
    assert numbers == sorted(set(numbers))
    assert sum(map(has_problem, taken)) == 2
    assert SECRET not in "".join(lines) + "".join(frame.path + frame.problem for frame in taken) + state.detail


def test_a_camera_that_falls_silent_is_lost_and_fetched_back() -> None:
    with ffmpeg_camera() as http, Camera(http.address) as camera, closing(camera.frames()) as frames:
        for _ in range(10):  # its own interval is known then
            take_until(frames, has_picture)
        http.pause()
        assert "sent nothing for" in take_until(frames, has_problem)[-1].problem
        http.stop()
        http.start()
        take_until(frames, has_picture)
        assert camera.state.reconnected == 1


@pytest.mark.parametrize("codec", ["jpeg", "h264"])
def test_an_rtsp_camera_gives_its_newest_frames_in_bgr(codec: str) -> None:
    with rtsp_camera(codec=codec) as address, opened(address) as camera, closing(camera.frames()) as frames:
        first, second = (take_until(frames, has_picture)[-1].picture for _ in range(2))
    assert first is not None and second is not None
    assert first.shape == (240, 320, 3)
    assert not np.array_equal(first, second)
    # The last two bars of the test picture are red and blue: BGR as it should be.
    blue, _, red = first[60, 305].astype(int)
    assert blue > 100 > red


def opened(address: str) -> Camera:
    """The camera, once it answers: a server that starts on a busy machine takes its time."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return Camera(address)
        except CameraError:
            assert time.monotonic() < deadline


def test_a_camera_that_stays_away_is_given_up_when_that_is_asked_for() -> None:
    with ffmpeg_camera() as http, Camera(http.address, reconnect_s=0.5) as camera:
        frames = camera.frames()
        take_until(frames, has_picture)
        http.stop()
        rest = list(frames)
        problems = [frame.problem for frame in rest if has_problem(frame)]
        assert ["trying again" in problem for problem in problems] == [True, False]
        assert "start again" in problems[1]
        assert camera.state.state == "ended"


def test_a_camera_that_was_never_there_is_not_waited_for() -> None:
    with pytest.raises(CameraError, match="no stream there"):
        Camera(FfmpegCamera().address)


@pytest.mark.parametrize(
    ("login", "error"), [(f"user:{SECRET}", None), ("user:other", "wants another user or password")]
)
@pytest.mark.parametrize("digest", [False, True])
def test_a_camera_that_asks_for_a_password(login: str, error: str | None, digest: bool) -> None:
    with raw_camera(login=f"user:{SECRET}", digest=digest) as http:
        address = http.address.replace("://", f"://{login}@")
        if error is not None:
            with pytest.raises(CameraError, match=error) as caught:
                Camera(address)
            assert "other" not in str(caught.value).replace("another", "")
            return
        http.send(jpeg(noisy_field(0)))
        with Camera(address) as camera, closing(camera.frames()) as frames:
            assert next(frames).picture is not None


def test_half_and_black_pictures_are_withheld_and_said_once() -> None:
    whole = jpeg(noisy_field(1))
    half, black = whole[: len(whole) // 2], jpeg(np.zeros((120, 160, 3), np.uint8))
    lines: list[str] = []
    with raw_camera() as http, Camera(http.address, notice=lines.append) as camera:
        frames = camera.frames()
        http.send(whole)
        assert next(frames).picture is not None
        for bad, problem in ((half, "comes broken"), (black, "is black")):
            while not http.pictures.empty() or camera.state.state != "faulty":
                http.send(bad)
                time.sleep(0.05)
            assert problem in next(frames).problem
            assert "Traceback" not in camera.state.detail
            http.send(jpeg(noisy_field(2)))
            while not has_picture(frame := next(frames)):
                raise AssertionError(frame.problem)
        assert camera.state.state == "live"
        assert camera.state.faulty > 2
        frames.close()
    assert [line.split(": ", 1)[1] for line in lines] == ["the picture is good again"] * 2


def test_a_stream_may_change_its_size() -> None:
    lines: list[str] = []
    with raw_camera() as http, Camera(http.address, notice=lines.append) as camera:
        frames = camera.frames()
        sizes = []
        for seed, (height, width) in enumerate([(120, 160), (240, 320), (60, 80)]):
            http.send(jpeg(noisy_field(seed, height=height, width=width)))
            picture = next(frames).picture
            assert picture is not None
            sizes.append(picture.shape[:2])
        frames.close()
    assert sizes == [(120, 160), (240, 320), (60, 80)]
    assert [line.split(": ", 1)[1] for line in lines] == [
        "the picture is now 320 x 240, it was 160 x 120",
        "the picture is now 80 x 60, it was 320 x 240",
    ]


def test_a_frozen_picture_is_no_longer_given() -> None:
    watch, picture = PictureWatch(), noisy_field(0)
    judged = [watch.judge(picture.copy(), 0.1 * i) for i in range(60)]
    frozen = [judgement.condition == "frozen" for judgement in judged]
    assert frozen == sorted(frozen) and frozen.index(True) == pytest.approx(10 * FROZEN_AFTER_S + 1, abs=1)
    assert [judgement.usable for judgement in judged] == [not one for one in frozen]
    assert [judgement.repeated for judgement in judged] == [False] + [True] * 59
    moved = watch.judge(noisy_field(1), 6.0)
    assert (moved.usable, moved.repeated, moved.condition) == (True, False, "live")


def test_a_slow_still_camera_is_not_called_frozen_for_one_repeated_picture() -> None:
    watch, picture = PictureWatch(), noisy_field(0)
    assert [watch.judge(picture, 10.0 * i).usable for i in range(4)] == [True] * 4


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda picture: picture, ""),
        (lambda picture: picture // 64, "is black"),
        (lambda picture: filled(picture, (128, 128, 128)), "comes only half"),
        (lambda picture: filled(picture, (0, 135, 0)), "comes only half"),
        (lambda picture: picture * np.array([1, 1, 0], np.uint8), "has no red"),
        (lambda picture: picture * np.array([0, 1, 0], np.uint8), "has no blue and red"),
        (lambda picture: np.repeat(picture[:, :, :1], 3, axis=2), "has no colour"),
        (lambda picture: np.full_like(picture, 128), ""),  # even light, as between two slides
        (lambda picture: picture[:1, :1], ""),
    ],
)
def test_what_is_wrong_with_a_picture_is_named(spoil: Callable[[np.ndarray], np.ndarray], fault: str) -> None:
    field = noisy_field(3)
    field[20:60, 40:90] = (130, 60, 110)  # something stained
    assert find_fault(spoil(field)).startswith(fault) and bool(find_fault(spoil(field))) == bool(fault)


def filled(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The picture with its lower half filled, as decoders do with what did not come."""
    picture = picture.copy()
    picture[len(picture) // 2 :] = colour
    return picture


@given(
    parts=st.lists(st.binary(max_size=60).filter(lambda part: b"--b" not in part), max_size=5),
    with_length=st.booleans(),
    cuts=st.lists(st.integers(0, 600), max_size=8),
)
def test_parts_come_out_whole_however_the_bytes_are_cut(parts: list[bytes], with_length: bool, cuts: list[int]) -> None:
    stream = b""
    for part in parts:
        length = b"Content-Length: %d\r\n" % len(part) if with_length else b""
        stream += b"--b\r\nContent-Type: image/jpeg\r\n" + length + b"\r\n" + part + b"\r\n"
    stream += b"--b\r\n"
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    parser = MultipartParser('"b"')
    got = [part for a, b in pairwise(edges) for part in parser.feed(stream[a:b])]
    assert got == (parts if with_length else [part + b"\r\n" for part in parts])


@pytest.mark.parametrize("data", [b"x" * 20_000, b"--b\r\nContent-Length: 999999999\r\n\r\n"])
def test_what_is_no_camera_does_not_fill_the_memory(data: bytes) -> None:
    with pytest.raises(CameraError, match="check that the address"):
        MultipartParser("b").feed(data)


def test_the_rate_is_intervals_over_time() -> None:
    now = [0.0]
    record = CameraRecord(clock=lambda: now[0])
    for i in range(11):
        now[0] = i / 25
        record.count(read=1)
    assert record.snapshot().fps == pytest.approx(25)
    now[0] += 10
    assert record.snapshot().fps == 0
    assert record.snapshot().read == 11


@pytest.mark.parametrize("text", ["size=big", "size=0x5", "zoom=2", "fps=-1", "exposure=nan", "white-balance=9", "fps"])
def test_a_setting_that_is_not_one_is_refused_by_name(text: str) -> None:
    with pytest.raises(CameraError, match="no such setting") as caught:
        CameraSettings.parse([text])
    assert text in str(caught.value)


def test_settings_are_read() -> None:
    settings = CameraSettings.parse(["size=640x480", "fps=15", "exposure=lock", "gain=2", "white-balance=4600"])
    assert settings == CameraSettings((640, 480), 15.0, "lock", 2.0, 4600)


def test_settings_for_a_camera_elsewhere_are_refused() -> None:
    with pytest.raises(CameraError, match="set it up on its own page"):
        Camera("http://127.0.0.1:9/video", settings=CameraSettings(fps=5))


class _FailingDriver:
    """`cv2.VideoCapture` of a USB camera that gives damaged pictures, then none."""

    def __init__(self, good: list[bool]) -> None:
        self._good = good

    def read(self) -> tuple[bool, np.ndarray | None]:
        good = self._good.pop(0) if self._good else False
        return good, noisy_field(0) if good else None

    def release(self) -> None:
        pass


def test_a_damaged_picture_of_a_usb_camera_is_not_its_end() -> None:
    device = OpenCvCamera(_FailingDriver([True, False, False, True]), attempts=3)
    assert [device.read(1) is not None for _ in range(4)] == [True, False, False, True]
    assert device.read(1) is None and device.read(1) is None
    with pytest.raises(CameraError, match="stopped sending"):
        device.read(1)


def test_leaving_a_silent_camera_does_not_wait_for_its_time_out() -> None:
    with raw_camera() as http:
        http.send(jpeg(noisy_field(0)))
        with Camera(http.address) as camera:
            next(camera.frames())
            start = time.monotonic()
        assert time.monotonic() - start < LONGEST_SILENCE_S - 1
        assert CAMERA_THREAD not in {thread.name for thread in threading.enumerate()}


def test_a_driver_that_hangs_gives_no_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[float] = []
    monkeypatch.setattr("edge_runtime.sources.camera._HUNG_AFTER_S", 1.0)
    with (
        raw_camera() as http,
        Camera(http.address, heartbeat=lambda: beats.append(time.monotonic()), reconnect_s=0) as camera,
    ):
        http.send(jpeg(noisy_field(0)))
        frames = camera.frames()
        assert has_picture(next(frames))
        assert has_problem(next(frames))  # after LONGEST_SILENCE_S in one read
        end = time.monotonic()
    assert 0 < sum(beat < end - LONGEST_SILENCE_S + 2.5 for beat in beats) < 8
    assert not any(end - 2.0 < beat < end - 1.0 for beat in beats)


def test_the_command_ends_though_a_driver_never_lets_its_thread_go() -> None:
    code = (
        "import threading, time, edge_runtime.cli as cli\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "print('rows')\n"
        "cli._exit(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cli_environment(), capture_output=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (3, b"rows\n")


def test_the_command_ends_with_what_was_to_be_done_at_exit() -> None:
    code = "import atexit, cv2, edge_runtime.cli as cli\natexit.register(print, 'last')\nprint('rows')\ncli._exit(3)\n"
    done = subprocess.run([sys.executable, "-c", code], env=cli_environment(), capture_output=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (3, b"rows\nlast\n")


@pytest.mark.parametrize("source", ["frame-%d.png", "frame-*.png"])
def test_a_sequence_of_pictures_is_read_in_the_order_of_its_numbers(tmp_path: Path, source: str) -> None:
    for number in (1, 2, 10, 11):
        cv2.imwrite(str(tmp_path / f"frame-{number}.png"), np.full((8, 8, 3), number, np.uint8))
    (tmp_path / "frame-3.png").write_bytes(b"")
    (tmp_path / "other.png").touch()
    with Camera(str(tmp_path / source)) as camera:
        frames = list(camera.frames())
        state = camera.state
    assert [int(frame.picture[0, 0, 0]) if frame.picture is not None else None for frame in frames] == [
        1,
        2,
        None,
        10,
        11,
    ]
    assert [frame.frame for frame in frames] == list(range(5))
    assert "frame-3.png: the file is empty" in frames[2].problem
    assert (state.state, state.read) == ("ended", 5)
    assert not camera.live


def test_a_sequence_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no picture has such a name"):
        Camera(str(tmp_path / "frame-%04d.png"))
