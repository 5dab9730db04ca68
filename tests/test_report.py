"""The report is one HTML file that is whole, escaped, readable by ear and fetches nothing."""

import dataclasses
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from edge_runtime.findings.pictures import brightened
from edge_runtime.findings.table import Table
from train.dataset import Cell
from train.decision import Reached, Rule
from train.errors import TrainError
from train.figures import as_svg
from train.metrics import measure
from train.mistakes import Mistake, with_heat, worst_mistakes
from train.plots import plot_confusion, plot_precision_recall, plot_reliability, plot_risk, plot_roc, plot_subjects
from train.predictions import Predictions
from train.report import write_html
from train.subjects import by_subject
from train.tables import abstention_table, change_table, decision_table, fold_table, metric_name, signed, subject_table

ODD = """<b onload="x">&amp; $x_1$ 'q' \N{GREEK SMALL LETTER MU}</b>"""
SECTIONS = (
    "Scores by cell",
    "Scores by subject",
    "Answers, thresholds, calibration",
    "Abstention",
    "Changed pictures",
    "Every subject",
    "Worst mistakes",
    "How this was made",
)
EMPTY_TAGS = {"meta", "img", "br", "path", "use", "image", "rect"}


def _predictions(seed: int = 0, *, labels: tuple[str, ...] = ("all", "hem"), subjects: int = 8) -> Predictions:
    """Cells of subjects that are answered mostly right; one subject has an odd name."""
    rng = np.random.default_rng(seed)
    cells, probabilities = [], []
    for subject in range(subjects):
        truth = subject % len(labels)
        name = ODD if subject == 0 else f"S{subject}"
        for i in range(20):
            cells.append(Cell(Path(f"{name}-{i}.bmp".replace("/", "")), name, labels[truth]))
            logits = rng.normal(0, 1, len(labels)) + 1.5 * np.eye(len(labels))[truth]
            probabilities.append(np.exp(logits) / np.exp(logits).sum())
    return Predictions(tuple(cells), tuple(cell.subject for cell in cells), labels, np.array(probabilities))


def _mistakes(predictions: Predictions) -> list[Mistake]:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[4:12, 4:12] = (80, 30, 70)
    heat = np.zeros((16, 16), np.float32)
    heat[6, 6] = 1
    return [
        Mistake(
            dataclasses.replace(predictions.cells[i], subject=ODD),
            predictions.labels[1],
            float(predictions.probabilities[i].max()),
            pixels,
            heat,
        )
        for i in worst_mistakes(predictions, count=3, per_group=2)
    ]


def _write(path: Path, predictions: Predictions, **changed: object) -> str:
    other = dataclasses.replace(predictions, probabilities=_predictions(1, labels=predictions.labels).probabilities)
    given: dict[str, object] = {
        "title": f"A title {ODD}",
        "model": f"model {ODD}",
        "data": f"Drawn, {ODD}, CC BY 3.0",
        "command": f"python -m train crossval --data '{ODD}'",
        "predictions": predictions,
        "baselines": {f"area {ODD}": other, "_private": other},
        "changed": {f"scale x 0.85 {ODD}": other},
        "mistakes": _mistakes(predictions),
        "folds": [1 + i % 2 for i in range(len(predictions.cells))],
        "settings": {f"seed {ODD}": f"7 {ODD}"},
        "draws": 20,
    }
    write_html(path, **(given | changed))  # type: ignore[arg-type]
    return path.read_text("utf-8")


