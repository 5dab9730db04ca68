"""The command `edge-classify`: options to source, classifier and sink; errors to exit codes."""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from edge_runtime.errors import EdgeClassifyError, InputError, ModelError
from edge_runtime.version import __version__

# cv2 and LiteRT are imported inside the functions that need them, so that --help and --version answer at once.
if TYPE_CHECKING:
    from edge_runtime.classifier import Classifier
    from edge_runtime.interpreter import RuntimeName
    from edge_runtime.pipeline import Tally
    from edge_runtime.row import Row
    from edge_runtime.sinks.sink import Sink
    from edge_runtime.sources.frame import Frame

RESEARCH_USE = "Research use only; not a medical device."
EXIT_CANNOT_RUN, EXIT_SOME_UNREADABLE, EXIT_INTERRUPTED = 1, 3, 130
# Set to 1 to see what OpenCV, FFmpeg and LiteRT themselves print.
NATIVE_LOG_VARIABLE = "EDGE_CLASSIFY_NATIVE_LOG"
_PROGRESS_EVERY = 25


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 all read; 1 cannot run; 2 usage; 3 finished, some inputs unreadable; 130 interrupted. "
        + RESEARCH_USE
    ),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "--camera",
    metavar="[SOURCE]",
    is_flag=False,
    flag_value="0",
    help="Classify the middle of each frame of a camera: a number (bare: 0), /dev/videoN, an rtsp:// or http:// "
    "address, or a video file.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    envvar="EDGE_CLASSIFY_MODEL",
    show_envvar=True,
    help="Model bundle; the one shipped when not given.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write rows to FILE.csv or FILE.jsonl; without it a table on the terminal, CSV when piped.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing --output.")
