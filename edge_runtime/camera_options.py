"""The options of `edge-classify --camera`, as one bundle."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from edge_runtime.live.option import live_option

_DEFAULT_BUDGET_MB = 500.0


@dataclass(frozen=True)
class CameraOptions:
    """What was asked of a camera run.

    Attributes:
        settings: `key=value` texts for the camera.
        reconnect_s: how long a lost camera is tried again; None is for ever.
        session: folder that gets a new file of rows each run.
        keep_uncertain: folder for pictures of uncertain cells.
        keep_budget_mb: what these may take on the disk.
        live: address of the page; None when none is served.
    """

    settings: tuple[str, ...] = ()
    reconnect_s: float | None = None
    session: Path | None = None
    keep_uncertain: Path | None = None
    keep_budget_mb: float = _DEFAULT_BUDGET_MB
    live: str | None = None

    def check(self, *, camera: bool, output: bool) -> None:
        """Refuses what does not go together.

        Raises:
            click.UsageError: options of a camera without one, or two places for the rows.
        """
        if self != CameraOptions() and not camera:
            raise click.UsageError("--camera-option, --reconnect, --session, --live and --keep-... go with --camera.")
        if self.session is not None and output:
            raise click.UsageError("Give one of: --output, --session.")
        if self.keep_budget_mb != _DEFAULT_BUDGET_MB and self.keep_uncertain is None:
            raise click.UsageError("--keep-budget goes with --keep-uncertain.")


_FOLDER = click.Path(path_type=Path, file_okay=False)
_OPTIONS = (
    click.option(
        "--camera-option",
        "camera_settings",
        metavar="KEY=VALUE",
        multiple=True,
        help="Set a camera of this machine: size=1280x720, fps=30, exposure=8 (ms) or lock, gain=2, "
        "white-balance=4600 (kelvin) or lock. May be repeated.",
    ),
    click.option(
        "--reconnect",
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        help="Give a lost camera up after so long; without it, it is tried for ever.",
    ),
    click.option(
        "--session",
        type=_FOLDER,
        help="Write a new file of rows there each run, on the disk within a second, whatever happens.",
    ),
    click.option("--keep-uncertain", type=_FOLDER, help="Keep pictures of uncertain cells there."),
    click.option(
        "--keep-budget",
        metavar="MB",
        type=click.FloatRange(min=0, min_open=True),
        default=_DEFAULT_BUDGET_MB,
        show_default=True,
        help="What these may take; the oldest go first.",
    ),
    live_option,
)


def camera_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options to a command, which gets them as `camera_options`."""

    @wraps(command)
    def bundled(
        *args: Any,
        camera_settings: tuple[str, ...],
        reconnect: float | None,
        session: Path | None,
        keep_uncertain: Path | None,
        keep_budget: float,
        live: str | None,
        **others: Any,
    ) -> None:
        options = CameraOptions(camera_settings, reconnect, session, keep_uncertain, keep_budget, live)
        command(*args, camera_options=options, **others)

    decorated: Callable[..., None] = bundled
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
