"""The report of a cross-validation as one HTML file that needs nothing else."""

import dataclasses
from collections.abc import Sequence
from html import escape
from pathlib import Path

from edge_runtime.contract import Interval
from edge_runtime.findings.page import image, page, paragraph, preformatted, side_by_side, table
from edge_runtime.findings.pictures import as_png_uri, brightened
from edge_runtime.findings.table import Table, interval_text, quoted
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.scoring.bootstrap import DRAWS
from train.errors import TrainError
from train.figures import plot
from train.metrics import answers_of, measure
from train.mistakes import Mistake, with_heat
from train.plots import plot_confusion, plot_precision_recall, plot_reliability, plot_risk, plot_roc, plot_subjects
from train.predictions import Predictions
from train.subjects import by_subject
from train.tables import abstention_table, change_table, fold_table, score_table, subject_table

Models = dict[str, Predictions]
Scores = dict[str, dict[str, Interval]]


def write_html(
    path: Path,
    *,
    title: str,
    model: str,
    data: str,
    command: str,
    predictions: Predictions,
    baselines: Models,
    changed: Models,
    mistakes: Sequence[Mistake],
    folds: Sequence[int],
    settings: dict[str, str],
    decision: Table | None = None,
    draws: int = DRAWS,
) -> None:
    """Writes the report.

    Args:
        path: of the HTML file.
        title: of the page.
        model: name of what is judged.
        data: name, source and licence of the data.
        command: what makes this report again.
        predictions: of the model.
        baselines: predictions of simpler methods by name, on the same cells.
        changed: predictions of the model on changed pictures of the same cells, by the name of the change.
        mistakes: pictures of wrong answers, the surest first.
        folds: the fold of each cell.
        settings: what else belongs to the making, by name.
        decision: what a decision fitted on out-of-fold predictions reaches, from `train.tables.decision_table`.
        draws: bootstrap resamples of the intervals.

    Raises:
        TrainError: predictions that are not of the same cells, or a file that cannot be written.
    """
    for name, other in {**baselines, **changed}.items():
        if other.cells != predictions.cells or other.labels != predictions.labels:
            raise TrainError(f"{name}: not answers on the same cells as those of {model}; judge both on the same")
    models = {model: predictions, **baselines}
    scores = {name: measure(p.probabilities, p.targets, p.groups, draws=draws) for name, p in models.items()}
    text = page(
        title,
        lead=[_summary(model, predictions, scores, folds)],
        notice=RESEARCH_USE,
        sections=[
            ("Scores by cell", _by_cell(predictions, scores)),
            ("Scores by subject", _by_person(models, draws)),
            ("Answers, thresholds, calibration", _curves(models, scores[model]["ece"])),
            ("Abstention", _abstention(models)),
            *([("Decision", [_decision(decision)])] if decision is not None else []),
            ("Changed pictures", _changed(predictions, changed)),
            ("Every subject", _subjects(predictions)),
            ("Worst mistakes", _mistakes(mistakes)),
            ("How this was made", _making(command, data, predictions, folds, settings)),
        ],
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name on disk that is not Unicode may stand in a title or caption.
        path.write_text(text, "utf-8", errors="replace")
    except OSError as error:
        raise TrainError(f"{path}: cannot be written ({error.strerror}); give another --out") from None


def _summary(model: str, predictions: Predictions, scores: Scores, folds: Sequence[int]) -> str:
    own = scores[model]
    beside = "; ".join(
        f"{name} {values['weighted_f1'].value:.3f} and {values['auroc'].value:.3f}"
        for name, values in scores.items()
        if name != model
    )
    people = len(set(predictions.groups))
    return (
        f"{model} reaches weighted F1 {interval_text(own['weighted_f1'])} and AUROC {interval_text(own['auroc'])} on "
        f"{len(predictions.cells):,} cells of {people} subject groups, in {len(set(folds))} folds by subject."
        + (f" On the same cells: {beside}." if beside else "")
    )


def _by_cell(predictions: Predictions, scores: Scores) -> list[str]:
    positive = predictions.labels[0]
    return [
        table(
            score_table(scores),
            "Each cell counts once. In brackets 95 % intervals from a bootstrap over subject groups: how much would "
            f"change with other people. {quoted(positive)} is the positive label. The thresholds of the two scores at "
            "90 % were chosen on these same cells.",
        )
    ]


def _by_person(models: Models, draws: int) -> list[str]:
    try:
        people = {name: by_subject(p.probabilities, p.targets, p.groups) for name, p in models.items()}
    except TrainError as error:
        return [paragraph(f"Not given: {error}.")]
    scores = {name: measure(p.probabilities, p.targets, p.groups, draws=draws) for name, p in people.items()}
    first = next(iter(people.values()))
    right = int((answers_of(first.probabilities) == first.targets).sum())
    return [
        paragraph(f"{right} of {len(first.targets)} subject groups are answered right when all their cells vote."),
        table(
            score_table(scores),
            "One decision a subject group, from the mean log-odds of its cells. In brackets 95 % intervals from a "
            f"bootstrap over subject groups. Thresholds and bins of {len(first.targets)} decisions are coarse: of the "
            "scores at 90 %, and of the calibration error, the intervals say more than the values.",
        ),
    ]


def _curves(models: Models, calibration_error: Interval) -> list[str]:
    predictions = next(iter(models.values()))
    label = quoted(predictions.labels[0])
    return [
        side_by_side(
            [
                plot(
                    plot_confusion(predictions),
                    name="confusion",
                    alt=_confusion_in_words(predictions),
                    caption="Confusion matrix: cells, and their share of the true label.",
                ),
                plot(
                    plot_roc(models),
                    name="roc",
                    alt=f"ROC of {', '.join(models)} for {label}; the areas are in the table of scores by cell.",
                    caption="ROC. Dots are the operating points; the band is the 95 % interval over subject groups.",
                ),
                plot(
                    plot_precision_recall(models),
                    name="precision-recall",
                    alt=f"Precision against recall of {', '.join(models)} for {label}; the areas are in the table of "
                    "scores by cell.",
                    caption=f"Precision and recall. Dotted is the share of {label}; the band is the 95 % interval.",
                ),
                plot(
                    plot_reliability(predictions),
                    name="reliability",
                    alt="Reliability diagram: share of answers right against their probability. Expected calibration "
                    f"error {interval_text(calibration_error)}.",
                    caption="Reliability. On the dotted line probabilities are true; expected calibration error "
                    f"{interval_text(calibration_error)}. Bars are 95 % intervals; below, the cells of each bin.",
                ),
            ]
        )
    ]


def _abstention(models: Models) -> list[str]:
    answers = abstention_table(models)
    return [
        side_by_side(
            [
                plot(
                    plot_risk(models),
                    name="risk",
                    alt="Share of answers wrong against share of cells answered; the table has values.",
                    caption="Risk and coverage: wrong answers among those given, the least certain left out first. "
                    "Dots: 0, 10, 20 and 30 % not answered.",
                ),
                table(answers, "Weighted F1 of the cells answered."),
            ]
        )
    ]


def _decision(reached: Table) -> str:
    return table(
        reached,
        "Calibration (with a teacher, of its scale alone), operating point and abstain band fitted on the other folds' "
        "predictions, measured on the fold left out; cells weighed as in training, so that no subject dominates.",
    )


def _changed(predictions: Predictions, changed: Models) -> list[str]:
    if not changed:
        return [paragraph("No changed pictures were judged.")]
    return [
        table(
            change_table(predictions, changed),
            "The same cells, their pictures changed in one way: scaled as they are read, or else once prepared. "
            "In brackets the difference from unchanged.",
        )
    ]


def _subjects(predictions: Predictions) -> list[str]:
    label = quoted(predictions.labels[0])
    subjects = subject_table(predictions)
    named = dataclasses.replace(subjects, header=(*subjects.header[:-1], "mean p"))
    return [
        plot(
            plot_subjects(predictions),
            name="subjects",
            alt=f"A row of dots for each subject, at the probability of {label} of each cell; the table below has the "
            "share right of each.",
            caption=f"Every cell a dot, every subject a row. Left of the middle the answer is not {label}.",
            wide=True,
        ),
        table(named, f"By subject: share of the cells answered right, and mean probability of {label}."),
    ]


def _mistakes(mistakes: Sequence[Mistake]) -> list[str]:
    if not mistakes:
        return [paragraph("No pictures were given.")]
    items = []
    for mistake in mistakes:
        cell, pixels = mistake.cell, brightened(mistake.pixels)
        shown = image(as_png_uri(pixels), f"Cell of subject {cell.subject}, truly {quoted(cell.label)}")
        heat = image(
            as_png_uri(with_heat(pixels, mistake.heat)),
            f"The same cell; bright is what spoke for {quoted(mistake.answer)}",
        )
        items.append(
            f"<li><figure><div>{shown}{heat}</div><figcaption>Subject {escape(cell.subject)}: truly "
            f"<strong>{escape(cell.label)}</strong>, answered <strong>{escape(mistake.answer)}</strong> with "
            f"probability {mistake.probability:.3f}. {escape(cell.path.name)}</figcaption></figure></li>"
        )
    return [
        paragraph(
            "Wrong answers, the surest first: the cell, brightened for the eye, and a Grad-CAM map of what spoke for "
            "the wrong answer. The map is coarse: it says which part of a cell, not which granule."
        ),
        f'<ul class="mistakes">{"".join(items)}</ul>',
    ]


def _making(
    command: str, data: str, predictions: Predictions, folds: Sequence[int], settings: dict[str, str]
) -> list[str]:
    parts = [
        preformatted(command),
        paragraph(f"Data: {data}."),
        table(
            fold_table(predictions, folds),
            "Each subject group is in one fold, answered by a network fitted and calibrated on other people.",
        ),
    ]
    if settings:
        parts.append(table(Table(("setting", "value"), tuple(settings.items())), "Settings."))
    return parts


def _confusion_in_words(predictions: Predictions) -> str:
    answers, targets, labels = answers_of(predictions.probabilities), predictions.targets, predictions.labels
    return "Confusion matrix. " + " ".join(
        f"{((targets == truth) & (answers == answer)).sum()} cells of {quoted(true)} answered {quoted(answered)}."
        for truth, true in enumerate(labels)
        for answer, answered in enumerate(labels)
    )
