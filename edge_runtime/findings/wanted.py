"""What the user wants beside rows, and the options that say so."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@dataclass(frozen=True)
class Wanted:
    """The options below; None is not wanted."""

    group_by: str | None = None
    groups: Path | None = None
    people: Path | None = None
    truth: str | None = None
    report: Path | None = None
    sort_into: Path | None = None

    def check(self, paths: tuple[str, ...], camera: str | None) -> None:
        """Refuses what does not go together.

        Raises:
            click.UsageError: see there.
        """
        if self.group_by is None and (self.groups or self.people):
            raise click.UsageError(f"--{'groups' if self.groups else 'people'} goes with --group-by.")
        if camera is not None and (self.group_by or self.truth or self.sort_into):
            raise click.UsageError("--group-by, --truth and --sort-into go with PATH, not with --camera.")
        if self.sort_into is not None:
            inside = os.path.realpath(self.sort_into)
            for path in paths:
                if os.path.isdir(path) and os.path.commonpath([inside, os.path.realpath(path)]) == os.path.realpath(
                    path
                ):
                    raise click.UsageError(
                        f"--sort-into {self.sort_into} lies in {path}, which is read; give another folder."
                    )


_OPTIONS = (
    click.option(
        "--group-by",
        metavar="RULE",
        help="Sum up by person: `subject` (C-NMC file names), `folder`, or a regular expression whose first group "
        "in the path is the person.",
    ),
    click.option("--groups", type=_PATH, help="CSV subject,group: ids that are one person. Goes with --group-by."),
    click.option("--people", type=_PATH, help="Write the summary by person as CSV. Goes with --group-by."),
    click.option(
        "--truth",
        metavar="SOURCE",
        help="Score the answers: `folder` (named as the labels), `c-nmc` (file names), or a CSV path,label. Intervals "
        "are by person, so they need --group-by.",
    ),
    click.option("--report", type=_PATH, help="Write one HTML page with everything, doubtful cells shown."),
    click.option(
        "--sort-into", type=_PATH, help="Link (else copy) the pictures into DIR/LABEL, DIR/uncertain, DIR/error."
    ),
)


def wanted_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options to a command, which gets them as one `wanted`."""

    @functools.wraps(command)
    def with_wanted(**given: Any) -> None:
        command(wanted=Wanted(**{field.name: given.pop(field.name) for field in fields(Wanted)}), **given)

    decorated: Callable[..., None] = with_wanted
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def options_given() -> dict[str, str]:
    """The options that were given on the command line or by a variable, by name; addresses without passwords."""
    from edge_runtime.sources.address import shown

    context = click.get_current_context()
    given = {}
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) not in (None, click.core.ParameterSource.DEFAULT):
            value = context.params[name]
            given[max(parameter.opts, key=len)] = ", ".join(
                map(shown, map(str, value if isinstance(value, tuple) else (value,)))
            )
    return given
