"""What a camera on this machine can be told: size, rate, exposure, gain, white balance."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edge_runtime.errors import CameraError

_FORMS = (
    "size=1280x720, fps=30, exposure=8 (ms), gain=2, white-balance=4600 (kelvin); exposure and white-balance also =lock"
)
_WHITE_BALANCE_KELVIN = range(1_000, 20_001)


@dataclass(frozen=True)
class CameraSettings:
    """Settings of a camera; None leaves one to the camera.

    Attributes:
        size: width and height in pixels.
        fps: pictures a second.
        exposure: time of exposure in ms, or `lock`: what the camera has found when it starts is kept.
        gain: analogue gain, in the driver's own unit for V4L2, a factor for picamera2.
        white_balance: kelvin, or `lock`.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    exposure: float | Literal["lock"] | None = None
    gain: float | None = None
    white_balance: int | Literal["lock"] | None = None

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "CameraSettings":
        """Reads `key=value` texts.

        Raises:
            CameraError: an unknown key, or a value that is not of its form.
        """
        values: dict[str, object] = {}
        for text in texts:
            key, _, value = text.partition("=")
            try:
                values[key.replace("-", "_")] = _READERS[key](value.strip())
            except (KeyError, ValueError):
                raise CameraError(f"{text}: no such setting of a camera; give {_FORMS}") from None
        return cls(**values)  # type: ignore[arg-type]


def _size(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    size = int(width), int(height)
    if min(size) < 1:
        raise ValueError
    return size


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def _exposure(text: str) -> float | Literal["lock"]:
    return "lock" if text == "lock" else _positive(text)


def _white_balance(text: str) -> int | Literal["lock"]:
    if text == "lock":
        return "lock"
    if int(text) not in _WHITE_BALANCE_KELVIN:
        raise ValueError
    return int(text)


_READERS = {
    "size": _size,
    "fps": _positive,
    "exposure": _exposure,
    "gain": _positive,
    "white-balance": _white_balance,
}
