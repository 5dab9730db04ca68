"""`python -m benchmarks`: report, latency, peers, compare, instructions, parity, fields, guard, live, soak, kills."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from benchmarks.boards import BOARDS
from benchmarks.compare import compare as compare_reports
from benchmarks.compare import markdown_of as compare_markdown
from benchmarks.compare import read_latency
from benchmarks.instructions import as_json, count_instructions, count_operators, default_models, operators_table
from benchmarks.instructions import markdown_of as instructions_table
from benchmarks.kills import WrongResultError, kill_and_resume
from benchmarks.latency import COLD_RUNS, QUERIES, QUICK_COLD_RUNS, QUICK_QUERIES, measure
from benchmarks.latency_page import markdown_of as latency_markdown
from benchmarks.latency_page import page_of
from benchmarks.machine import board_slug
from benchmarks.parity import ParityError
from benchmarks.parity import markdown_of as parity_table
from benchmarks.parity_matrix import measure_parity, write_parity
from benchmarks.peers.measure import PICTURES as PEER_PICTURES
from benchmarks.peers.measure import QUICK_ROUNDS, ROUNDS, measure_peers
from benchmarks.peers.table import markdown_of as peers_table
from benchmarks.pictures import REFERENCES, PicturesError, cell_paths, sample_paths
from benchmarks.table import ReportError, markdown_of, read_report
from benchmarks.userland import UserlandError
from edge_runtime.classifier import DEFAULT_MODEL

_PATH = click.Path(path_type=Path)
_LATENCY_CELLS = 256


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Measure, and report what was measured."""


