"""Which person a picture is of, as its path says."""

import os
import re
from collections.abc import Callable

from edge_runtime.errors import InputError
from edge_runtime.findings.names import parse_c_nmc_name

Grouping = Callable[[str], str | None]
"""The person of a path; None where the path names none."""

SUBJECT, FOLDER = "subject", "folder"


def grouping_of(rule: str, groups: dict[str, str]) -> Grouping:
    """Reads a rule.

    Args:
        rule: `subject`: as C-NMC names its files; `folder`: the folder a picture is in; else a regular expression that
            is searched for in the path and whose first group is the person.
        groups: subjects that are one person, by subject; see `edge_runtime.findings.groups`.

    Raises:
        InputError: not one of these.
    """
    if rule == SUBJECT:
        find: Grouping = _subject
    elif rule == FOLDER:
        find = os.path.dirname
    else:
        find = _by_pattern(rule)

    def person_of(path: str) -> str | None:
        person = find(path)
        return person if person is None else groups.get(person, person)

    return person_of


def _subject(path: str) -> str | None:
    try:
        return parse_c_nmc_name(os.path.basename(path))[0]
    except ValueError:
        return None


def _by_pattern(text: str) -> Grouping:
    advice = f"give {SUBJECT}, {FOLDER}, or a pattern with a group, such as 'slide_([0-9]+)_'"
    try:
        pattern = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"--group-by {text!r}: not a regular expression ({error}); {advice}") from None
    if not pattern.groups:
        raise InputError(f"--group-by {text!r}: has no group in brackets that is the person; {advice}")

    def find(path: str) -> str | None:
        found = pattern.search(path)
        return (found[1] or None) if found else None

    return find
