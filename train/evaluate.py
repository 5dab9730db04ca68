"""Judges a model on subjects it never saw and writes the report: numbers, two plots, the table by subject."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_runtime.classifier import Classifier
from edge_runtime.contract import Contract, Scores
from edge_runtime.findings.names import natural_key
from edge_runtime.findings.table import Table
from edge_runtime.notice import RESEARCH_USE
from train.baseline import answer_folds, answer_held, areas
from train.dataset import Cell, Dataset, label_indices, load_pixels
from train.decision import Rule
from train.errors import TrainError
from train.figures import write_png
from train.groups import groups_of
from train.loop import predict
from train.measured import digest_of_file, read_measured
from train.metrics import score
from train.plots import plot_confusion, plot_roc
from train.predictions import Predictions, device_scores
from train.run import Run, load_network
from train.split import Split
from train.tables import score_table, subject_table

HELD_OUT = "They chose nothing of this model: no weight, epoch or threshold."
OUT_OF_FOLD = (
    "The model has learnt from all of them. What is judged are networks of the same recipe, each compressed in the "
    "same way and run as a device runs it, on the people that they never saw (cross-validation by subject group)."
)


@dataclasses.dataclass(frozen=True)
class Judged:
    """A model's predictions beside those of the area alone; `how` says what these people are to the model."""

    model: str
    data: str
    how: str
    predictions: Predictions
    baseline: Predictions


def judge_run(folder: Path, run: Run, dataset: Dataset, groups: dict[str, str]) -> Judged:
    """Judges the float network of a training run.

    Raises:
        TrainError: the data are not those of the run, or it learnt from everyone.
    """
    if Split(run.part_of).is_everyone:
        raise TrainError(
            f"{folder}: has learnt from everyone, so nobody here can judge it; `python -m train crossval` judges "
            "its recipe"
        )
    predictions = run_predictions(folder, run, dataset, groups)
    power = run.config.fit.subject_power
    return _beside_area(f"{run.config.name}, float", run.config.data, predictions, dataset, groups, power)


def judge_bundle(classifier: Classifier, dataset: Dataset, groups: dict[str, str], measured: Path) -> Judged:
    """Judges a bundle, run as a device runs it, or, where it learnt from everyone, by what its contract says it was.

    Args:
        classifier: of the bundle.
        dataset: the cells it was made from.
        groups: the group of each subject that is not alone.
        measured: the file of out-of-fold answers that the scores of a bundle that learnt from everyone come from.

    Raises:
        TrainError: the data are not those of the model, or the file is another than the contract's.
    """
    contract = classifier.contract
    if contract.provenance.out_of_fold_sha256 is not None:
        return _judge_out_of_fold(classifier, dataset, groups, measured)
    predictions = bundle_predictions(classifier, dataset, groups)
    power = Rule.from_text(contract.provenance.recipe).subject_power
    return _beside_area(_name(contract), contract.provenance.data, predictions, dataset, groups, power)


def _beside_area(
    model: str, data: str, predictions: Predictions, dataset: Dataset, groups: dict[str, str], subject_power: float
) -> Judged:
    own = groups_of([cell.subject for cell in dataset.cells], groups)
    area = area_predictions(predictions, dataset, own, subject_power=subject_power)
    return Judged(model, data, HELD_OUT, predictions, area)


def _judge_out_of_fold(classifier: Classifier, dataset: Dataset, groups: dict[str, str], path: Path) -> Judged:
    contract = classifier.contract
    if digest_of_file(path) != contract.provenance.out_of_fold_sha256:
        raise TrainError(
            f"{path}: is not the measurement that {classifier.bundle.path} has its scores from; "
            "give --measured, or make the model again"
        )
    answers = read_measured(path, dataset, groups)
    rule = Rule.from_text(contract.provenance.recipe)
    _, device = answers.decided(rule)
    area = answer_folds(areas(device.cells), device, answers.folds.tolist(), subject_power=rule.subject_power)
    return Judged(_name(contract), contract.provenance.data, OUT_OF_FOLD, device, area)


def _name(contract: Contract) -> str:
    is_float = contract.provenance.recipe.get("precision") == "fp32"
    return f"{contract.name}, {'float' if is_float else 'int8'}"


def run_predictions(folder: Path, run: Run, dataset: Dataset, groups: dict[str, str]) -> Predictions:
    """The float network's answers on its report part, or on everyone where it learnt from everyone.

    Raises:
        TrainError: the data are not those of the run.
    """
    known, here = set(run.part_of), set(groups_of([cell.subject for cell in dataset.cells], groups))
    strange = sorted(known ^ here, key=natural_key)
    if strange:
        raise TrainError(
            f"{dataset.root}: subject group {strange[0]} is only here or only in {folder}; give the --data and "
            "--groups that it was trained with"
        )
    cells, own = _report_part(dataset, groups, run.judged_groups, run.labels)
    pixels = load_pixels(cells, run.config.picture.spec)
    return Predictions(cells, own, run.labels, predict(load_network(folder), pixels).astype(np.float64))


