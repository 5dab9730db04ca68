"""The count a technician keeps, without a web server: tally, share, verdicts, what ends it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import CountError
from edge_runtime.live.cell import TAKEN_OUT, SeenCell
from edge_runtime.live.count import LAST_CELLS, TARGETS, Count
from edge_runtime.row import Row, Status
from edge_runtime.scoring.wilson import wilson

LABELS = ("all", "hem")
WORDS = [*LABELS, TAKEN_OUT, None]


def row(label: str = "all", status: Status = "ok", probability: float = 0.9) -> Row:
    other = LABELS[1 - LABELS.index(label)]
    return Row("cam", 7, None, 0, (1, 2, 3, 4), label, {label: probability, other: 1 - probability}, status, "")


def meet(count: Count, *labels: str, status: Status = "ok") -> list[SeenCell]:
    """Meets cells that were not met before."""
    numbers = [count.meet(row(label, status), thumbnail=lambda: b"t", picture=lambda: b"p") for label in labels]
    return [cell for number in numbers if (cell := count.find(number))]


def started() -> Count:
    count = Count(LABELS)
    count.start()
    return count


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3: Wilson's score.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilson_s(part: int, whole: int, low: float, high: float) -> None:
    share = wilson(part, whole)
    assert (share.low, share.high) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_holds_the_share_and_mirrors(part: int, whole: int) -> None:
    part = min(part, whole)
    share, other = wilson(part, whole), wilson(whole - part, whole)
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert math.isclose(share.low, 1 - other.high, abs_tol=1e-9)


def test_only_a_running_count_counts() -> None:
    count = Count(LABELS)
    assert count.record().tally.share is None
    before = meet(count, "all")[0]
    assert (before.counted, before.picture) == (False, b"")
    count.start()
    meet(count, "all", "hem", "hem")
    meet(count, "all", status="uncertain")
    count.skip(1)
    count.skip(2)
    count.stop()
    meet(count, "hem")
    count.skip(3)
    tally = count.record().tally
    assert (tally.decided, tally.uncertain, tally.skipped, tally.counted) == ({"all": 1, "hem": 2}, 1, 2, 3)
    assert [cell.number for cell in count.last()] == [6, 5, 4, 3, 2, 1]


def test_a_skipped_cell_in_sight_is_counted_once_in_each_count() -> None:
    count = Count(LABELS)
    for at_each_frame in (0, 0, 1):
        count.skip(at_each_frame)
    for _ in range(2):
        count.start()
        for at_each_frame in (0, 1, 0, 1):
            count.skip(at_each_frame)
        count.stop()
        count.start()
        count.skip(1)
        assert count.record().tally.skipped == 2
        count.reset()
    assert count.record().tally.skipped == 0


def test_a_cell_in_sight_at_the_start_is_counted_and_only_once() -> None:
    count = Count(LABELS)
    (cell,) = meet(count, "all")
    count.start()
    for _ in range(3):
        assert count.meet(cell.row, thumbnail=lambda: b"t", picture=lambda: b"p", number=cell.number) == cell.number
    assert count.record().tally.counted == 1
    assert [(seen.number, seen.counted) for seen in count.last()] == [(cell.number, True)]


def test_a_verdict_stands_beside_the_model_s_answer() -> None:
    count = started()
    (cell,) = meet(count, "all")
    (unsure,) = meet(count, "all", status="uncertain")
    count.overrule(cell.number, "hem")
    count.overrule(unsure.number, "hem")
    record = count.record()
    assert record.tally.decided == {"all": 0, "hem": 2}
    assert (record.tally.uncertain, record.tally.overruled) == (0, 2)
    assert [seen.row for seen in record.cells] == [cell.row, unsure.row]
    assert [seen.verdict for seen in count.last()] == ["hem", "hem"]
    count.overrule(cell.number, None)
    count.overrule(unsure.number, TAKEN_OUT)
    tally = count.record().tally
    assert (tally.decided, tally.uncertain, tally.taken_out, tally.overruled) == ({"all": 1, "hem": 0}, 0, 1, 0)


@pytest.mark.parametrize(("number", "verdict", "words"), [(99, "all", "not in the count"), (1, "blast", "all, hem")])
def test_what_cannot_be_overruled_says_so(number: int, verdict: str, words: str) -> None:
    count = started()
    meet(count, "all")
    with pytest.raises(CountError, match=words):
        count.overrule(number, verdict)


def test_a_cell_met_before_the_start_cannot_be_overruled() -> None:
    count = Count(LABELS)
    (cell,) = meet(count, "all")
    count.start()
    with pytest.raises(CountError):
        count.overrule(cell.number, "hem")


def test_the_target_stops_the_count_and_a_higher_one_lets_it_go_on() -> None:
    count = started()
    meet(count, *["all"] * (TARGETS[0] + 5))
    record = count.record()
    assert (record.tally.counted, record.state, record.note) == (100, "stopped", "100 cells are counted")
    with pytest.raises(CountError, match="raise the target"):
        count.start()
    count.aim(200)
    count.start()
    meet(count, "hem")
    assert count.record().tally.counted == 101
    with pytest.raises(CountError, match="100, 200, 500"):
        count.aim(150)


def test_undecided_cells_cannot_fill_the_memory() -> None:
    count = Count(LABELS, most_cells=20)
    count.start()
    meet(count, *["all"] * 30, status="uncertain")
    record = count.record()
    assert (len(record.cells), record.state) == (20, "stopped")
    assert "20 cells" in record.note
    meet(count, *["all"] * (2 * LAST_CELLS))
    assert len(count.last()) == LAST_CELLS


def test_a_reset_forgets_the_count_and_keeps_the_numbers_going() -> None:
    count = started()
    count.name_slide("P07")
    (cell,) = meet(count, "all")
    count.overrule(cell.number, "hem")
    count.reset()
    record = count.record()
    assert (record.cells, record.slide, record.state, record.started) == ((), "", "ready", None)
    assert [(seen.counted, seen.verdict) for seen in count.last()] == [(False, None)]
    assert meet(count, "all")[0].number == cell.number + 1


def test_time_stands_still_while_the_count_does() -> None:
    now = [100.0]
    count = Count(LABELS, clock_s=lambda: now[0])
    for wait, action in ((5, count.start), (7, count.stop), (11, count.start), (2, lambda: None)):
        now[0] += wait
        action()
    assert count.record().running_s == 9


@pytest.mark.parametrize("name", ["P07 / 2", "Präparat 3", "  A   b ", ""])
def test_names_of_slides(name: str) -> None:
    count = Count(LABELS)
    count.name_slide(name)
    assert count.record().slide == " ".join(name.split())


@pytest.mark.parametrize("name", ["=1+1", "+a", "-a", "@a", "a\x00b", "<b>", '"', "x" * 81])
def test_a_name_that_could_do_harm_is_refused(name: str) -> None:
    with pytest.raises(CountError, match="begin with a letter"):
        Count(LABELS).name_slide(name)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(["ok", "uncertain"]), st.sampled_from(WORDS))))
def test_every_cell_is_somewhere_in_the_tally(cells: list[tuple[str, Status, str | None]]) -> None:
    count = started()
    for label, status, verdict in cells:
        (cell,) = meet(count, label, status=status)
        if cell.counted:
            count.overrule(cell.number, verdict)
    record = count.record()
    tally = record.tally
    assert tally.counted + tally.uncertain + tally.taken_out == len(record.cells)
    assert tally.counted <= record.target


def test_every_change_gives_another_version() -> None:
    count = Count(LABELS)
    seen = {count.version}
    for change in (
        count.start,
        lambda: meet(count, "all"),
        lambda: count.overrule(1, "hem"),
        lambda: count.skip(1),
        lambda: count.name_slide("a"),
        lambda: count.aim(500),
        count.stop,
        count.reset,
    ):
        change()
        assert count.version not in seen
        seen.add(count.version)
