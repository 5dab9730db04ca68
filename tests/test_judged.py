"""Answers against the truth: the device reckons as the workstation does, and says where it cannot."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import InputError
from edge_runtime.findings.grouping import grouping_of
from edge_runtime.findings.judged import Judged, Judgement
from edge_runtime.findings.said import judgement_text
from edge_runtime.findings.truth import truth_of
from edge_runtime.row import Row
from train.metrics import measure

LABELS = ("all", "hem")
DECIMALS = 4


def cells_of(seed: int, people: int = 14, cells: int = 25) -> list[Row]:
    """Rows of people of both classes, the truth in their folder."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        label = LABELS[person % 2]
        for i in range(int(rng.integers(2, cells))):
            p = round(float(np.clip(rng.normal(0.65 if label == "all" else 0.35, 0.25), 0, 1)), DECIMALS)
            answer, status = ("all" if p >= 0.5 else "hem"), ("ok" if abs(p - 0.5) > 0.1 else "uncertain")
            probabilities = {"all": p, "hem": round(1 - p, DECIMALS)}
            rows.append(Row(f"x/{label}/p{person}_{i}.png", None, None, 0, None, answer, probabilities, status, ""))
    return rows


def judged(rows: list[Row], rule: str | None = r"/(p\d+)_") -> Judgement:
    own = Judged(LABELS, truth_of("folder", LABELS), grouping_of(rule, {}) if rule else None)
    for row in rows:
        own.add(row)
    judgement = own.judge()
    assert judgement is not None
    return judgement


@given(st.integers(0, 10_000))
@settings(max_examples=2, deadline=None)
def test_scores_and_intervals_are_those_of_the_workstation(seed: int) -> None:
    rows = cells_of(seed)
    judgement = judged(rows)
    expected = measure(
        np.array([[row.probabilities[label] for label in LABELS] for row in rows]),
        np.array([LABELS.index(row.path.split("/")[1]) for row in rows]),
        [row.path.split("/")[2].split("_")[0] for row in rows],
    )
    for name in ("weighted_f1", "accuracy", "auroc", "sensitivity", "specificity"):
        value, interval = judgement.scores[name]
        assert interval is not None
        assert (value, interval.low, interval.high) == pytest.approx(
            (expected[name].value, expected[name].low, expected[name].high), abs=1e-9
        )
    assert judgement.people == 14


def test_the_confusion_matrix_counts_every_cell() -> None:
    rows = cells_of(1)
    counts = judged(rows).counts
    for i, truth in enumerate(LABELS):
        for j, answer in enumerate(LABELS):
            assert counts[i, j] == sum(f"/{truth}/" in row.path and row.label == answer for row in rows)


def test_what_is_answered_is_scored_apart() -> None:
    rows = cells_of(2)
    judgement, answered = judged(rows), judged([row for row in rows if row.status == "ok"])
    assert judgement.scores["weighted_f1_of_answered"][0] == pytest.approx(answered.scores["weighted_f1"][0])
    assert judgement.scores["answered"][0] == pytest.approx(sum(row.status == "ok" for row in rows) / len(rows))


@pytest.mark.parametrize(
    ("rows", "rule", "reason"),
    [
        (cells_of(3), None, "they need --group-by"),
        (cells_of(3, people=3), r"/(p\d+)_", "need 2 people of each label"),
        ([row for row in cells_of(3) if "/all/" in row.path], r"/(p\d+)_", "need 2 people of each label"),
    ],
)
def test_intervals_that_mean_nothing_are_not_given(rows: list[Row], rule: str | None, reason: str) -> None:
    judgement = judged(rows, rule)
    assert {interval for _, interval in judgement.scores.values()} == {None}
    assert reason in judgement_text(judgement, LABELS)


def test_one_label_alone_has_no_roc() -> None:
    judgement = judged([row for row in cells_of(3) if "/all/" in row.path])
    assert judgement.curve is None
    assert "undefined" in judgement_text(judgement, LABELS)


def test_cells_of_unknown_truth_are_counted() -> None:
    stray = Row("elsewhere/1.png", None, None, 0, None, "all", {"all": 0.9, "hem": 0.1}, "ok", "")
    judgement = judged([*cells_of(4), stray, stray])
    assert (judgement.unknown, judgement.unknown_path) == (2, "elsewhere/1.png")
    assert "2 cells have no known truth, the first elsewhere/1.png" in judgement_text(judgement, LABELS)


def test_names_and_folders_give_the_truth() -> None:
    names, folders = truth_of("c-nmc", LABELS), truth_of("folder", LABELS)
    assert [names(f"a/UID_{uid}.bmp") for uid in ("1_1_1_all", "H1_1_1_hem", "H1_1_1_all", "1")] == [0, 1, None, None]
    assert [folders(path) for path in ("all/anna/1.png", "all/hem/1.png", "x/1.png", "all.png")] == [0, 1, None, None]


def test_a_csv_gives_the_truth_wherever_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "slides" / "truth.csv"
    (tmp_path / "slides" / "a").mkdir(parents=True)
    lines = [f"a/{i}.png,anna,{LABELS[i % 2]}" for i in range(300)]
    table.write_text("path,subject,label\n" + "\n".join([*lines, f"{tmp_path}/far.png,bea,hem"]) + "\n")
    truth = truth_of(str(table), LABELS)
    monkeypatch.chdir(tmp_path)
    assert [truth(f"slides/a/{i}.png") for i in range(300)] == [i % 2 for i in range(300)]
    assert [truth("a/7.png"), truth("slides/../far.png"), truth("a/300.png")] == [1, 1, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,all\n", "line 1 must name the columns path and label"),
        ("path,label\na.png,blast\n", "line 2: label 'blast' is not one of the model's"),
        ("path,label\na.png,\n", "line 2 must hold a path and a label"),
        ("path,label\na.png,all\nb.png,all\n./a.png,hem\n", "entry 3 gives a path another label"),
        ('path,label\n"a.png,all\n', "not a readable CSV"),
    ],
)
def test_a_csv_of_another_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        truth_of(str(path), LABELS)


def test_a_source_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="no such file; give folder, c-nmc, or a CSV"):
        truth_of("names", LABELS)
