"""Subject groups: the ids that are one person, or must stay together; the unit of every split and interval."""

import csv
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from edge_runtime.findings.groups import COLUMNS
from edge_runtime.findings.names import natural_key
from train.errors import TrainError

C_NMC_GROUPS = Path(str(resources.files("train"))) / "groups" / "c-nmc.csv"


def write_groups(path: Path, groups: dict[str, str]) -> None:
    """Writes the `subject,group` CSV."""
    try:
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(sorted(groups.items()))
    except OSError as error:
        raise TrainError(f"{path}: cannot be written ({error.strerror})") from None


def groups_of(subjects: Sequence[str], groups: dict[str, str]) -> list[str]:
    """The group of each subject; one the file does not name is a group of its own."""
    return [groups.get(subject, subject) for subject in subjects]


def join(subjects: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Groups subjects that are connected by pairs (union-find); a group is named by its members.

    Returns:
        The group of every subject that has more than one member in it.
    """
    parent = {subject: subject for subject in subjects}

    def root(subject: str) -> str:
        while parent[subject] != subject:
            parent[subject] = parent[parent[subject]]
            subject = parent[subject]
        return subject

    for a, b in pairs:
        parent[root(a)] = root(b)
    members: dict[str, list[str]] = {}
    for subject in sorted(parent, key=natural_key):
        members.setdefault(root(subject), []).append(subject)
    return {subject: "+".join(group) for group in members.values() if len(group) > 1 for subject in group}
