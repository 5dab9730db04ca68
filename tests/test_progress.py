"""What a run says of itself on the terminal."""

import pytest

from edge_runtime.progress import Progress


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
