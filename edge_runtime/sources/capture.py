"""The thread that reads a live camera, keeps its newest picture, and fetches the camera back when it is lost."""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone

from edge_runtime.errors import CameraError
from edge_runtime.preprocess import PixelArray
from edge_runtime.sources.camera_state import CAMERA_THREAD, CameraRecord, Condition
from edge_runtime.sources.device import Device
from edge_runtime.sources.frame import Frame, uptime_s
from edge_runtime.sources.picture_watch import PictureWatch

# Silence after which a camera is lost: so many of its own intervals, within these bounds.
_SILENT_INTERVALS = 4
_SHORTEST_SILENCE_S, LONGEST_SILENCE_S = 1.0, 5.0
# Pauses between attempts double up to the last, so that a camera is back within 2 s of its return.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 0.8
# OpenCV's reads end by themselves within 5 s (10 s for V4L2).
_STOP_TIMEOUT_S = 11.0
# Messages that wait for whoever takes the frames.
_MOST_WAITING = 100


class Capture:
    """Reads a camera in its own thread; that thread alone opens, reads and closes it."""

    def __init__(
        self, name: str, connect: Callable[[], Device], record: CameraRecord, *, reconnect_s: float | None
    ) -> None:
        """Prepares the thread.

        Args:
            name: of the camera, safe to show.
            connect: opens it, or raises `CameraError` with what follows the name.
            record: where its state and counters are kept.
            reconnect_s: how long a lost camera is tried again; None is for ever.
        """
        self._name = name
        self._connect = connect
        self._record = record
        self._reconnect_s = reconnect_s
        self._watch = PictureWatch()
        self._changed = threading.Condition()
        self._waiting: deque[Frame | str] = deque(maxlen=_MOST_WAITING)
        self._stopping = threading.Event()
        self._device: Device | None = None
        self._ended = False
        self._connected = False
        self._error: Exception | None = None
        self._number = -1
        self._shape: tuple[int, ...] | None = None
        self._condition: Condition = "connecting"
        self._lost_at_s = 0.0
        self._pause_s = _FIRST_PAUSE_S
        self._alive_at_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=CAMERA_THREAD, daemon=True)

    def start(self) -> None:
        """Starts the thread and waits until the camera is open.

        Raises:
            CameraError: it cannot be opened.
        """
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._connected or self._ended)
        self._raise_error()

    def take(self, timeout_s: float) -> Frame | str | None:
        """Waits for the next thing: the newest frame, a frame with a problem, or a line to be shown.

        Returns:
            None when nothing came in time, or the camera has ended.

        Raises:
            CameraError: it ended before its first picture.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended, timeout_s)
            if self._waiting:
                return self._waiting.popleft()
        self._raise_error()
        return None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        with self._changed:
            return self._ended and not self._waiting

    @property
    def silent_s(self) -> float:
        """Seconds since the thread last came back from the driver; many when that hangs."""
        return time.monotonic() - self._alive_at_s

    def stop(self) -> None:
        """Ends the thread, which closes the camera; a read in progress ends by its time-out."""
        self._stopping.set()
        device = self._device
        if device is not None:
            device.interrupt()
        self._thread.join(_STOP_TIMEOUT_S)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._read_until_ended()
        except Exception as error:  # whatever it is, it is raised where frames are taken
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read_until_ended(self) -> None:
        device: Device | None = None
        try:
            while not self._stopping.is_set():
                self._alive_at_s = time.monotonic()
                try:
                    if device is None:
                        device = self._open()
                    before = device.skipped
                    picture = device.read(self._silence_s())
                except CameraError as error:
                    if device is not None:
                        device.close()
                        device = None
                    if not self._lose(str(error)):
                        return
                    self._stopping.wait(self._pause_s)
                    self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
                    continue
                self._receive(picture, device.skipped - before)
        finally:
            if device is not None:
                device.close()

    def _open(self) -> Device:
        self._device = device = self._connect()
        with self._changed:
            self._connected = True
            self._changed.notify_all()
        return device

    def _silence_s(self) -> float:
        usual_s = self._record.interval_s
        if usual_s is None:
            return LONGEST_SILENCE_S
        return min(max(_SILENT_INTERVALS * usual_s, _SHORTEST_SILENCE_S), LONGEST_SILENCE_S)

    def _lose(self, reason: str) -> bool:
        """Notes that the camera is gone; whether to try again."""
        if self._stopping.is_set():
            return False
        if self._number < 0:
            advice = "opened, but sent no picture; check the camera and its address"
            self._error = CameraError(f"{self._name}: {advice if self._connected else reason}")
            return False
        now_s = time.monotonic()
        if self._condition != "lost":
            self._lost_at_s = now_s
            self._pause_s = _FIRST_PAUSE_S
        if self._reconnect_s is not None and now_s - self._lost_at_s >= self._reconnect_s:
            self._record.set("ended", reason)
            self.say(self._problem("the camera stopped sending; check it and start again"))
            return False
        if self._condition != "lost":
            self._turn("lost", reason, f"the camera stopped sending ({reason}); trying again")
        return True

    def _receive(self, picture: PixelArray | None, skipped: int) -> None:
        now_s = time.monotonic()
        self._number += 1 + skipped
        self._record.count(read=1 + skipped, dropped=skipped)
        if self._condition == "lost":
            self._record.count(reconnected=1)
            self._watch = PictureWatch()
            self.say(f"{self._name}: back after {now_s - self._lost_at_s:.1f} s")
            self._turn("live")
        judgement = self._watch.judge(picture, now_s)
        self._record.count(stale=int(judgement.repeated), faulty=int(judgement.faulty))
        if judgement.condition != self._condition:
            if judgement.condition == "live" and self._condition != "connecting":
                self.say(f"{self._name}: the picture is good again")
            problem = f"the picture {judgement.detail}" if judgement.detail else ""
            self._turn(judgement.condition, problem, problem)
        if picture is not None and judgement.usable:
            self._publish(picture)

    def _publish(self, picture: PixelArray) -> None:
        if self._shape is not None and self._shape != picture.shape:
            (height, width), (old_height, old_width) = picture.shape[:2], self._shape[:2]
            self.say(f"{self._name}: the picture is now {width} x {height}, it was {old_width} x {old_height}")
        self._shape = picture.shape
        frame = Frame(self._name, picture, self._number, datetime.now(timezone.utc), uptime_s=uptime_s())
        with self._changed:
            for i, waiting in enumerate(self._waiting):
                if isinstance(waiting, Frame) and waiting.picture is not None:
                    del self._waiting[i]
                    self._record.count(dropped=1)
                    break
            self._waiting.append(frame)
            self._changed.notify_all()

    def _turn(self, condition: Condition, detail: str = "", problem: str = "") -> None:
        """Changes the condition; a problem also becomes a frame, so that it is in the rows."""
        self._condition = condition
        self._record.set(condition, detail)
        if problem:
            self.say(self._problem(problem))

    def _problem(self, text: str) -> Frame:
        return Frame(self._name, None, self._number + 1, datetime.now(timezone.utc), problem=text, uptime_s=uptime_s())

    def say(self, item: Frame | str) -> None:
        """Puts a frame with a problem, or a line to be shown, in line for whoever takes the frames."""
        with self._changed:
            self._waiting.append(item)
            self._changed.notify_all()