@click.option(
    "--runtime",
    type=click.Choice(["litert", "tflite-runtime"]),
    help="Interpreter; LiteRT when not given, else what is installed.",
)
@click.option("--delegate", metavar="FILE", help="Shared library of an accelerator's TFLite delegate; it must be used.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="CPU threads a picture.")
@click.option(
    "--threshold",
    type=float,
    help="Probability of the first label from which it is the answer; the model's own (0.5) when not given.",
)
@click.option("--self-test", is_flag=True, help="Replay the model's probe picture on this machine.")
@click.option("--info", is_flag=True, help="Say what the model is, what it was measured on and what runs it.")
@click.version_option(__version__, prog_name="edge-classify")
def command(
    paths: tuple[str, ...],
    camera: str | None,
    model: Path | None,
    output: Path | None,
    overwrite: bool,
    runtime: "RuntimeName | None",
    delegate: str | None,
    threads: int,
    threshold: float | None,
    self_test: bool,
    info: bool,
) -> None:
    """Tell leukemic lymphoblasts (ALL) from normal cells (HEM) in microscope pictures.

    PATH: pictures, folders, globs; `-` reads a list from standard input. One cell a picture.
    """
    if threshold is not None and not 0 < threshold < 1:
        raise click.BadParameter("must lie between 0 and 1", param_hint="--threshold")
    if output is not None and output.suffix.lower() not in (".csv", ".jsonl"):
        raise click.BadParameter(f"{output} must end in .csv or .jsonl", param_hint="--output")
    if overwrite and output is None:
        raise click.UsageError("--overwrite goes with --output.")
    asked = (bool(paths), camera is not None, self_test, info)
    if sum(asked) == 0:
        raise click.UsageError("Give pictures or folders, or --camera (--help says more).")
    if sum(asked) > 1:
        raise click.UsageError("Give one of: PATH, --camera, --self-test, --info.")

    def load() -> "Classifier":
        return _load(model, runtime, threads, threshold, delegate)

    if self_test:
        _self_test(load())
    elif info:
        _info(load())
    else:
        _classify(paths, camera, load, output, overwrite)


def _load(
    model: Path | None,
    runtime: "RuntimeName | None",
    threads: int,
    threshold: float | None,
    delegate: str | None,
) -> "Classifier":
    from edge_runtime.bundle import read_bundle
    from edge_runtime.classifier import DEFAULT_MODEL, Classifier

    bundle = read_bundle(model or DEFAULT_MODEL)
    try:
        return Classifier(bundle, runtime=runtime, threads=threads, threshold=threshold, delegate=delegate)
    except ModelError as error:
        text = str(error)
        raise ModelError(text if str(bundle.path) in text else f"{bundle.path}: {text}") from None


def _classify(
    paths: tuple[str, ...], camera: str | None, load: "Callable[[], Classifier]", output: Path | None, overwrite: bool
) -> None:
    from edge_runtime.look import look_at_cell
    from edge_runtime.pipeline import Tally, run

    tally = Tally()
    with ExitStack() as stack:
        if camera is not None:
            from edge_runtime.sources.camera import Camera

            classifier = load()
            frames: Iterable[Frame] = stack.enter_context(Camera(camera)).frames()
        else:
            frames = _file_frames(paths)
            classifier = load()
        sink = _open_sink(stack, classifier.contract.labels, output, overwrite)
        progress = _Progress(tally, shown=output is not None and sys.stderr.isatty())
        named = output is not None or not sys.stdout.isatty()

        def on_row(row: "Row") -> None:
            if row.status == "error" and named:
                progress.clear()
                _say(f"{row.path}: {row.detail}")
            progress.step()

        try:
            run(frames, look_at_cell(classifier), sink, tally, on_row)
        finally:
            progress.clear()
            if tally.total:
                _say(_summary(tally, classifier.contract.labels))
    if tally.errors:
        sys.exit(EXIT_SOME_UNREADABLE)


def _file_frames(paths: tuple[str, ...]) -> "Iterator[Frame]":
    from itertools import chain

    from edge_runtime.sources.folder import find_pictures, listed_paths, read_frames

    # The first picture of every argument is looked up before anything runs, so that a mistyped one costs nothing.
    found = []
    for path in paths:
        if path == "-" and sys.stdin is None:
            raise InputError("standard input: is closed; give a list of paths there")
        pictures = listed_paths(sys.stdin.buffer) if path == "-" else find_pictures(path)
        found.append(chain([next(pictures)], pictures))
    return read_frames(chain.from_iterable(found))


def _open_sink(stack: ExitStack, labels: tuple[str, ...], output: Path | None, overwrite: bool) -> "Sink":
    from edge_runtime.sinks.csv import CsvSink
    from edge_runtime.sinks.jsonl import JsonLinesSink
    from edge_runtime.sinks.stream import LineStream
    from edge_runtime.sinks.table import TableSink

    if output is None:
        stream = LineStream.to_standard_output()
        return TableSink(stream, labels) if sys.stdout.isatty() else CsvSink(stream, labels)
    stream = stack.enter_context(LineStream.to_file(output, overwrite=overwrite))
    return JsonLinesSink(stream, labels) if output.suffix.lower() == ".jsonl" else CsvSink(stream, labels)


def _self_test(classifier: "Classifier") -> None:
    agreement = classifier.self_test()
    click.echo(f"ok: {classifier.bundle.path.name} on {classifier.interpreter.runtime}: {agreement}")


def _info(classifier: "Classifier") -> None:
    from edge_runtime.info import describe

    click.echo(describe(classifier))
    click.echo(RESEARCH_USE)


def _summary(tally: "Tally", labels: tuple[str, ...]) -> str:
    parts = [f"{tally.decided[label]} {label}" for label in labels]
    parts += [f"{tally.uncertain} uncertain", f"{tally.errors} unreadable"]
    noun = "picture" if tally.total == 1 else "pictures"
    return f"{tally.total} {noun}: {', '.join(parts)}. {RESEARCH_USE}"


class _Progress:
    """A count on one line of the terminal."""

    def __init__(self, tally: "Tally", *, shown: bool) -> None:
        self._tally = tally
        self._shown = shown

    def step(self) -> None:
        if self._shown and self._tally.total % _PROGRESS_EVERY == 0:
            click.echo(f"\r{self._tally.total} pictures", nl=False, err=True)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)


def _say(text: str) -> None:
    click.echo("".join(c if c.isprintable() else "?" for c in text), err=True)


class _Interrupted(BaseException):
    """A signal asked to end; not KeyboardInterrupt, on which click prints."""


def _catch_signals() -> None:
    """Makes SIGINT and SIGTERM raise `_Interrupted`; one that the parent set to be ignored stays so."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # a second one must not cut the clean end short
    raise _Interrupted


def _silence_native_libraries() -> None:
    """Sends what C libraries print to standard error nowhere; our own messages keep the real one.

    libpng, FFmpeg and LiteRT print there whatever OpenCV's log level is.
    """
    if os.environ.get(NATIVE_LOG_VARIABLE) == "1":
        return
    if sys.stderr is None:  # closed by the caller: there is nobody to tell
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
        return
    real = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = real


def main() -> NoReturn:
    """Runs the command and exits with its code."""
    _silence_native_libraries()
    _catch_signals()
    try:
        code = command.main(standalone_mode=False)
    except EdgeClassifyError as error:
        _say(f"edge-classify: {error}")
        code = EXIT_CANNOT_RUN
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except _Interrupted:
        _say("edge-classify: interrupted; the rows written so far are kept")
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not try to flush into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_CANNOT_RUN
    sys.exit(code or 0)
