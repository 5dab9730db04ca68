"""Watches a camera's pictures as they come: repeated, frozen, or faulty for a while."""

from dataclasses import dataclass

import numpy as np

from edge_runtime.preprocess import PixelArray
from edge_runtime.sources.camera_state import Condition
from edge_runtime.sources.picture_fault import find_fault

# A camera repeats a picture when its exposure is long; a sensor's noise never repeats itself for so long.
FROZEN_AFTER_S = 3.0
# A camera that starts, or a lamp that is switched, gives a few bad pictures; these are withheld without a word.
FAULTY_AFTER_S = 1.0
# Of a slow camera, so many; or the one repeated picture of a minute would be called frozen.
_LEAST_PICTURES = 5
_STEP = 16

BROKEN = "comes broken; check the cable and the network"


@dataclass(frozen=True)
class Judgement:
    """What is to be done with one picture.

    Attributes:
        usable: whether it may be looked at.
        repeated: it equals the one before, byte for byte.
        faulty: it is broken, black, half or without colour.
        condition: `live`; `frozen` or `faulty` when that has lasted.
        detail: what is wrong, after "the picture", when the condition is not `live`.
    """

    usable: bool
    repeated: bool
    faulty: bool
    condition: Condition
    detail: str


class PictureWatch:
    """Judges pictures in the order they come."""

    def __init__(self) -> None:
        """Starts with no picture seen."""
        self._previous: PixelArray | None = None
        self._repeats = _Streak(FROZEN_AFTER_S)
        self._faults = _Streak(FAULTY_AFTER_S)

    def judge(self, picture: PixelArray | None, now_s: float) -> Judgement:
        """Judges the next picture.

        Args:
            picture: uint8 BGR; None for one that came broken.
            now_s: monotonic time of its arrival.
        """
        fault = BROKEN if picture is None else find_fault(picture)
        repeated = picture is not None and self._is_repeated(picture)
        self._previous = picture
        faulty = self._faults.step(bool(fault), now_s)
        frozen = self._repeats.step(repeated, now_s)
        if fault:
            return Judgement(False, repeated, True, "faulty" if faulty else "live", fault if faulty else "")
        if frozen:
            return Judgement(False, True, False, "frozen", "is frozen; check the camera, or switch it off and on")
        return Judgement(True, repeated, False, "live", "")

    def _is_repeated(self, picture: PixelArray) -> bool:
        previous = self._previous
        if previous is None or previous.shape != picture.shape:
            return False
        same = np.array_equal(previous[::_STEP, ::_STEP], picture[::_STEP, ::_STEP])
        return same and np.array_equal(previous, picture)


class _Streak:
    """How long something has been so without a break."""

    def __init__(self, lasting_s: float) -> None:
        self._lasting_s = lasting_s
        self._since_s: float | None = None
        self._count = 0

    def step(self, so: bool, now_s: float) -> bool:
        """Takes the next observation; whether it has lasted."""
        if not so:
            self._since_s, self._count = None, 0
            return False
        if self._since_s is None:
            self._since_s = now_s
        self._count += 1
        return self._count >= _LEAST_PICTURES and now_s - self._since_s >= self._lasting_s
