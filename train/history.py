"""What each epoch of a run reached, in a CSV that a person can read, and which epoch is kept."""

from pathlib import Path

from train.errors import TrainError
from train.files import write_whole

HISTORY = "history.csv"


def read_history(path: Path, epochs: int) -> list[dict[str, float]]:
    """The first so many epochs, from what `write_history` wrote.

    Raises:
        TrainError: not so many are there.
    """
    if not epochs:
        return []
    try:
        header, *lines = path.read_text("utf-8").splitlines()
        rows = [dict(zip(header.split(","), map(float, line.split(",")), strict=True)) for line in lines[:epochs]]
    except (OSError, ValueError):
        rows = []
    if [row.get("epoch") for row in rows] != list(range(1, epochs + 1)):
        raise TrainError(
            f"{path}: damaged, or without the {epochs} epochs of the checkpoint beside it; delete the folder or give "
            "another"
        )
    return rows


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Writes a row an epoch; all have the same names.

    Raises:
        TrainError: it cannot be written.
    """
    lines = [",".join(history[0]), *(",".join(str(value) for value in row.values()) for row in history)]
    write_whole(path, ("\n".join(lines) + "\n").encode())


def best_row(history: list[dict[str, float]]) -> dict[str, float]:
    """The epoch kept: where nothing selects, the last."""
    if "select_auroc" not in history[-1]:
        return history[-1]
    return max(history, key=lambda row: row["select_auroc"])


def is_patience_over(history: list[dict[str, float]], patience: int) -> bool:
    """Whether so many epochs, if any, have gone by since the best one."""
    return bool(patience and history) and history[-1]["epoch"] - best_row(history)["epoch"] >= patience
