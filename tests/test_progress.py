"""What a run or a training says of itself on the terminal."""

import io
import sys

import pytest

from edge_runtime.progress import Progress
from train.progress import StepBar

HIDDEN, SHOWN = "\033[?25l", "\033[?25h"


class Terminal(io.StringIO):
    """A standard error that somebody looks at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_bar_shows_each_step_and_never_leaves_the_cursor_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the command ends, also by an interruption between two steps."""
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    bar = StepBar("epoch")
    for _ in range(2):
        for done in range(1, 4):
            bar(done, 3)
            text = terminal.getvalue()
            assert text.rfind(SHOWN) > text.rfind(HIDDEN) >= 0
        assert text.endswith("\r\033[K"), "gone before what follows"
    assert text.count("100%") == 2 and "epoch" in text


def test_a_log_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    StepBar()(1, 1)
    assert not log.getvalue()


@pytest.mark.parametrize(
    ("before", "done", "total", "elapsed_s", "line"),
    [
        (0, 0, None, 0.0, "0 pictures, 0/s"),
        (0, 1500, None, 10.0, "1,500 pictures, 150/s"),
        (0, 1500, 40_000, 10.0, "1,500 of 40,000 pictures, 150/s, 4 min 17 s left"),
        (1000, 2000, 1_000_000, 10.0, "2,000 of 1,000,000 pictures, 100/s, 2 h 46 min left"),
        (0, 99, 100, 1.0, "99 of 100 pictures, 99/s, 1 s left"),
        (0, 200, 100, 1.0, "200 pictures, 200/s"),
    ],
)
def test_the_line_tells_rate_and_time_left(
    before: int, done: int, total: int | None, elapsed_s: float, line: str
) -> None:
    progress = Progress(shown=False)
    progress.begin(lambda: None, done=before)
    for _ in range(done - before):
        progress.step()
    progress._total = total
    assert progress.line(elapsed_s) == line
