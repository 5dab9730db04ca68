"""Which cells of a frame were already in the frames before: the same white cell is counted once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.preprocess import PixelArray
from edge_runtime.stage_motion import StageMotion

Box = tuple[int, int, int, int]

# Of a cell's own side: its centre may be so far from where it was expected. Neighbours' centres are one side apart.
_REACH = 0.5
# A cell that the search misses in some frames is still the same when it is found again.
_FRAMES_REMEMBERED = 25


@dataclass
class _Track:
    number: int
    x: float
    y: float
    missed: int = 0


@dataclass
class CellTracker:
    """Follows cells from frame to frame by their boxes; a stage that moved to another place starts anew.

    A stage that moves slowly is followed, so that cells which stay in sight are not counted again.
    """

    _motion: StageMotion = field(default_factory=StageMotion)
    _tracks: list[_Track] = field(default_factory=list)
    _seen: int = 0

    def step(self, picture: PixelArray, boxes: Sequence[Box]) -> list[int]:
        """Takes the next frame.

        Args:
            picture: uint8 `[height, width, 3]`, BGR.
            boxes: x, y, width, height of its cells, in pixels.

        Returns:
            The number of each box's cell, from 0 and in their order; the same in every frame that shows it.
        """
        shift = self._motion.step(picture)
        if shift is None:
            self._tracks = []
        else:
            for track in self._tracks:
                track.x, track.y = track.x + shift.x, track.y + shift.y
        matches = self._match(boxes)
        for track in self._tracks:
            track.missed += 1
        numbers = []
        for box, match in zip(boxes, matches, strict=True):
            x, y = _centre(box)
            if match is None:
                track = _Track(self._seen, x, y)
                self._tracks.append(track)
                self._seen += 1
            else:
                track = match
                track.x, track.y, track.missed = x, y, 0
            numbers.append(track.number)
        self._tracks = [track for track in self._tracks if track.missed <= _FRAMES_REMEMBERED]
        return numbers

    @property
    def remembered(self) -> frozenset[int]:
        """Numbers of the cells that would be known again."""
        return frozenset(track.number for track in self._tracks)

    def _match(self, boxes: Sequence[Box]) -> list[_Track | None]:
        """The track of each box: the closest pairs first, each track once."""
        matches: list[_Track | None] = [None] * len(boxes)
        if not boxes or not self._tracks:
            return matches
        centres = np.array([_centre(box) for box in boxes])
        expected = np.array([(track.x, track.y) for track in self._tracks])
        reach = np.array([_REACH * (width + height) / 2 for _, _, width, height in boxes])
        distance: npt.NDArray[np.float64] = np.linalg.norm(centres[:, None] - expected[None], axis=2)
        free = set(range(len(self._tracks)))
        for flat in np.argsort(distance, axis=None, kind="stable"):
            box, track = divmod(int(flat), len(self._tracks))
            if matches[box] is None and track in free and distance[box, track] <= reach[box]:
                matches[box] = self._tracks[track]
                free.remove(track)
        return matches


def _centre(box: Box) -> tuple[float, float]:
    x, y, width, height = box
    return x + width / 2, y + height / 2