@contextmanager
def one_line(out: Path | None, option: str = "--out") -> Iterator[None]:
    """Says in one line what could not be measured, or not be written to `out`, which `option` gave."""
    try:
        yield
    except (ParityError, PicturesError, ReportError, UserlandError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        if out is not None and error.filename is not None and not _is_of(out, Path(os.fsdecode(error.filename))):
            raise click.ClickException(f"{error.filename}: {error.strerror}; check it and the disk it is on") from None
        raise click.ClickException(f"{out}: cannot be written ({error.strerror}); give another {option}") from None


def _is_of(out: Path, path: Path) -> bool:
    """Whether a path is what is written, is in it, or is where it is or is made."""
    return out in (path, *path.parents) or out.parent in (path, path.parent)


@group.command()
@click.argument("file", type=_PATH)
@click.option("--out", type=_PATH, help="Write the table to this file too.")
def report(file: Path, out: Path | None) -> None:
    """Print FILE, made with --benchmark-json, as a Markdown table."""
    with one_line(out):
        table = markdown_of(read_report(file))
        if out is not None:
            out.write_text(f"{table}\n", encoding="utf-8")
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


@group.command()
@click.option("--quick", is_flag=True, help="Fewer repeats.")
@click.option("--out", type=_PATH, default=Path("benchmarks/results"), show_default=True, help="Folder to write to.")
@click.option("--peers/--no-peers", "with_peers", default=True, help="Also time others' ways from a file to a label.")
@click.option("--install", is_flag=True, help="Fetch peers that need an environment of their own, where they are not.")
def latency(quick: bool, out: Path, with_peers: bool, install: bool) -> None:
    """Measure latency by stage, start and memory, and peers; write latency.json, latency.md and latency.html.

    The machine's own reference, benchmarks/reference/BOARD.json, is compared with where there is one.
    """
    paths = _cells(_LATENCY_CELLS)
    measured = measure(
        paths,
        queries=QUICK_QUERIES if quick else QUERIES,
        cold_runs=QUICK_COLD_RUNS if quick else COLD_RUNS,
        say=lambda text: click.echo(text, err=True),
    )
    if with_peers:
        measured["peers"] = measure_peers(
            paths,
            rounds=QUICK_ROUNDS if quick else ROUNDS,
            install=install,
            say=lambda text: click.echo(text, err=True),
        )
    with one_line(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "latency.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        (out / "latency.md").write_text(latency_markdown(measured), encoding="utf-8")
        (out / "latency.html").write_text(page_of(measured), encoding="utf-8")
    click.echo(latency_markdown(measured))
    reference = REFERENCES / f"{board_slug(measured['machine'])}.json"
    if reference.is_file():
        _compare(reference, out / "latency.json")
    else:
        click.echo(f"No reference for this machine; keep {out / 'latency.json'} as {reference.name} beside the others.")


@group.command()
@click.argument("before", type=_PATH)
@click.argument("after", type=_PATH)
def compare(before: Path, after: Path) -> None:
    """Compare two latency.json; exit 1 where a median changed by more than the tolerance, in either direction."""
    _compare(before, after)


def _compare(before: Path, after: Path) -> None:
    try:
        old, new = read_latency(before), read_latency(after)
        click.echo(compare_markdown(old, new))
        changed = [change.name for change in compare_reports(old, new) if change.verdict != "same"]
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    if changed:
        raise click.ClickException(f"changed by more than the tolerance: {', '.join(changed)}")


@group.command()
@click.argument("models", type=_PATH, nargs=-1)
@click.option("--board", "boards", type=click.Choice(list(BOARDS)), multiple=True, help="Both when not given.")
@click.option("--operators", is_flag=True, help="What each operator adds instead; some minutes a model and board.")
@click.option("--json", "json_file", type=_PATH, help="Write the counts to this file too.")
def instructions(models: tuple[Path, ...], boards: tuple[str, ...], operators: bool, json_file: Path | None) -> None:
    """Count the instructions a Raspberry Pi executes for one inference of each of MODELS, under QEMU.

    Without MODELS: the shipped one, the float one beside it and the MobileNetV1 0.25 of 128 pixels in
    $EDGE_CLASSIFY_WEIGHTS.
    """
    with one_line(json_file, "--json"):
        chosen = models or default_models()
        count = count_operators if operators else count_instructions
        counted = [[count(model, board) for board in boards or BOARDS] for model in chosen]
        every = [result for results in counted for result in results]
        if json_file is not None:
            json_file.write_text(as_json(every), encoding="utf-8")
    click.echo("\n\n".join(map(operators_table, counted)) if operators else instructions_table(every))


@group.command()
@click.option("--cells", type=click.IntRange(1), default=1000, show_default=True, help="Real cells, spread evenly.")
@click.option(
    "--emulated", type=click.IntRange(0), default=50, show_default=True, help="Of these, how many also on aarch64."
)
@click.option("--model", type=_PATH, default=DEFAULT_MODEL, show_default="the shipped one", help="Bundle.")
@click.option("--run", "run_folder", type=_PATH, help="Training run of the model: its float and QAT networks, too.")
@click.option("--out", type=_PATH, default=Path("benchmarks/results/parity"), show_default=True, help="Folder.")
def parity(cells: int, emulated: int, model: Path, run_folder: Path | None, out: Path) -> None:
    """Compare every way to run a network: runtimes, kernels, threads, processors, before export, float.

    Writes parity.json, parity.md and every way's answers, a JSON each.
    """
    with one_line(out):
        measured = measure_parity(
            cell_paths(cells),
            emulated=min(emulated, cells),
            model=model.resolve(),
            run=run_folder,
            say=lambda text: click.echo(text, err=True),
        )
        write_parity(measured, out)
    click.echo(parity_table(measured.rows, measured.missing))
    broken = [row.way for row in measured.rows if row.broken]
    if broken:
        raise click.ClickException(f"bits differ that must be equal: {'; '.join(broken)}")


@group.command()
@click.option("--quick", is_flag=True, help="Fewer rounds.")
@click.option("--install/--no-install", default=True, help="Make environments for peers that need one of their own.")
@click.option("--out", type=_PATH, help="Write the numbers to this JSON file too.")
def peers(quick: bool, install: bool, out: Path | None) -> None:
    """Time others' ways from a file to a label beside ours, in turn; MediaPipe and tflite-runtime are fetched."""
    measured = measure_peers(
        _cells(PEER_PICTURES),
        rounds=QUICK_ROUNDS if quick else ROUNDS,
        install=install,
        say=lambda text: click.echo(text, err=True),
    )
    if out is not None:
        with one_line(out):
            out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    click.echo(peers_table(measured))


def _cells(count: int) -> list[Path]:
    """Real cells, or where there are none the drawn samples."""
    try:
        return cell_paths(count)
    except PicturesError as error:
        click.echo(f"{error}; measuring on the drawn samples", err=True)
        return sample_paths()


@group.command()
@click.option("--quick", is_flag=True, help="On a sixth of the fields and few cells.")
@click.option("--out", type=_PATH, default=Path("benchmarks/results/fields"), show_default=True, help="Folder.")
def fields(quick: bool, out: Path) -> None:
    """Measure how well white cells are found in whole fields; write fields.md and contact-sheet.png.

    The finder was tuned on one half of BCCD, the table is of the other; the cells pasted into fields are C-NMC's.
    """
    import cv2

    from benchmarks.contact_sheet import draw_contact_sheet
    from benchmarks.fields import markdown_of as fields_table
    from benchmarks.fields import measure as measure_fields

    with one_line(out):
        found = measure_fields(quick=quick, say=lambda text: click.echo(text, err=True))
        out.mkdir(parents=True, exist_ok=True)
        (out / "fields.md").write_text(fields_table(found) + "\n", encoding="utf-8")
        (out / "contact-sheet.png").write_bytes(cv2.imencode(".png", draw_contact_sheet(found.odd))[1].tobytes())
    click.echo(fields_table(found))


@group.command()
@click.option("--pictures", type=click.IntRange(1), default=200, show_default=True, help="Of each kind.")
@click.option("--out", type=_PATH, help="Write the table to this file too.")
def guard(pictures: int, out: Path | None) -> None:
    """Show the shipped model what is no training cell: drawn, C-NMC's cells changed, and the cells of BCCD."""
    from benchmarks.guard import markdown_of as guard_table
    from benchmarks.guard import measure as measure_guard
    from edge_runtime.classifier import Classifier

    classifier = Classifier.from_file()
    catches, missing = measure_guard(classifier, pictures, lambda text: click.echo(text, err=True))
    table = guard_table(catches, missing, classifier.contract.guard.false_alarms)
    with one_line(out):
        if out is not None:
            out.write_text(f"{table}\n", encoding="utf-8")
    click.echo(table)


if __name__ == "__main__":
    group(prog_name="python -m benchmarks")
