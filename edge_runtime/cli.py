"""The command `edge-classify`: options to a run; errors and signals to exit codes."""

import atexit
import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from edge_runtime.camera_options import CameraOptions, camera_options
from edge_runtime.cluster_options import check_cluster_options, cluster_options
from edge_runtime.errors import EdgeClassifyError, ModelError
from edge_runtime.field_options import FieldOptions, InputKind, field_options
from edge_runtime.file_options import check_file_options, file_options
from edge_runtime.findings.wanted import Wanted, wanted_options
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.sinks.suffixes import OUTPUT_SUFFIXES
from edge_runtime.version import __version__

# cv2 and LiteRT are imported inside the functions that need them, so that --help and --version answer at once.
if TYPE_CHECKING:
    from edge_runtime.classifier import Classifier
    from edge_runtime.interpreter import RuntimeName

_THREADED_LIBRARY = "cv2"
EXIT_CANNOT_RUN, EXIT_SOME_UNREADABLE, EXIT_INTERRUPTED = 1, 3, 130
# Set to 1 to see what OpenCV, FFmpeg and LiteRT themselves print.
NATIVE_LOG_VARIABLE = "EDGE_CLASSIFY_NATIVE_LOG"


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
    help="Classify what is in each frame of a camera: a number (bare: 0), /dev/videoN, picamera2[:N], an rtsp:// or "
    "http:// address, a video file, or pictures as frame-%04d.png.",
)
@field_options
@camera_options
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    envvar="EDGE_CLASSIFY_MODEL",
    show_envvar=True,
    help="Model bundle, or the name of a shipped one (--info lists them); the default when not given.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write rows to FILE.csv, FILE.jsonl or FILE.parquet; without it a table on the terminal, CSV when piped.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing --output, --report and --people.")
@file_options
@wanted_options
@cluster_options
@click.option(
    "--runtime",
    type=click.Choice(["litert", "tflite-runtime"]),
    help="Interpreter; LiteRT when not given, else what is installed.",
)
@click.option("--delegate", metavar="FILE", help="Shared library of an accelerator's TFLite delegate; it must be used.")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    help="Cores to use: for as many pictures at once (when not given: all), at a camera for each frame (1).",
)
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
    input_: InputKind | None,
    um_per_pixel: float | None,
    annotate: Path | None,
    camera_options: CameraOptions,
    model: Path | None,
    output: Path | None,
    overwrite: bool,
    resume: bool,
    watch: bool,
    wanted: Wanted,
    cluster: str | None,
    part_size: int,
    runtime: "RuntimeName | None",
    delegate: str | None,
    threads: int | None,
    threshold: float | None,
    self_test: bool,
    info: bool,
) -> None:
    """Tell leukemic lymphoblasts (ALL) from normal cells (HEM) in microscope pictures.

    PATH: pictures, folders, globs; `-` reads a list from standard input.
    """
    if threshold is not None and not 0 < threshold < 1:
        raise click.BadParameter("must lie between 0 and 1", param_hint="--threshold")
    if output is not None and output.suffix.lower() not in OUTPUT_SUFFIXES:
        raise click.BadParameter(f"{output} must end in .csv, .jsonl or .parquet", param_hint="--output")
    if overwrite and not (output or wanted.report or wanted.people):
        raise click.UsageError("--overwrite goes with --output, --report or --people.")
    fields = FieldOptions(input_, um_per_pixel, annotate)
    asked = (bool(paths), camera is not None, self_test, info)
    if sum(asked) > 1:
        raise click.UsageError("Give one of: PATH, --camera, --self-test, --info.")
    fields.check(camera=camera is not None)
    camera_options.check(camera=camera is not None, output=output is not None)
    wanted.check(paths, camera)
    check_file_options(paths, output, overwrite=overwrite, resume=resume, watch=watch, cluster=cluster is not None)
    check_cluster_options(paths, output, cluster=cluster, watch=watch, delegate=delegate)
    if sum(asked) == 0:
        raise click.UsageError("Give pictures or folders, or --camera (--help says more).")

    def load(threads: int) -> "Classifier":
        return _load(model, runtime, threads, threshold, delegate)

    if self_test:
        _self_test(load(threads or 1))
    elif info:
        _info(load(threads or 1))
    else:
        from edge_runtime.classification import classify

        given = click.get_current_context().params
        bundles = {"camera_options": camera_options, "wanted": wanted, "field_options": fields}
        if classify({**given, **bundles}, load, _say):
            sys.exit(EXIT_SOME_UNREADABLE)


def _load(
    model: Path | None,
    runtime: "RuntimeName | None",
    threads: int,
    threshold: float | None,
    delegate: str | None,
) -> "Classifier":
    from edge_runtime.bundle import read_bundle
    from edge_runtime.classifier import Classifier
    from edge_runtime.shipped import find_model

    bundle = read_bundle(find_model(model))
    try:
        return Classifier(bundle, runtime=runtime, threads=threads, threshold=threshold, delegate=delegate)
    except ModelError as error:
        text = str(error)
        raise ModelError(text if str(bundle.path) in text else f"{bundle.path}: {text}") from None


def _self_test(classifier: "Classifier") -> None:
    agreement = classifier.self_test()
    click.echo(f"ok: {classifier.bundle.path.name} on {classifier.interpreter.runtime}: {agreement}")


def _info(classifier: "Classifier") -> None:
    from edge_runtime.info import describe

    click.echo(describe(classifier))
    click.echo(RESEARCH_USE)


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


def _exit(code: int) -> NoReturn:
    """Ends the process; once a C library with threads of its own is loaded, without taking Python apart.

    All that was written is closed by then. A thread that a camera's driver, a dead mount or OpenCV's own pool still has
    would otherwise run on while Python and the libraries are taken down around it, and now and then crash.
    """
    if _THREADED_LIBRARY in sys.modules or threading.active_count() > 1:
        if threading.active_count() == 1:  # what it waits for could wait for a thread that hangs
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                if stream is not None:
                    stream.flush()
        os._exit(code)
    sys.exit(code)


def main() -> NoReturn:
    """Runs the command and exits with its code."""
    gc.disable()  # what is imported stays, so there is nothing to collect until the run itself, which enables it
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
    _exit(code or 0)
