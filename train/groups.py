"""Subject groups: the ids that are one person, or must stay together; the unit of every split and interval."""

import csv
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from train.errors import TrainError

COLUMNS = ("subject", "group")
C_NMC_GROUPS = Path(str(resources.files("train"))) / "groups" / "c-nmc.csv"


def read_groups(path: Path) -> dict[str, str]:
    """Reads a `subject,group` CSV as `audit --groups` writes it.

    Raises:
        TrainError: not readable, not of this form, or a subject in two groups.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise TrainError(f"{path}: line 1 must be {','.join(COLUMNS)}")
            groups: dict[str, str] = {}
            for row in reader:
                subject, group = row["subject"], row["group"]
                if not subject or not group or subject in groups:
                    raise TrainError(f"{path}: line {reader.line_num}: each subject stands once, with its group")
                groups[subject] = group
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainError(
            f"{path}: not a readable CSV ({error}); `python -m train audit DIR --groups FILE` writes one"
        ) from None
    return groups


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


def natural_key(subject: str) -> tuple[str, int, str]:
    """Sorts `2` before `10` and both before `H2`."""
    prefix = subject.rstrip("0123456789")
    return prefix, int(subject[len(prefix) :] or -1), subject
