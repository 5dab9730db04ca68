"""Options of the command for runs on a cluster."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_runtime.cluster.spread import Spread

_PART_SIZE = 1000  # pictures; at some 2 ms each a lost part costs seconds, and ten million make ten thousand files


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--cluster` and `--part-size`."""
    cluster = click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Spread the run over the workers of a dask scheduler, on storage they share; `local` or `local:N` starts "
        "workers here. --output becomes a folder of parts.",
    )
    part_size = click.option(
        "--part-size",
        type=click.IntRange(1, 1_000_000),
        default=_PART_SIZE,
        show_default=True,
        help="Pictures in a part of a --cluster run.",
    )
    return cluster(part_size(command))


def check_cluster_options(
    paths: tuple[str, ...], output: Path | None, *, cluster: str | None, watch: bool, delegate: str | None
) -> None:
    """Refuses combinations that mean nothing.

    Raises:
        click.UsageError: says which.
    """
    if cluster is not None and (output is None or not paths):
        raise click.UsageError("--cluster goes with PATH and --output.")
    if cluster is not None and watch:
        raise click.UsageError("Give one of: --cluster, --watch.")
    if cluster is not None and delegate is not None:
        raise click.UsageError("Give one of: --cluster, --delegate.")


def spread_of(parameters: Mapping[str, Any]) -> "Spread":
    """What is asked of a cluster.

    Args:
        parameters: of the command, by their name in Python.
    """
    from edge_runtime.cluster.spread import Spread

    rows_hang_on = ("threshold", "runtime", "input_", "um_per_pixel")
    return Spread(
        address=parameters["cluster"],
        part_size=parameters["part_size"],
        output=parameters["output"],
        overwrite=parameters["overwrite"],
        resume=parameters["resume"],
        options={name: str(parameters[name]) for name in rows_hang_on if parameters[name] is not None},
        runtime=parameters["runtime"],
        threshold=parameters["threshold"],
    )
