"""The report's tables, as rows of text."""

from collections.abc import Sequence

import numpy as np

from edge_runtime.contract import Interval
from edge_runtime.findings.names import natural_key
from edge_runtime.findings.table import Table, interval_text, percent
from train.decision import Reached, Rule
from train.metrics import answers_of, values_of
from train.predictions import Predictions
from train.selective import abstain

ABSTAINED = (0.0, 0.1, 0.2, 0.3)

_NAMES = {
    "weighted_f1": "weighted F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity_at_90_specificity": "sensitivity at 90 % specificity",
    "specificity_at_90_sensitivity": "specificity at 90 % sensitivity",
    "ece": "expected calibration error",
    "brier": "Brier score",
}


def metric_name(name: str) -> str:
    """A score's name as people write it."""
    return _NAMES.get(name, name.replace("_", " "))


def score_table(scores: dict[str, dict[str, Interval]]) -> Table:
    """One row a score, one column a model, each value with its interval."""
    names = next(iter(scores.values()))
    rows = [(metric_name(name), *(interval_text(own[name]) for own in scores.values())) for name in names]
    return Table(("", *scores), tuple(rows))


def subjects_by_label(predictions: Predictions) -> dict[tuple[str, str, str], list[int]]:
    """The cells of each subject, by (subject, label, group); label by label, subjects in natural order."""
    members: dict[tuple[str, str, str], list[int]] = {}
    for i, (cell, group) in enumerate(zip(predictions.cells, predictions.groups, strict=True)):
        members.setdefault((cell.subject, cell.label, group), []).append(i)
    order = sorted(members, key=lambda key: (predictions.labels.index(key[1]), natural_key(key[0])))
    return {key: members[key] for key in order}


def subject_table(predictions: Predictions) -> Table:
    """One row per subject: group, label, cells, share right, mean probability of the first label."""
    right = answers_of(predictions.probabilities) == predictions.targets
    rows = [
        (
            subject,
            group,
            label,
            str(len(chosen)),
            f"{right[chosen].mean():.3f}",
            f"{predictions.probabilities[chosen, 0].mean():.3f}",
        )
        for (subject, label, group), chosen in subjects_by_label(predictions).items()
    ]
    return Table(("subject", "group", "label", "cells", "right", f"mean_p_{predictions.labels[0]}"), tuple(rows))


def abstention_table(models: dict[str, Predictions]) -> Table:
    """Weighted F1 of the answered cells when the least certain are not answered, one column a model."""
    columns = [abstain(own.probabilities, own.targets, ABSTAINED).weighted_f1 for own in models.values()]
    rows = [(percent(share), *(f"{column[i]:.3f}" for column in columns)) for i, share in enumerate(ABSTAINED)]
    return Table(("not answered", *models), tuple(rows))


def change_table(unchanged: Predictions, changed: dict[str, Predictions]) -> Table:
    """Weighted F1 and AUROC on changed pictures, in brackets the difference from the unchanged ones."""
    names = ("weighted_f1", "auroc")
    base = values_of(unchanged.probabilities, unchanged.targets)
    rows = [("unchanged", *(f"{base[name]:.3f}" for name in names))]
    for change, predictions in changed.items():
        own = values_of(predictions.probabilities, predictions.targets)
        rows.append((change, *(f"{own[name]:.3f} ({signed(own[name] - base[name])})" for name in names)))
    return Table(("pictures", *map(metric_name, names)), tuple(rows))


def fold_table(predictions: Predictions, folds: Sequence[int]) -> Table:
    """One row per fold: subject groups, cells, weighted F1, AUROC.

    Args:
        predictions: of all cells.
        folds: the fold of each cell.
    """
    rows = []
    for fold in sorted(set(folds)):
        chosen = np.flatnonzero(np.asarray(folds) == fold)
        values = values_of(predictions.probabilities[chosen], predictions.targets[chosen])
        people = len({predictions.groups[i] for i in chosen})
        rows.append(
            (str(fold), str(people), str(len(chosen)), f"{values['weighted_f1']:.3f}", f"{values['auroc']:.3f}")
        )
    return Table(("fold", "subject groups", "cells", metric_name("weighted_f1"), metric_name("auroc")), tuple(rows))


def decision_table(reached: Reached, rule: Rule) -> Table:
    """What a decision was stated to reach beside what it reached on folds it was not fitted on."""
    rows = (
        ("sensitivity", percent(rule.sensitivity, 1) if rule.sensitivity else "none", percent(reached.sensitivity, 1)),
        ("specificity", "", percent(reached.specificity, 1)),
        ("uncertain", percent(rule.abstain_share, 1), percent(reached.uncertain, 1)),
        ("weighted F1 of what is answered", "", f"{reached.weighted_f1_of_answered:.3f}"),
        (metric_name("ece"), "", f"{reached.ece:.3f}"),
    )
    return Table(("", "stated", "reached"), rows)


def signed(value: float) -> str:
    """Three digits with a sign; a true minus, and no sign on what rounds to zero."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")
