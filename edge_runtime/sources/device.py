"""What every live source does, whatever is behind it."""

from typing import Protocol

from edge_runtime.preprocess import PixelArray


class Device(Protocol):
    """An opened camera; one thread opens, reads and closes it, for OpenCV's captures bear no second one.

    Attributes:
        skipped: pictures passed over unseen since it was opened, because a newer one was already there.
    """

    skipped: int

    def read(self, timeout_s: float) -> PixelArray | None:
        """Waits for the next picture.

        Args:
            timeout_s: silence after which the camera counts as lost; a driver with a time-out of its own keeps that.

        Returns:
            uint8 `[height, width, 3]`, BGR; None when one came that is broken.

        Raises:
            CameraError: the camera is gone; the message says how, in words that follow its name.
        """

    def interrupt(self) -> None:
        """Called by another thread: ends a read in progress, where the driver can be told so; also after `close`."""

    def close(self) -> None:
        """Lets the camera go; the last call."""
