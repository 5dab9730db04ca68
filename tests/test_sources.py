"""Where pictures come from: folders, globs, lists, videos, cameras."""

import io
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.errors import CameraError, InputError
from edge_runtime.sources.address import shown
from edge_runtime.sources.camera import Camera
from edge_runtime.sources.folder import PICTURE_SUFFIXES, find_pictures, listed_paths, read_frames
from tests.network_camera import SIDE, mjpeg_server, numbered

SECRET = "s3cr3t"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder: Path, argument: str | None = None) -> list[str]:
    """What an argument names, relative to a folder."""
    return [os.path.relpath(path, folder) for path in find_pictures(argument or str(folder))]


def test_a_folder_gives_its_pictures_sorted_and_then_those_of_its_folders(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/2.png", "a/10.png", "z.png", "a/b/1.png", "B.png", "c/1.png")
    assert found(tmp_path) == ["B.png", "b.png", "z.png", "a/10.png", "a/2.png", "a/b/1.png", "c/1.png"]


def test_a_folder_gives_picture_suffixes_in_any_case_and_nothing_else(tmp_path: Path) -> None:
    pictures = [f"1{suffix}" for suffix in PICTURE_SUFFIXES] + ["2.PNG", "3.Tiff"]
    touch(tmp_path, *pictures, "notes.txt", "labels.csv", "png", "a.png.bak", "a.gif", "Thumbs.db")
    assert sorted(found(tmp_path)) == sorted(pictures)


def test_a_folder_that_cannot_be_listed_does_not_end_the_run(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b/c.png", "d/e.png")
    pictures = find_pictures(str(tmp_path))
    assert Path(next(pictures)).name == "a.png"
    shutil.rmtree(tmp_path / "b")
    assert [Path(path).name for path in pictures] == ["b", "e.png"]


def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "b.png")
    assert found(tmp_path) == ["a.png"]


def test_a_single_file_is_given_whatever_its_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "cell.dat")
    assert found(tmp_path, str(tmp_path / "cell.dat")) == ["cell.dat"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.png", ["1.png", "2.png"]),
        ("?.jpg", ["3.jpg"]),
        ("[13].*", ["1.png", "3.jpg"]),
        ("**/*.png", ["1.png", "2.png", "sub/4.png", "sub/sub/5.png"]),
        ("sub*/*.png", ["sub/4.png"]),
        ("s*", ["scan.txt"]),  # folders are left out, and a pattern means what it says
    ],
)
def test_a_glob_gives_what_it_matches_sorted(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    touch(tmp_path, "2.png", "1.png", "3.jpg", "sub/4.png", "sub/sub/5.png", "scan.txt")
    assert found(tmp_path, f"{tmp_path}/{pattern}") == expected


def test_a_name_that_exists_is_not_a_glob(tmp_path: Path) -> None:
    touch(tmp_path, "cell[1].png", "cell1.png", "slide [*]/a.png")
    assert found(tmp_path, f"{tmp_path}/cell[1].png") == ["cell[1].png"]
    assert found(tmp_path, f"{tmp_path}/slide [*]") == ["slide [*]/a.png"]


@pytest.mark.parametrize(
    ("argument", "message"), [("", "no pictures"), ("absent.png", "no such file"), ("*.png", "no file matches")]
)
def test_an_argument_without_pictures_is_refused_by_name(tmp_path: Path, argument: str, message: str) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(InputError, match=message) as caught:
        list(find_pictures(f"{tmp_path}/{argument}"))
    assert f"{tmp_path}/{argument}" in str(caught.value)


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self.png").symlink_to("self.png")
    assert found(tmp_path) == ["a/1.png", "a/self.png"]
    assert "cannot be read" in next(iter(read_frames([str(tmp_path / "a" / "self.png")]))).problem


def test_a_list_gives_its_lines_in_their_order() -> None:
    lines = io.BytesIO(b"b.png\n\na, b.png\r\n  spaced.png \n\xc3\xa4.png\nlast.png")
    assert list(listed_paths(lines)) == ["b.png", "a, b.png", "  spaced.png ", "\u00e4.png", "last.png"]


@pytest.mark.parametrize("lines", [b"", b"\n\n"])
def test_a_list_without_paths_is_refused(lines: bytes) -> None:
    with pytest.raises(InputError, match="standard input: no paths"):
        list(listed_paths(io.BytesIO(lines)))


def test_a_list_is_read_line_by_line() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"a.png\n"

    paths = listed_paths(endless())
    assert [next(paths) for _ in range(3)] == ["a.png"] * 3


def test_a_name_that_is_not_utf_8_is_read_and_shown_escaped(tmp_path: Path, samples: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(name, "wb") as file:
        file.write((samples / "cell-01.png").read_bytes())
    (frame,) = read_frames(find_pictures(str(tmp_path)))
    assert frame.picture is not None
    assert frame.path == f"{tmp_path}/caf\\xe9.png"
    frame.path.encode()


def test_an_unreadable_picture_does_not_end_the_run(tmp_path: Path, samples: Path) -> None:
    touch(tmp_path, "empty.png")
    good = str(samples / "cell-01.png")
    frames = list(read_frames([good, str(tmp_path / "empty.png"), str(tmp_path / "absent.png"), good]))
    assert [frame.picture is not None for frame in frames] == [True, False, False, True]
    assert "zero bytes" in frames[1].problem
    assert "no such file" in frames[2].problem


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("rtsp://192.0.2.7:554/stream1", "rtsp://192.0.2.7:554/stream1"),
        (f"rtsp://admin:{SECRET}@192.0.2.7:554/stream1", "rtsp://192.0.2.7:554/stream1"),
        (f"RTSP://admin:{SECRET}@cam/s", "RTSP://cam/s"),
        (f"http://{SECRET}@cam/s", "http://cam/s"),
        (f"http://cam/s?user=u&password={SECRET}", "http://cam/s"),
        (f"http://cam/s?password=x@{SECRET}", "http://..."),
        (f"http://cam/s#{SECRET}", "http://cam/s"),
        (f"rtsps://u:{SECRET}@[2001:db8::1]:322/s", "rtsps://[2001:db8::1]:322/s"),
        (f"http://u:a@{SECRET}@cam/s", "http://cam/s"),
        (f"http://u:a/{SECRET}@cam/s", "http://cam/s"),
        (f"http://u:a?{SECRET}@cam/s", "http://..."),
        (f"http://u:a#{SECRET}@cam/s", "http://..."),
        (f"rstp://u:{SECRET}@cam/s", "rstp://cam/s"),
        (f"http:/u:{SECRET}@cam/s", "http:/cam/s"),
        (f" http://u:{SECRET}@cam/s", "http://cam/s"),
        ("cells/a@b.png", "cells/a@b.png"),
        ("cells/what?#1.png", "cells/what?#1.png"),
        ("0", "0"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_credentials_are_never_shown(address: str, expected: str) -> None:
    assert shown(address) == expected
    assert SECRET not in shown(address)


@pytest.mark.parametrize("address", [f"rtsp://u:{SECRET}@cam/s", f"http://u:{SECRET}@cam/*.png"])
def test_an_address_given_as_a_path_is_refused_without_its_credentials(address: str) -> None:
    with pytest.raises(InputError) as caught:
        list(find_pictures(address))
    assert SECRET not in str(caught.value)
    (frame,) = read_frames([address])
    assert SECRET not in frame.path + frame.problem


def number_of(picture: np.ndarray | None) -> int:
    assert picture is not None
    return round(float(picture.mean()) / 8)


def test_a_video_gives_every_frame_in_order(tmp_path: Path) -> None:
    path = str(tmp_path / "cells.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 25, (SIDE, SIDE))
    for number in range(30):
        writer.write(numbered(number))
    writer.release()
    with Camera(path) as camera:
        frames = []
        for frame in camera.frames():
            time.sleep(0.002)  # slower than the reader: a file waits
            frames.append(frame)
    assert [number_of(frame.picture) for frame in frames] == list(range(30))
    assert [frame.frame for frame in frames] == list(range(30))
    assert all(frame.time is None and frame.path == path for frame in frames)


def test_a_slow_reader_of_a_live_camera_sees_the_newest_frame(tmp_path: Path) -> None:
    sent = 0

    def live(send: Callable[[int], None]) -> None:
        nonlocal sent
        for number in range(30):
            send(number)
            sent = number
            time.sleep(0.05)

    with mjpeg_server(live) as address, Camera(address, reconnect_s=0) as camera:
        lags, frames = [], []
        for frame in camera.frames():
            if frame.picture is not None:
                lags.append(sent - number_of(frame.picture))
            frames.append(frame)
            time.sleep(0.25)
    *good, last = frames
    numbers = [number_of(frame.picture) for frame in good]
    assert numbers == sorted(numbers)
    assert len(numbers) < 15  # at a fifth of the speed most frames are dropped
    assert max(lags[1:]) <= 5  # and yet none is old; a queue would lag by 4 more at every step
    assert [frame.frame for frame in good] == sorted({frame.frame for frame in good})
    assert all(frame.time is not None and frame.time.utcoffset() is not None for frame in good)
    assert (last.picture, "stopped sending" in last.problem) == (None, True)


def test_leaving_a_live_camera_ends_its_thread() -> None:
    stop = threading.Event()

    def endless(send: Callable[[int], None]) -> None:
        while not stop.wait(0.02):
            send(1)

    with mjpeg_server(endless) as address:
        with Camera(address) as camera:
            frames = camera.frames()
            next(frames)
            frames.close()  # type: ignore[attr-defined]
        assert "camera" not in {thread.name for thread in threading.enumerate()}
        stop.set()


def test_a_camera_that_sends_no_picture_is_refused() -> None:
    with (
        mjpeg_server(lambda send: None) as address,
        pytest.raises(CameraError, match=r"no stream|no picture"),
        Camera(address) as camera,
    ):
        list(camera.frames())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("987", "no camera there"),
        ("/dev/video987", "no camera there"),
        ("99999999999999999999", "no such camera"),
        ("absent.avi", "no such camera"),
        ("", "no such camera"),
        (".", "no such camera"),
        (f"rstp://u:{SECRET}@127.0.0.1/s", "no such camera"),
    ],
)
def test_a_camera_that_is_not_there_is_refused(source: str, message: str) -> None:
    with pytest.raises(CameraError, match=message) as caught:
        Camera(source)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_stream_that_is_not_there_is_refused_soon_and_without_its_credentials(scheme: str) -> None:
    port = free_port()
    start = time.monotonic()
    with pytest.raises(CameraError, match=rf"^{scheme}://127.0.0.1:{port}/s: no stream there") as caught:
        Camera(f"{scheme}://u:{SECRET}@127.0.0.1:{port}/s?key={SECRET}")
    assert time.monotonic() - start < 10
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a video\n", b"RIFF\x10\0\0\0AVI LIST" + bytes(100)])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cells.avi"
    path.write_bytes(content)
    with pytest.raises(CameraError, match="not a video that can be read"), Camera(str(path)) as camera:
        list(camera.frames())
