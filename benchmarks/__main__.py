"""`python -m benchmarks`: report, live, soak, kills."""

import tempfile
from pathlib import Path

import click

from benchmarks.kills import WrongResultError, kill_and_resume
from benchmarks.table import ReportError, markdown_of, read_report

_PATH = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Report what `pytest benchmarks` measured; measure what takes processes of its own."""


@group.command()
@click.argument("file", type=_PATH)
@click.option("--out", type=_PATH, help="Write the table to this file too.")
def report(file: Path, out: Path | None) -> None:
    """Print FILE, made with --benchmark-json, as a Markdown table."""
    try:
        table = markdown_of(read_report(file))
        if out is not None:
            out.write_text(f"{table}\n", encoding="utf-8")
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    click.echo(table)


@group.command()
@click.option("--seconds", type=click.FloatRange(1), default=10.0, show_default=True, help="Of each part of a round.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--camera-fps", type=click.FloatRange(1), help="Frames a second of the camera; without it no wait.")
def live(seconds: float, rounds: int, camera_fps: float | None) -> None:
    """Measure what the page of --live costs with five browsers connected."""
    from benchmarks.live_page import measure

    result = measure(camera_fps=camera_fps, seconds=seconds, rounds=rounds)
    click.echo(result)
    if not result.reached:
        raise click.ClickException("not all was reached; run it on a quiet machine")


@group.command()
@click.option("--frames", default=30_000, show_default=True, help="Classified while memory is watched.")
@click.option("--stops", default=50, show_default=True, help="Times the camera is killed and started again.")
@click.option("--seconds", default=60.0, show_default=True, help="Of measuring how old a frame is when it is decided.")
@click.option("--out", type=_PATH, help="Write the numbers to this JSON file.")
def soak(frames: int, stops: int, seconds: float, out: Path | None) -> None:
    """Run a live camera for long: memory, the way back when it is lost, age of a frame."""
    from benchmarks.soak import soak as run_soak
    from benchmarks.soak import write

    results = run_soak(frames=frames, stops=stops, seconds=seconds, say=click.echo)
    if out is not None:
        write(results, out)
    if not all(result.reached for result in results):
        raise click.ClickException("not all was reached; run it on a quiet machine")


@group.command()
@click.argument("folder", type=_PATH)
@click.option("--count", type=click.IntRange(1), default=100, show_default=True, help="How many runs die.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the moments.")
def kills(folder: Path, count: int, seed: int) -> None:
    """Kill runs over FOLDER at random moments, resume them and compare their files."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for files, killed in enumerate(kill_and_resume(folder, Path(scratch), kills=count, seed=seed), 1):
                click.echo(f"{killed} kills, {files} files, all identical")
        except WrongResultError as error:
            raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    group(prog_name="python -m benchmarks")
