"""One run of the command: opened as the options say, listened to, summed up at the end."""

import gc
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from edge_runtime.classifier import Classifier
from edge_runtime.findings.wanted import Wanted, options_given
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.pipeline import Tally
from edge_runtime.progress import Progress
from edge_runtime.row import Row
from edge_runtime.run import Load, Options, Run

if TYPE_CHECKING:
    from edge_runtime.findings.findings import Findings


def classify(options: Options, load: Load, say: Callable[[str], None]) -> int:
    """Runs the command over files or a camera.

    Args:
        options: of the command; checked.
        load: of the model.
        say: shows a line to the user.

    Returns:
        How many pictures could not be read.

    Raises:
        EdgeClassifyError: it cannot run, or not go on.
    """
    tally = Tally()
    is_to_file = options["output"] is not None or options["camera_options"].session is not None
    progress = Progress(shown=is_to_file and sys.stderr.isatty())
    # Standard output may be closed; whoever writes to it says so.
    is_named = is_to_file or sys.stdout is None or not sys.stdout.isatty()

    def notice(line: str) -> None:
        progress.clear()
        say(line)

    with ExitStack() as stack:
        run = _open(stack, options, load, notice)
        # All that is loaded stays to the end, where going through it takes a sixth of the time of a single picture.
        gc.freeze()
        gc.enable()
        # Entered before the output, so that it ends after it: what it may refuse at the end must not cost the rows.
        findings = _findings(stack, options, run.classifier, notice)
        run.open_output()

        def on_row(row: Row, *, is_new: bool = True) -> None:
            if row.status == "error" and is_named and is_new:
                notice(f"{row.path}: {row.detail}")
            if findings is not None:
                findings.add(row)

        try:
            for row in run.earlier():
                tally.add(row)
                on_row(row, is_new=False)
            progress.begin(run.count, done=run.done)
            run.run(tally, on_row, progress.step)
        finally:
            progress.clear()
            if tally.total:
                are_fields = options["field_options"].are_fields(camera=options["camera"] is not None)
                say(_summary(tally, run.classifier.contract.labels, noun="row" if are_fields else "picture"))
    return tally.errors


def _open(stack: ExitStack, options: Options, load: Load, notice: Callable[[str], None]) -> Run:
    if options["camera"] is not None:
        from edge_runtime.camera_run import CameraRun

        return CameraRun(stack, options, load, notice)
    # The workers of a cluster are sent it, so it is a method of something that can be sent.
    make_look = partial(options["field_options"].look, camera=False)
    if options["cluster"] is not None:
        from edge_runtime.cluster.cluster_run import ClusterRun

        return ClusterRun(stack, options, load, make_look)
    from edge_runtime.file_run import FileRun

    return FileRun(stack, options, load, make_look)


def _findings(
    stack: ExitStack, options: Options, classifier: Classifier, notice: Callable[[str], None]
) -> "Findings | None":
    if options["wanted"] == Wanted():
        return None
    from edge_runtime.findings.findings import Findings

    replace = options["overwrite"] or options["resume"]
    return stack.enter_context(
        Findings(options["wanted"], classifier, notice, options=options_given(), replace=replace)
    )


def _summary(tally: Tally, labels: tuple[str, ...], *, noun: str) -> str:
    parts = [f"{tally.decided[label]} {label}" for label in labels]
    parts += [f"{tally.uncertain} uncertain", f"{tally.errors} unreadable"]
    parts += [f"{tally.skipped} skipped"] if tally.skipped else []
    return f"{tally.total} {noun}{'s' if tally.total != 1 else ''}: {', '.join(parts)}. {RESEARCH_USE}"
