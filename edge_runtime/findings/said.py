"""The summaries as lines for a terminal."""

from edge_runtime.contract import Interval
from edge_runtime.findings.judged import Judgement
from edge_runtime.findings.people import People, Person, people_table
from edge_runtime.findings.table import Table, interval_text

PEOPLE_NOTE = (
    "Share: of the answered cells, with the 95 % interval of Wilson (1927), which takes cells as independent. Mean "
    "and decision: from all cells like the training cells, by the mean of their log-probabilities."
)
_SHOWN_PEOPLE = 60

_NAMES = {
    "weighted_f1": "weighted F1",
    "auroc": "AUROC",
    "answered": "answered, not uncertain",
    "weighted_f1_of_answered": "weighted F1 of the answered",
}


def people_text(people: list[Person], labels: tuple[str, ...], source: People) -> str:
    """The table of the first people, and what is not in it."""
    lines = []
    if people:
        lines += [people_table(people[:_SHOWN_PEOPLE], labels).plain(), PEOPLE_NOTE]
    if len(people) > _SHOWN_PEOPLE:
        lines.append(f"{len(people) - _SHOWN_PEOPLE} more people; --people FILE.csv has all.")
    if source.nameless:
        lines.append(f"{source.nameless} cells are of no known person, the first {source.nameless_path}")
    return "\n".join(lines)


def judgement_text(judgement: Judgement, labels: tuple[str, ...]) -> str:
    """Confusion matrix and scores."""
    return "\n".join(
        [confusion_table(judgement, labels).plain(), score_table(judgement).plain(), *judgement_notes(judgement)]
    )


def confusion_table(judgement: Judgement, labels: tuple[str, ...]) -> Table:
    """Cells by truth (rows) and answer (columns)."""
    rows = [
        (f"truly {label}", *(f"{count:.0f}" for count in counts))
        for label, counts in zip(labels, judgement.counts, strict=True)
    ]
    return Table(("", *(f"answered {label}" for label in labels)), tuple(rows))


def score_table(judgement: Judgement) -> Table:
    """One row a score, with its interval where there is one."""
    rows = [(_NAMES.get(name, name), _score_text(*score)) for name, score in judgement.scores.items()]
    return Table(("score", "value"), tuple(rows))


def judgement_notes(judgement: Judgement) -> list[str]:
    """What must be known to read the scores."""
    notes = []
    if judgement.no_intervals:
        notes.append(f"Without intervals: {judgement.no_intervals}.")
    else:
        notes.append(f"In brackets 95 % intervals from a bootstrap over {judgement.people} people.")
    notes.append("Of people the model learnt from, scores are too good.")
    if judgement.unknown:
        notes.append(f"{judgement.unknown} cells have no known truth, the first {judgement.unknown_path}")
    return notes


def _score_text(value: float, interval: Interval | None) -> str:
    if value != value:
        return "undefined"
    return f"{value:.3f}" if interval is None else interval_text(interval)
