"""Names of cells and people: the C-NMC file names, and the order in which people count."""

import os
import re

from edge_runtime.sources.folder import PICTURE_SUFFIXES

# UID_<subject>_<image>_<cell>_<all|hem>; normal subjects are H<n>, some spelled h<n> (C-NMC 2019).
_C_NMC_NAME = re.compile(r"UID_(?P<subject>[Hh]?\d+)_(\d+)_(\d+)_(?P<label>all|hem)", re.ASCII)


def parse_c_nmc_name(name: str) -> tuple[str, str]:
    """Reads subject and label from a C-NMC file name.

    Raises:
        ValueError: the name does not parse, or a normal subject is labelled leukemic or the reverse.
    """
    stem, suffix = os.path.splitext(name)
    match = _C_NMC_NAME.fullmatch(stem)
    if match is None or suffix.lower() not in PICTURE_SUFFIXES:
        raise ValueError(f"{name} is not UID_<subject>_<image>_<cell>_<all|hem>.<suffix>")
    subject, label = match["subject"].upper(), match["label"]
    if subject.startswith("H") != (label == "hem"):
        raise ValueError(f"{name} names a subject of the other class")
    return subject, label


def natural_key(subject: str) -> tuple[str, int, str]:
    """Sorts `2` before `10` and both before `H2`."""
    prefix = subject.rstrip("0123456789")
    return prefix, int(subject[len(prefix) :] or -1), subject
