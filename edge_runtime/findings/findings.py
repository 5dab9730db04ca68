"""Everything a run says beyond its rows: it listens to them, and speaks at the end."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from edge_runtime.classifier import Classifier
from edge_runtime.errors import EdgeClassifyError, InputError
from edge_runtime.findings.grouping import Grouping, grouping_of
from edge_runtime.findings.groups import read_groups
from edge_runtime.findings.judged import Judged
from edge_runtime.findings.people import People, people_csv
from edge_runtime.findings.report import Report
from edge_runtime.findings.said import judgement_text, people_text
from edge_runtime.findings.sorter import Sorter
from edge_runtime.findings.truth import truth_of
from edge_runtime.findings.wanted import Wanted
from edge_runtime.row import Row
from edge_runtime.whole_file import check_place, write_whole


class Findings(AbstractContextManager["Findings"]):
    """Give every row to `add` once it is written; leaving the context writes the files and says the summaries.

    That holds for a run that was interrupted too: what it found so far is said.
    """

    def __init__(
        self,
        wanted: Wanted,
        classifier: Classifier,
        say: Callable[[str], None],
        *,
        options: dict[str, str],
        replace: bool,
    ) -> None:
        """Reads and checks what the options name.

        Args:
            wanted: what to find.
            classifier: the one that the rows come from.
            say: takes a line for the user.
            options: of the run, for the report.
            replace: whether files of an earlier run may be replaced.

        Raises:
            InputError: a rule, groups or truth that cannot be used.
            OutputError: a file that could not be written at the end.
        """
        labels = classifier.contract.labels
        self._wanted, self._labels, self._say = wanted, labels, say
        for path, option in ((wanted.report, "--report"), (wanted.people, "--people")):
            if path is not None:
                check_place(path, option, replace=replace)
        person_of: Grouping | None = None
        if wanted.group_by is not None:
            person_of = grouping_of(wanted.group_by, read_groups(wanted.groups) if wanted.groups else {})
        self._people = People(labels, person_of, classifier.answer) if person_of else None
        truth = truth_of(wanted.truth, labels) if wanted.truth is not None else None
        self._judged = Judged(labels, truth, person_of) if truth else None
        self._sorter = Sorter(wanted.sort_into) if wanted.sort_into is not None else None
        self._report = Report(classifier, truth, options) if wanted.report is not None else None

    def add(self, row: Row) -> None:
        """Takes one row.

        Raises:
            OutputError: a picture cannot be sorted into the wanted folder.
        """
        for listener in (self._people, self._judged, self._sorter, self._report):
            if listener is not None:
                listener.add(row)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._finish(complete=kind is None)
        except EdgeClassifyError as problem:
            if kind is None:
                raise
            self._say(str(problem))  # what ended the run matters more

    def _finish(self, *, complete: bool) -> None:
        people = self._people.summaries() if self._people else None
        judgement = self._judged.judge() if self._judged else None
        if self._people and people is not None:
            self._lines(people_text(people, self._labels, self._people))
            if self._wanted.people is not None:
                write_whole(self._wanted.people, people_csv(people, self._labels).encode("utf-8", "replace"))
        if judgement is not None:
            self._lines(judgement_text(judgement, self._labels))
        if self._sorter and self._sorter.missing:
            self._say(
                f"{self._wanted.sort_into}: {self._sorter.missing} pictures are not in it, gone or not to be read, "
                f"the first {self._sorter.missing_path}"
            )
        if self._report and self._wanted.report is not None:
            page = self._report.page(people, judgement, complete=complete)
            write_whole(self._wanted.report, page.encode("utf-8", "replace"))
        if self._judged and judgement is None and complete:
            raise InputError(
                f"--truth {self._wanted.truth}: gives the label of none of the pictures; check its names and paths; "
                "the rows are written"
            )

    def _lines(self, text: str) -> None:
        for line in text.splitlines():
            self._say(line)
