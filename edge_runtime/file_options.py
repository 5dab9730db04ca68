"""Options of the command for runs over files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_runtime.sinks.suffixes import WHOLE_SUFFIX

Command = TypeVar("Command", bound=Callable[..., Any])

# By which no row changes, so that a run may be resumed with others. The model is compared by its content.
_WITHOUT_EFFECT_ON_ROWS = frozenset(
    {
        "output",
        "overwrite",
        "resume",
        "threads",
        "model",
        "report",
        "group_by",
        "groups",
        "people",
        "truth",
        "sort_into",
        "annotate",
        "cluster",
        "part_size",
        "camera",
        "camera_settings",
        "reconnect",
        "session",
        "keep_uncertain",
        "keep_budget",
        "live",
        "self_test",
        "info",
        "wanted",
        "camera_options",
        "field_options",
    }
)


def file_options(command: Command) -> Command:
    """Adds `--resume` and `--watch`."""
    resume = click.option(
        "--resume", is_flag=True, help="Go on where a stopped run into --output ended; begin when there is none."
    )
    watch = click.option(
        "--watch", is_flag=True, help="Classify what comes into the folders too, until stopped (extra: watch)."
    )
    return resume(watch(command))


def check_file_options(
    paths: tuple[str, ...], output: Path | None, *, overwrite: bool, resume: bool, watch: bool, cluster: bool
) -> None:
    """Refuses combinations that mean nothing.

    Raises:
        click.UsageError: says which.
    """
    if resume and (output is None or not paths):
        raise click.UsageError("--resume goes with PATH and --output.")
    if resume and output is not None and output.suffix.lower() == WHOLE_SUFFIX and not cluster:
        raise click.UsageError("--resume goes with a .csv or .jsonl --output: a Parquet file is there only at the end.")
    if resume and overwrite:
        raise click.UsageError("Give one of: --resume, --overwrite.")
    if watch and (not paths or "-" in paths):
        raise click.UsageError("--watch goes with folders.")


def options_that_matter(parameters: Mapping[str, Any], runtime: str) -> dict[str, object]:
    """Those of the given options by which rows change, by the name the user knows.

    Args:
        parameters: of the command, by their name in Python.
        runtime: the one that is used, chosen or not.
    """
    given = {
        "PATH" if name == "paths" else f"--{name.strip('_').replace('_', '-')}": value
        for name, value in parameters.items()
        if name not in _WITHOUT_EFFECT_ON_ROWS and value not in (None, False, ())
    }
    return given | {"PATH": " ".join(map(repr, parameters["paths"])), "--runtime": runtime}
