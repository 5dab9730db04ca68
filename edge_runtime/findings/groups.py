"""The `subject,group` file: ids that are one person, or must stay together; the unit of every interval."""

import csv
from pathlib import Path

from edge_runtime.errors import InputError

COLUMNS = ("subject", "group")


def read_groups(path: Path) -> dict[str, str]:
    """Reads a `subject,group` CSV as `audit --groups` writes it.

    Raises:
        InputError: not readable, not of this form, or a subject in two groups.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise InputError(f"{path}: line 1 must be {','.join(COLUMNS)}")
            groups: dict[str, str] = {}
            for row in reader:
                subject, group = row["subject"], row["group"]
                stands = all(value and value == value.strip() for value in (subject, group))
                if None in row or not stands or subject in groups:
                    raise InputError(
                        f"{path}: line {reader.line_num}: each subject stands once, with its group, without blanks"
                    )
                groups[subject] = group
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: not a readable CSV ({error}); `python -m train audit DIR --groups FILE` writes one"
        ) from None
    return groups
