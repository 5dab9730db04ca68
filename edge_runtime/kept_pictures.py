"""Keeps pictures of uncertain cells for later labelling, within a budget on the disk; the oldest go first."""

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import cv2

from edge_runtime.errors import OutputError
from edge_runtime.look import Look
from edge_runtime.preprocess import PixelArray
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame

Cut = Callable[[Frame, Row], PixelArray]
"""Gives what the classifier was given for a row of a frame, uint8 BGR."""

BYTES_PER_MB = 1_000_000
_NAME = re.compile(r"uncertain-([0-9]+)\.png")
_UNFINISHED = ".unfinished"
# One cell under a live camera gives the same picture at every frame.
_WHOLE_PICTURES_EVERY_S = 1.0


class KeptPictures:
    """A folder of `uncertain-000001.png`, numbered because the clock may not be set."""

    def __init__(self, folder: Path, *, budget_mb: float, notice: Callable[[str], None]) -> None:
        """Takes a folder, with what earlier runs left there.

        Args:
            folder: made if it is not there.
            budget_mb: how much all pictures in it may take, MB of 1,000,000 bytes.
            notice: told, in one line, when the disk takes nothing and when it does again.

        Raises:
            OutputError: the folder cannot be used.
        """
        self._folder = folder
        self._budget_bytes = round(budget_mb * BYTES_PER_MB)
        self._notice = notice
        self._failing = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for rest in folder.glob(f"*{_UNFINISHED}"):
                rest.unlink()
            found = sorted((int(match[1]), p) for p in folder.iterdir() if (match := _NAME.fullmatch(p.name)))
            self._kept = deque((path, path.stat().st_size) for _, path in found)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be used ({error.strerror}); give another --keep-uncertain") from None
        self._number = found[-1][0] if found else 0
        self._bytes = sum(size for _, size in self._kept)

    def keep(self, picture: PixelArray) -> Path | None:
        """Writes a picture, uint8 BGR, as PNG, and removes the oldest until all fit the budget.

        Returns:
            Its path; None when the disk does not take it, or it alone is over the budget.
        """
        data = cv2.imencode(".png", picture)[1].tobytes()
        if len(data) > self._budget_bytes:
            return None
        path = self._folder / f"uncertain-{self._number + 1:06}.png"
        unfinished = path.with_suffix(_UNFINISHED)
        try:
            while self._kept and self._bytes + len(data) > self._budget_bytes:
                oldest, size = self._kept[0]
                oldest.unlink(missing_ok=True)  # whoever labels may have moved it
                self._kept.popleft()
                self._bytes -= size
            unfinished.write_bytes(data)
            unfinished.replace(path)
        except OSError as error:
            self._fail(unfinished, error)
            return None
        if self._failing:
            self._failing = False
            self._notice(f"{self._folder}: uncertain cells are kept again")
        self._number += 1
        self._kept.append((path, len(data)))
        self._bytes += len(data)
        return path

    def _fail(self, unfinished: Path, error: OSError) -> None:
        with suppress(OSError):  # the same disk; the next run clears it away
            unfinished.unlink(missing_ok=True)
        if not self._failing:
            self._failing = True
            self._notice(f"{self._folder}: uncertain cells cannot be kept ({error.strerror}); make room on the disk")


def keep_uncertain(look: Look, kept: KeptPictures, *, cut: Cut, clock: Callable[[], float] = time.monotonic) -> Look:
    """A look that also keeps the picture of every uncertain cell; of whole pictures one a second.

    They are kept as the classifier was given them, so that `train` reads them, once labelled, without change.
    """
    last_whole_s = float("-inf")

    def looking(frame: Frame) -> Sequence[Row]:
        nonlocal last_whole_s
        rows = look(frame)
        for row in rows:
            if row.status != "uncertain" or frame.picture is None:
                continue
            if row.box is None:
                if clock() - last_whole_s < _WHOLE_PICTURES_EVERY_S:
                    continue
                last_whole_s = clock()
            kept.keep(cut(frame, row))
        return rows

    return looking
