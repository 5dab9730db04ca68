"""The report of a run: one page with everything, which grows neither with rows nor with people."""

from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from edge_runtime.classifier import IN_BAND, Classifier
from edge_runtime.findings.charts import draw_histogram, draw_intervals, draw_roc
from edge_runtime.findings.doubtful import Highest
from edge_runtime.findings.gallery import gallery
from edge_runtime.findings.judged import Judgement
from edge_runtime.findings.page import figure, page, paragraph, preformatted, table
from edge_runtime.findings.people import Person, people_table
from edge_runtime.findings.said import PEOPLE_NOTE, confusion_table, judgement_notes, score_table
from edge_runtime.findings.table import Table, percent, quoted
from edge_runtime.findings.truth import Truth
from edge_runtime.info import facts
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.pipeline import Tally
from edge_runtime.row import Row

_BINS = 40
_DOUBTFUL, _UNLIKE, _MISTAKES = 24, 12, 12
_MOST_ERRORS, _MOST_PEOPLE, _MOST_DRAWN_PEOPLE = 200, 1000, 60


class Report:
    """Listens to rows and keeps what the page shows: counts, and the few rows most worth a look."""

    def __init__(self, classifier: Classifier, truth: Truth | None, options: dict[str, str]) -> None:
        """Takes the classifier of the rows, the truth where it is known, and the options of the run."""
        self._classifier = classifier
        self._labels = classifier.contract.labels
        self._truth = truth
        self._options = options
        self._started = _now()
        self._tally = Tally()
        self._histogram = {label: [0] * _BINS for label in (*self._labels, "uncertain")}
        self._errors: list[tuple[str, str]] = []
        self._doubtful = Highest(_DOUBTFUL, self._doubt)
        self._unlike = Highest(_UNLIKE, _unlikeness)
        self._mistakes = Highest(_MISTAKES, self._mistake)

    def add(self, row: Row) -> None:
        """Takes one row."""
        self._tally.add(row)
        if row.status == "error" and len(self._errors) < _MOST_ERRORS:
            self._errors.append((row.path, row.detail))
        if row.label is None:
            return
        first = row.probabilities[self._labels[0]]
        series = row.label if row.status == "ok" else "uncertain"
        self._histogram[series][min(int(first * _BINS), _BINS - 1)] += 1
        for highest in (self._doubtful, self._unlike, self._mistakes):
            highest.add(row)

    def page(self, people: list[Person] | None, judgement: Judgement | None, *, complete: bool) -> str:
        """The page as HTML.

        Args:
            people: summed up, where wanted.
            judgement: of the answers, where the truth is known.
            complete: whether the run came to its end.
        """
        sections = [("Summary", self._summary(judgement)), ("Probabilities", self._probabilities())]
        if people is not None:
            sections.append(("People", self._people(people)))
        if judgement is not None:
            sections.append(("Against the truth", self._against(judgement)))
        sections += [("Most doubtful cells", self._galleries()), ("Unreadable pictures", self._unreadable())]
        sections += [("Model", self._model()), ("How this was made", self._making())]
        people_text = f" of {len(people):,} people" if people else ""
        lead = [f"{self._tally.total:,} rows{people_text}, answered by the model {self._classifier.contract.name}."]
        if not complete:
            lead.append("The run did not come to its end; this is what it had found until then.")
        return page("Cells classified by edge-classify", lead=lead, notice=RESEARCH_USE, sections=sections)

    def _summary(self, judgement: Judgement | None) -> list[str]:
        tally = self._tally
        counts = {label: tally.decided[label] for label in self._labels}
        counts |= {"uncertain": tally.uncertain, "unreadable": tally.errors}
        rows = [(name, f"{count:,}", percent(count / max(tally.total, 1), 1)) for name, count in counts.items()]
        parts = [
            table(
                Table(("", "rows", "share"), tuple(rows)),
                "What was answered. Uncertain: too close to call, or unlike the training cells.",
            )
        ]
        if judgement is not None:
            parts.append(table(score_table(judgement), " ".join(judgement_notes(judgement))))
        return parts

    def _probabilities(self) -> list[str]:
        label = quoted(self._labels[0])
        drawing = draw_histogram(
            {f"answered {name}" if name in self._labels else name: own for name, own in self._histogram.items()},
            x_label=f"probability of {label}",
            alt=f"Histogram of the calibrated probability of {label}, stacked by answer.",
        )
        return [figure(drawing, caption=f"Cells by their calibrated probability of {label}, stacked by answer.")]

    def _people(self, people: Sequence[Person]) -> list[str]:
        if not people:
            return [paragraph("No path names a person.")]
        drawn = [(person.name, person.share) for person in people[:_MOST_DRAWN_PEOPLE] if person.share is not None]
        label = quoted(self._labels[0])
        parts = []
        if drawn:
            drawing = draw_intervals(
                drawn,
                x_label=f"share of {label}",
                alt="A dot with its interval for each person; the table has the numbers.",
            )
            parts.append(
                figure(drawing, caption=f"Share of {label} among the answered cells of each person, with its interval.")
            )
        parts.append(table(people_table(list(people[:_MOST_PEOPLE]), self._labels), PEOPLE_NOTE))
        for most, what in ((_MOST_DRAWN_PEOPLE, "drawn"), (_MOST_PEOPLE, "listed")):
            if len(people) > most:
                parts.append(paragraph(f"The first {most} of {len(people):,} people are {what}; --people writes all."))
        return parts

    def _against(self, judgement: Judgement) -> list[str]:
        label = quoted(self._labels[0])
        parts = [
            table(
                confusion_table(judgement, self._labels),
                "Cells by truth and answer; an uncertain cell counts under its likelier label.",
            )
        ]
        if judgement.curve is not None:
            drawing = draw_roc(
                judgement.curve,
                judgement.point,
                label=label,
                alt=f"ROC curve for {label}; AUROC {judgement.scores['auroc'][0]:.3f}.",
            )
            parts.append(
                figure(drawing, caption=f"ROC of the probability of {label}: AUROC {judgement.scores['auroc'][0]:.3f}.")
            )
        if self._mistakes.seen:
            parts.append(paragraph("Wrong answers with the highest probability:"))
            parts.append(self._gallery(self._mistakes.rows(), self._truly))
        return parts

    def _galleries(self) -> list[str]:
        parts = [paragraph("Where the answer is closest to turning, brightened for the eye:")]
        parts.append(
            self._gallery(self._doubtful.rows(), lambda row: "uncertain" if row.status == "uncertain" else "answered")
        )
        if self._unlike.seen:
            parts.append(
                paragraph(f"Unlike the training cells ({self._unlike.seen:,} in all), the surest answers first:")
            )
            parts.append(self._gallery(self._unlike.rows(), lambda row: row.detail))
        return parts

    def _gallery(self, rows: Sequence[Row], note: Callable[[Row], str]) -> str:
        return gallery(rows, self._classifier.contract.input, [note(row) for row in rows])

    def _unreadable(self) -> list[str]:
        if not self._errors:
            return [paragraph("None.")]
        parts = [
            table(Table(("path", "why"), tuple(self._errors)), f"{self._tally.errors:,} pictures could not be read.")
        ]
        if self._tally.errors > len(self._errors):
            parts.append(paragraph(f"The first {len(self._errors)} are listed; the rows have all."))
        return parts

    def _model(self) -> list[str]:
        lines = tuple(facts(self._classifier).items())
        return [table(Table(("", "model"), lines), "What answered."), preformatted(self._classifier.bundle.card)]

    def _making(self) -> list[str]:
        times = {"first row": self._started, "report": _now()}
        return [
            table(Table(("option", "value"), tuple(self._options.items())), "Options that were given."),
            table(Table(("", "time"), tuple(times.items())), "Times are UTC."),
        ]

    def _doubt(self, row: Row) -> float | None:
        if row.status != "ok" and row.detail != IN_BAND:
            return None
        return -self._classifier.margin([row.probabilities[label] for label in self._labels])

    def _mistake(self, row: Row) -> float | None:
        target = self._truth(row.path) if self._truth is not None else None
        if target is None or row.label is None or row.label == self._labels[target]:
            return None
        return row.probabilities[row.label]

    def _truly(self, row: Row) -> str:
        target = self._truth(row.path) if self._truth is not None else None
        return "" if target is None else f"truly {self._labels[target]}"


def _unlikeness(row: Row) -> float | None:
    unlike = row.status == "uncertain" and row.detail != IN_BAND
    return max(row.probabilities.values()) if unlike else None


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
