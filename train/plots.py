"""The report's two pictures: confusion matrix and ROC."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from train.metrics import answers_of
from train.predictions import Predictions

_DPI = 120


def write_confusion(predictions: Predictions, path: Path) -> None:
    """Cells by true label (rows) and answer (columns), shaded by the share of the row."""
    labels = predictions.labels
    counts = confusion_matrix(predictions.targets, answers_of(predictions.probabilities), labels=range(len(labels)))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = _axes()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        axes.text(
            column, row, f"{count}\n{share:.1%}", ha="center", va="center", color="white" if share > 0.5 else "black"
        )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title("Cells of the report subjects")
    _save(figure, path)


def write_roc(models: dict[str, Predictions], path: Path) -> None:
    """Sensitivity for the first label against 1 - specificity, one curve a model, the operating point marked."""
    figure, axes = _axes()
    for name, predictions in models.items():
        positive = predictions.targets == 0
        values = predictions.probabilities[:, 0]
        false_rate, true_rate, _ = roc_curve(positive, values)
        (line,) = axes.plot(false_rate, true_rate, label=f"{name}: AUROC {roc_auc_score(positive, values):.3f}")
        answered = answers_of(predictions.probabilities) == 0
        axes.plot(answered[~positive].mean(), answered[positive].mean(), "o", color=line.get_color())
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel(f"sensitivity for {next(iter(models.values())).labels[0]}")
    axes.set_title("Report subjects; the dots are the operating points")
    axes.set_aspect("equal")
    axes.legend(loc="lower right")
    _save(figure, path)


def _axes() -> tuple[Any, Any]:
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)