class _Page(HTMLParser):
    """Elements, attributes and text of a page; fails where an element is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text_of: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY_TAGS:
            self._open.append(tag)
            self.text_of.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY_TAGS:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.text_of[tag][-1] += data


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _write(tmp_path_factory.mktemp("report") / "new" / "report.html", _predictions())


@pytest.fixture(scope="module")
def parsed(text: str) -> _Page:
    return _Page(text)


def test_every_section_is_there_and_linked(parsed: _Page) -> None:
    assert tuple(parsed.text_of["h2"]) == SECTIONS
    ids = {attributes["id"] for _, attributes in parsed.elements if "id" in attributes}
    links = [attributes["href"] for tag, attributes in parsed.elements if tag == "a"]
    assert len(links) == len(SECTIONS) and all(link.removeprefix("#") in ids for link in links)
    assert any("Research use only; not a medical device." in words for words in parsed.text_of["p"])


def test_names_are_escaped(text: str, parsed: _Page) -> None:
    assert ODD not in text and "<b " not in text
    assert not any("onload" in attributes for _, attributes in parsed.elements)
    for tag in ("h1", "th", "pre", "p", "figcaption", "svg"):
        assert any(ODD in words for words in parsed.text_of[tag]), tag


def test_nothing_is_fetched_and_nothing_runs(text: str, parsed: _Page) -> None:
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert "@import" not in text
    for tag, attributes in parsed.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), (tag, attributes[name])
    assert all(address.startswith("#") for address in re.findall(r"url\(['\"]?([^)]*)", text))
    policy = [attributes["content"] for tag, attributes in parsed.elements if "http-equiv" in attributes]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_every_picture_says_what_it_shows(parsed: _Page) -> None:
    images = [attributes for tag, attributes in parsed.elements if tag == "img"]
    drawings = [attributes for tag, attributes in parsed.elements if tag == "svg"]
    assert len(images) == 6 and len(drawings) == 6
    assert all(own["alt"] and own["src"].startswith("data:image/png;base64,") for own in images)
    assert all(own["role"] == "img" and own["aria-label"] and own["viewbox"] for own in drawings)


def test_ids_are_each_given_once_and_found(text: str, parsed: _Page) -> None:
    ids = Counter(attributes["id"] for _, attributes in parsed.elements if "id" in attributes)
    assert max(ids.values()) == 1
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) <= ids.keys()


def test_tables_name_themselves_their_rows_and_their_columns(parsed: _Page) -> None:
    tables = [tag for tag, _ in parsed.elements if tag == "table"]
    assert len(tables) == 7 and len(parsed.text_of["caption"]) == 7
    assert all(own.get("scope") in ("row", "col") for tag, own in parsed.elements if tag == "th")


def test_the_page_fits_phones_dark_rooms_and_paper(text: str, parsed: _Page) -> None:
    assert any(own.get("name") == "viewport" for _, own in parsed.elements)
    for rule in ("prefers-color-scheme: dark", "@media print", "@media (max-width"):
        assert rule in text
    assert "currentColor" in text


def test_its_numbers_are_those_of_the_metrics(parsed: _Page) -> None:
    predictions = _predictions()
    scores = measure(predictions.probabilities, predictions.targets, predictions.groups, draws=20)
    cells = parsed.text_of["td"]
    for name in ("weighted_f1", "auroc", "ece", "sensitivity_at_90_specificity"):
        own = scores[name]
        assert f"{own.value:.3f} ({own.low:.3f} to {own.high:.3f})" in cells


def test_the_same_predictions_give_the_same_file(text: str, tmp_path: Path) -> None:
    assert _write(tmp_path / "again.html", _predictions()) == text


def test_what_was_not_done_is_said(tmp_path: Path) -> None:
    text = _write(tmp_path / "report.html", _predictions(), baselines={}, changed={}, mistakes=[], settings={})
    assert tuple(_Page(text).text_of["h2"]) == SECTIONS
    assert "No changed pictures were judged." in text and "No pictures were given." in text


def test_people_have_every_score_that_cells_have(parsed: _Page) -> None:
    predictions = _predictions(1)  # the baseline of the page; the model itself is right of everyone
    own = by_subject(predictions.probabilities, predictions.targets, predictions.groups)
    people = measure(own.probabilities, own.targets, own.groups, draws=20)
    cells = parsed.text_of["td"]
    for name, score in people.items():
        assert f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})" in cells, name
    names = [head for head in parsed.text_of["th"] if head == metric_name("auprc")]
    assert len(names) == 2, "a table by cell and one by subject"


def test_a_decision_is_shown_where_there_is_one(tmp_path: Path) -> None:
    reached = Reached(sensitivity=0.9123, specificity=0.8, uncertain=0.1, weighted_f1_of_answered=0.95, ece=0.0321)
    rule = Rule(sensitivity=0.9, abstain_share=0.1, subject_power=0.25, is_taught=True)
    text = _write(tmp_path / "report.html", _predictions(), decision=decision_table(reached, rule))
    assert "Decision" in _Page(text).text_of["h2"]
    assert "91.2 %" in text and "0.032" in text


def test_three_labels_are_reported(tmp_path: Path) -> None:
    predictions = _predictions(labels=("red", "green", "blue"), subjects=9)
    text = _write(tmp_path / "report.html", predictions, baselines={}, changed={})
    assert tuple(_Page(text).text_of["h2"]) == SECTIONS


def test_a_subject_with_cells_of_both_labels_leaves_out_one_section_only(tmp_path: Path) -> None:
    predictions = _predictions()
    mixed = (dataclasses.replace(predictions.cells[0], label="hem"), *predictions.cells[1:])
    text = _write(
        tmp_path / "report.html", dataclasses.replace(predictions, cells=mixed), baselines={}, changed={}, mistakes=[]
    )
    assert "Not given: subject group" in text and tuple(_Page(text).text_of["h2"]) == SECTIONS


def test_predictions_on_other_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="area: not answers on the same cells"):
        _write(tmp_path / "report.html", _predictions(), baselines={"area": _predictions(subjects=6)})


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainError, match="cannot be written"):
        _write(tmp_path / "file" / "report.html", _predictions())


def test_plots_show_what_scikit_learn_computes() -> None:
    predictions = _predictions()
    positive, values = predictions.targets == 0, predictions.probabilities[:, 0]
    alone = {"m": predictions}
    expected = average_precision_score(positive, values)
    assert f"AUPRC {expected:.3f}" in as_svg(plot_precision_recall(alone, draws=0), name="a", alt="a")
    counts = [int(((predictions.probabilities.argmax(1) == a) & (predictions.targets == t)).sum()) for t, a in _PAIRS]
    shown = [text.get_text().partition("\n")[0] for text in plot_confusion(predictions).axes[0].texts]
    assert shown == [str(count) for count in counts]


_PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))


def test_the_reliability_bins_add_up_to_the_calibration_error() -> None:
    predictions = _predictions()
    axes, below = plot_reliability(predictions, draws=0).axes
    x, y = (np.asarray(values) for values in axes.lines[-1].get_data())
    cells = np.array([bar.get_height() for bar in below.patches])
    error = measure(predictions.probabilities, predictions.targets, predictions.groups, draws=0)["ece"].value
    assert (cells * np.abs(x - y)).sum() / cells.sum() == pytest.approx(error)


def test_the_band_holds_the_curve() -> None:
    axes = plot_roc({"m": _predictions()}, draws=100).axes[0]
    corners = axes.collections[0].get_paths()[0].vertices
    curve = axes.lines[1].get_data()
    low, high = (
        np.array([pick(corners[np.isclose(corners[:, 0], x), 1]) for x in (0.1, 0.3, 0.5)]) for pick in (min, max)
    )
    middle = np.interp([0.1, 0.3, 0.5], *curve)
    assert (low <= middle + 1e-9).all() and (middle <= high + 1e-9).all() and (low < high).any()


def test_every_cell_is_a_dot_in_its_subject_s_row() -> None:
    predictions = _predictions()
    axes = plot_subjects(predictions).axes[0]
    dots = [line.get_data() for line in axes.lines if len(line.get_xdata()) > 2]
    assert sum(len(x) for x, _ in dots) == len(predictions.cells)
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert sorted(rows) == sorted({cell.subject for cell in predictions.cells})
    x, y = dots[0]
    assert {rows[round(value)] for value in y} == {cell.subject for cell in predictions.cells if cell.label == "all"}
    assert sorted(x) == sorted(predictions.probabilities[predictions.targets == 0, 0])


def test_a_model_may_be_named_anything() -> None:
    svg = as_svg(plot_risk({"_a": _predictions(), "$b": _predictions(1)}), name="risk", alt='"><script>')
    assert "_a" in svg and "$b" in svg and "<script>" not in svg


def test_tables_hold_what_they_say() -> None:
    predictions = _predictions()
    worse = dataclasses.replace(predictions, probabilities=predictions.probabilities[:, ::-1])
    rows = {row[0]: row for row in change_table(predictions, {"mirrored": worse}).rows}
    assert rows["mirrored"][2] == f"{1 - float(rows['unchanged'][2]):.3f} ({signed(1 - 2 * _auroc(predictions))})"
    assert len(subject_table(predictions).rows) == 8
    assert [row[0] for row in abstention_table({"m": predictions}).rows] == ["0 %", "10 %", "20 %", "30 %"]
    folds = [1 + i % 2 for i in range(len(predictions.cells))]
    assert [row[:3] for row in fold_table(predictions, folds).rows] == [("1", "8", "80"), ("2", "8", "80")]
    assert Table(("", "a"), (("b", "1,2"),)).markdown() == "| | a |\n|---|---|\n| b | 1,2 |"
    assert Table(("", "a"), (("b", "1,2"),)).csv() == ',a\nb,"1,2"\n'
    assert [signed(value) for value in (0.0004, -0.0004, 0.1, -0.1)] == ["0.000", "0.000", "+0.100", "\u22120.100"]


def _auroc(predictions: Predictions) -> float:
    return measure(predictions.probabilities, predictions.targets, predictions.groups, draws=0)["auroc"].value


def test_the_worst_mistakes_are_the_surest_and_not_all_of_one_person() -> None:
    predictions = _predictions()
    chosen = worst_mistakes(predictions, count=5, per_group=1)
    answers = predictions.probabilities.argmax(1)
    assert all(answers[i] != predictions.targets[i] for i in chosen)
    assert len({predictions.groups[i] for i in chosen}) == len(chosen) <= 5
    sure = predictions.probabilities.max(1)
    assert sure[chosen].tolist() == sorted(sure[chosen], reverse=True)
    assert sure[chosen[0]] == sure[answers != predictions.targets].max()


def test_pictures_of_mistakes_stay_pictures() -> None:
    mistake = _mistakes(_predictions())[0]
    bright, heat = brightened(mistake.pixels), with_heat(mistake.pixels, mistake.heat)
    for shown in (bright, heat):
        assert shown.dtype == np.uint8 and shown.shape == mistake.pixels.shape
    assert bright.max() == 255 and not bright[:4].any()
    assert np.ptp(heat[6, 6].astype(int)) > 40 and np.ptp(heat[10, 10].astype(int)) == 0
    assert not brightened(np.zeros((8, 8, 3), np.uint8)).any()