def bundle_predictions(classifier: Classifier, dataset: Dataset, groups: dict[str, str]) -> Predictions:
    """A bundle's answers on the subjects that its contract names, from the files' bytes, as a device gives them.

    Raises:
        TrainError: the data are not those of the model.
    """
    contract = classifier.contract
    cells, own = judged_cells(dataset, groups, contract)
    return Predictions(cells, own, contract.labels, classifier.calibrate(device_scores(classifier, cells)))


def judged_cells(
    dataset: Dataset, groups: dict[str, str], contract: Contract
) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """The cells of the subjects that a contract names, and the group of each.

    Raises:
        TrainError: the data are not those of the model.
    """
    named = contract.provenance.report_subjects
    cells, own = _report_part(dataset, groups, set(groups_of(named, groups)), contract.labels)
    learnt = sorted({cell.subject for cell in cells} - set(named), key=natural_key)
    if learnt:
        raise TrainError(
            f"{dataset.root}: subject {learnt[0]} is grouped with a report subject here, and the model may have learnt "
            "from it; give the --groups that the model was made with"
        )
    return cells, own


def _report_part(
    dataset: Dataset, groups: dict[str, str], wanted: set[str], labels: tuple[str, ...]
) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """The cells of the wanted groups, and the group of each."""
    if labels != dataset.labels:
        raise TrainError(
            f"{dataset.root}: labels are {', '.join(dataset.labels)}, the model's are {', '.join(labels)}; "
            "give the data the model was made from"
        )
    own = groups_of([cell.subject for cell in dataset.cells], groups)
    missing = sorted(wanted - set(own), key=natural_key)
    if missing:
        raise TrainError(
            f"{dataset.root}: no cells of report subject {missing[0]}; give the data the model was made from"
        )
    chosen = [i for i, group in enumerate(own) if group in wanted]
    return tuple(dataset.cells[i] for i in chosen), tuple(own[i] for i in chosen)


def area_predictions(judged: Predictions, dataset: Dataset, own: Sequence[str], *, subject_power: float) -> Predictions:
    """What area alone answers on the same cells, fitted on all other subject groups.

    Args:
        judged: the cells to answer, in the order of the data set: all of their groups.
        dataset: all cells.
        own: the subject group of each cell of `dataset`.
        subject_power: a subject group of n cells weighs n ** (1 - subject_power), as in training.
    """
    targets, held = label_indices(dataset.cells, dataset.labels), np.isin(own, judged.groups)
    probabilities = answer_held(areas(dataset.cells), targets, own, held, subject_power=subject_power)
    return dataclasses.replace(judged, probabilities=probabilities)


def write_report(judged: Judged, folder: Path) -> dict[str, Scores]:
    """Writes `report.md`, `scores.json`, `predictions.csv`, `subjects.csv`, `confusion.png` and `roc.png`.

    Returns:
        The scores of the model and of the area-only baseline.

    Raises:
        TrainError: the folder cannot be written.
    """
    parts = {judged.model: judged.predictions, "area alone": judged.baseline}
    scores = {name: score(p.probabilities, p.targets, p.groups) for name, p in parts.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        judged.predictions.write_csv(folder / "predictions.csv")
        (folder / "scores.json").write_text(
            json.dumps({name: dataclasses.asdict(value) for name, value in scores.items()}, indent=2) + "\n", "utf-8"
        )
        subjects = subject_table(judged.predictions)
        (folder / "subjects.csv").write_text(subjects.csv(), "utf-8")
        write_png(plot_confusion(judged.predictions), folder / "confusion.png")
        write_png(plot_roc(parts), folder / "roc.png")
        (folder / "report.md").write_text(_report(judged, scores, subjects), "utf-8")
    except OSError as error:
        raise TrainError(f"{folder}: cannot be written ({error.strerror}); give another --out") from None
    return scores


def scores_table(scores: dict[str, Scores]) -> str:
    """A Markdown table, one row a metric, one column a model, each with its interval."""
    return score_table({name: vars(own) for name, own in scores.items()}).markdown()


def _report(judged: Judged, scores: dict[str, Scores], subjects: Table) -> str:
    predictions = judged.predictions
    return f"""# {judged.model}: report

{RESEARCH_USE}

{len(predictions.cells)} cells of {len(set(predictions.groups))} subject groups. {judged.how}
Intervals are 95 %, from a bootstrap over subject groups. `{predictions.labels[0]}` is the
positive label of sensitivity and specificity. Data: {judged.data}.

{scores_table(scores)}

![Confusion matrix](confusion.png)
![ROC](roc.png)

## By subject

{subjects.markdown()}
"""
