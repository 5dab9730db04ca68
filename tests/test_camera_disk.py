"""A live camera whose disk fills: one line, and the run goes on; what was lost is counted."""

import csv
import re
import signal
import subprocess
import sys
from pathlib import Path

from edge_runtime.errors import OutputError
from edge_runtime.row import Row
from edge_runtime.sinks.lenient import LenientSink
from tests.conftest import cli_environment
from tests.network_camera import mjpeg_server
from tests.test_unattended import PATIENCE_S, serve, wait_for


def numbers_of(output: Path) -> list[int]:
    """Frames of the rows, all of them whole."""
    lines = output.read_text("utf-8").splitlines()
    return [int(row["frame"]) for row in csv.DictReader(lines, strict=True)]


def test_a_live_camera_goes_on_when_its_output_s_disk_is_full(small_disk: Path, tmp_path: Path) -> None:
    output, heard = small_disk / "rows.csv", tmp_path / "stderr"
    filler = small_disk / "filler"
    with mjpeg_server(serve) as address, open(heard, "w") as errors:
        command = [sys.executable, "-m", "edge_runtime", "--camera", address, "--input", "cells", "--output", output]
        process = subprocess.Popen(command, env=cli_environment(), stderr=errors)
        try:
            wait_for(lambda: output.exists() and len(numbers_of(output)) > 2)
            with open(filler, "wb", buffering=0) as file:
                try:
                    while file.write(bytes(1000)):
                        pass
                except OSError as error:
                    assert error.strerror == "No space left on device"
            wait_for(lambda: "No space left" in heard.read_text())
            full = numbers_of(output)
            filler.unlink()
            wait_for(lambda: "written again" in heard.read_text())
            wait_for(lambda: len(numbers_of(output)) > len(full) + 2)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.wait()
    lines = heard.read_text().splitlines()
    assert process.returncode == 130, lines
    assert lines[0] == (
        f"{output}: cannot be written (No space left on device); the rows written so far are kept; the run goes on"
    )
    lost = re.fullmatch(r"rows are written again; (\d+) were lost", lines[1])
    assert lost and int(lost[1]) > 0 and len(lines) == 4
    numbers = numbers_of(output)
    assert numbers == sorted(set(numbers)) and numbers[: len(full)] == full
    total = re.match(r"(\d+) pictures: ", lines[2])
    assert total and int(total[1]) == len(numbers) + int(lost[1])


def test_rows_lost_at_the_end_are_said() -> None:
    said: list[str] = []

    class Full:
        def write(self, row: Row) -> None:
            raise OutputError("rows.csv: cannot be written (No space left on device)")

    with LenientSink(Full(), said.append) as sink:
        for number in range(3):
            sink.write(Row("c", number, None, None, None, None, {}, "ok", ""))
        assert "No space left" in sink.problem
    assert said == [
        "rows.csv: cannot be written (No space left on device); the run goes on",
        "3 rows were lost: rows.csv: cannot be written (No space left on device)",
    ]
