"""What a run says beyond rows, as a user asks for it: people, truth, a report, sorted pictures."""

import csv
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge_runtime.bundle import Bundle
from edge_runtime.classifier import IN_BAND, Classifier
from edge_runtime.findings.doubtful import Highest
from edge_runtime.findings.report import Report
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.row import Row
from tests.conftest import RunCli

PEOPLE, CELLS = 9, 30  # of `many_drawn_cells`, two of its subjects joined
HOSTILE = '<img src=x onerror="alert(1)">&.png'


class _Page(HTMLParser):
    """Tags with their attributes, headings, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


@pytest.fixture(scope="module")
def run(
    many_drawn_cells: Path, tmp_path_factory: pytest.TempPathFactory, run_cli: RunCli
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A folder with everything one run wrote, and the run."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(many_drawn_cells, folder / "cells")
    (folder / "groups.csv").write_text("subject,group\n1,1+2\n2,1+2\n")
    (folder / "cells" / HOSTILE).write_text("no picture")
    done = run_cli(
        *(
            "cells",
            "--output",
            "cells.csv",
            "--group-by",
            "subject",
            "--groups",
            "groups.csv",
            "--people",
            "people.csv",
        ),
        *("--truth", "c-nmc", "--report", "out.html", "--sort-into", "sorted"),
        cwd=folder,
    )
    assert done.returncode == 3, done.stderr
    return folder, done


def test_people_are_summed_up_on_the_terminal_and_in_a_file(
    run: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, done = run
    people = rows_of(folder / "people.csv")
    rows = rows_of(folder / "cells.csv")
    assert len(people) == PEOPLE and sum(int(person["cells"]) for person in people) == CELLS
    for person in people:
        assert re.search(rf"^{re.escape(person['person'])} +{person['cells']} ", done.stderr, re.MULTILINE)
    assert sum(int(person["answered"]) for person in people) == sum(row["status"] == "ok" for row in rows)
    assert "share of all" in done.stderr and "Wilson" in done.stderr


def test_the_truth_gives_scores_with_intervals_by_person(
    run: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    folder, done = run
    rows = [row for row in rows_of(folder / "cells.csv") if row["label"]]
    right = sum(f"_{row['label']}." in row["path"] for row in rows) / len(rows)
    assert re.search(rf"^accuracy +{right:.3f} \([\d.]+ to [\d.]+\)$", done.stderr, re.MULTILINE)
    assert f"bootstrap over {PEOPLE} people" in done.stderr
    assert "answered all  answered hem" in done.stderr


def test_every_picture_is_sorted(run: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    folder, _ = run
    for row in rows_of(folder / "cells.csv"):
        shelf = row["label"] if row["status"] == "ok" else row["status"]
        assert os.path.samefile(folder / row["path"], folder / "sorted" / shelf / os.path.basename(row["path"]))


def test_the_report_needs_nothing_else_and_runs_nothing(run: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    folder, _ = run
    page = _Page((folder / "out.html").read_text("utf-8"))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:image/png;base64,", "#")), address
    assert RESEARCH_USE in page.text
    assert HOSTILE in page.text


def test_the_report_holds_every_section(run: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    folder, _ = run
    text = _Page((folder / "out.html").read_text("utf-8")).text
    for part in (
        *("Summary", "Probabilities", "People", "Against the truth", "Most doubtful cells", "Unreadable pictures"),
        *(
            "Model",
            "How this was made",
            "weighted F1",
            "ROC",
            "# mobilenet",
            "--group-by",
            "LiteRT",
            "edge-classify 0.",
        ),
    ):
        assert part.lower() in text.lower(), part


def test_a_report_that_is_there_is_not_replaced(
    run: tuple[Path, "subprocess.CompletedProcess[str]"], run_cli: RunCli
) -> None:
    folder, _ = run
    before = (folder / "out.html").read_bytes()
    done = run_cli("cells", "--report", "out.html", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "edge-classify: out.html: is already there; give --overwrite or another --report\n"
    assert (folder / "out.html").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--people", "p.csv"], 2, "--people goes with --group-by"),
        (["--sort-into", "cells/sorted"], 2, "lies in cells, which is read"),
        (["--truth", "gone.csv"], 1, "gone.csv: no such file"),
        (["--report", "gone/out.html"], 1, "its folder is not there"),
        (["--group-by", "subject", "--groups", "cells"], 1, "not a readable CSV"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(
    run: tuple[Path, "subprocess.CompletedProcess[str]"], run_cli: RunCli, options: list[str], code: int, message: str
) -> None:
    done = run_cli("cells", *options, cwd=run[0])
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and "Traceback" not in done.stderr


def a_row(number: int, p_all: float, *, detail: str = "") -> Row:
    label = "all" if p_all >= 0.5 else "hem"
    status = "uncertain" if detail else "ok"
    return Row(f"gone/{number}.png", None, None, 0, None, label, {"all": p_all, "hem": 1 - p_all}, status, detail)


def test_the_report_does_not_grow_with_the_run(default_bundle: Bundle) -> None:
    """A hundred times the rows give a page of the same size, and the closest to the threshold are on it."""
    sizes = []
    for count in (1_000, 100_000):
        report = Report(Classifier(default_bundle), None, {})
        for i in range(count):
            report.add(a_row(i, ((7919 * i) % count) / count, detail=IN_BAND if i % 3 else ""))
            report.add(Row(f"bad/{i}.png", None, None, None, None, None, {}, "error", "cut off"))
        page = report.page(None, None, complete=True)
        sizes.append(len(page))
        closest = next(i for i in range(count) if (7919 * i) % count == count // 2)
        assert f"gone/{closest}.png" in page
    assert sizes[1] < 1.1 * sizes[0]


def test_an_interrupted_report_says_so(default_bundle: Bundle) -> None:
    report = Report(Classifier(default_bundle), None, {})
    report.add(a_row(1, 0.4))
    assert "did not come to its end" in report.page(None, None, complete=False)
    assert "did not come to its end" not in report.page(None, None, complete=True)


def test_of_equal_values_the_first_are_kept() -> None:
    highest = Highest(3, lambda row: row.probabilities["all"])
    for i, p_all in enumerate([0.5, 0.9, 0.5, 0.5, 0.9, 0.1]):
        highest.add(a_row(i, p_all))
    assert [row.path for row in highest.rows()] == ["gone/1.png", "gone/4.png", "gone/0.png"]
    assert highest.seen == 6
