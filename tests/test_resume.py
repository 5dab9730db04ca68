"""Nothing is lost: killed, cut off, on a full disk or started twice, a run ends with the file it would have written."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.kills import kill_and_resume
from edge_runtime.run_record import record_path
from tests.conftest import RunCli, cli_environment

KILLS = 10  # `python -m benchmarks kills` makes more
PICTURES = 120
DEADLINE_S = 120


@pytest.fixture
def folder(samples: Path, tmp_path: Path) -> Path:
    """Links to samples in three folders, between them bad pictures, a stack of pages, and names that are a nuisance."""
    parent = tmp_path / "cells"
    names = sorted(samples.glob("*.png"))
    for i in range(PICTURES):
        path = parent / f"slide {i % 3}" / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(names[i % len(names)], path)
    (parent / "slide 0" / "000-empty.png").touch()
    (parent / "slide 1" / "100-cut.png").write_bytes(names[0].read_bytes()[:1000])
    (parent / "slide 1" / '100 "quoted",\nname.jpg').write_text("text\n")
    with open(os.fsencode(parent) + b"/caf\xe9.png", "wb") as file:
        file.write(names[0].read_bytes())
    pages = [np.full((450, 450, 3), value, np.uint8) for value in range(0, 200, 10)]
    assert cv2.imwritemulti(str(parent / "slide 2" / "100.tif"), pages)
    return parent


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_killed_run_ends_with_the_same_bytes_when_resumed(folder: Path, tmp_path: Path, suffix: str) -> None:
    scratch = tmp_path / "out"
    scratch.mkdir()
    assert list(kill_and_resume(folder, scratch, kills=KILLS // 2, suffix=suffix))[-1] == KILLS // 2


def test_a_finished_run_resumes_to_nothing(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    first = run_cli(folder, "--output", output)
    content = output.read_bytes()
    second = run_cli(folder, "--output", output, "--resume", "--threads", "1")
    assert (first.returncode, second.returncode) == (3, 3)
    assert second.stderr == first.stderr.splitlines(keepends=True)[-1]  # the summary, of everything
    assert output.read_bytes() == content
    assert json.loads(record_path(output).read_text())["finished"] is True


def test_pictures_that_came_behind_the_others_are_added(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    shutil.copytree(samples, folder)
    run_cli(folder, "--output", tmp_path / "rows.csv")
    shutil.copy(samples / "cell-01.png", folder / "later.png")
    assert run_cli(folder, "--output", tmp_path / "rows.csv", "--resume").returncode == 0
    assert run_cli(folder, "--output", tmp_path / "whole.csv").returncode == 0
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_what_was_made_otherwise_is_refused_and_kept(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "cells", tmp_path / "rows.csv"
    shutil.copytree(samples, folder)
    run_cli(folder, "--output", output)
    content, record = output.read_bytes(), record_path(output).read_text()

    def assert_refused(message: str, *options: str | Path) -> None:
        before = output.read_bytes()
        done = run_cli(*(options or (folder,)), "--output", output, "--resume")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert message in done.stderr
        assert output.read_bytes() == before

    assert_refused("was begun with --threshold not given, now it is 0.3", folder, "--threshold", "0.3")
    assert_refused("was begun with PATH ", samples)
    record_path(output).write_text(record.replace('"model": "', '"model": "0'))
    assert_refused("another model")
    record_path(output).write_text(record.replace('"version": "', '"version": "0'))
    assert_refused("begun by edge-classify 00.1.0")
    record_path(output).write_text(record[:50])
    assert_refused("is damaged")
    record_path(output).unlink()
    assert_refused("there is no rows.csv.run.json beside it")
    record_path(output).write_text(record)
    output.write_bytes(content.replace(b"ok", b"no", 1))
    assert_refused("what was written has been changed since")
    output.write_bytes(content[:-10])
    assert_refused("what was written has been changed since")
    output.write_bytes(content)
    (folder / "cell-03.png").rename(folder / "cell-3.png")
    assert_refused("the first 12 pictures are no longer those")


def test_an_existing_output_is_refused_without_resume(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    run_cli(samples, "--output", output)
    done = run_cli(samples, "--output", output)
    assert (done.returncode, "--resume" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{samples}", "--resume"], "--resume goes with PATH and --output"),
        (["--camera", "0", "--output", "a.csv", "--resume"], "--resume goes with PATH and --output"),
        (["{samples}", "--output", "a.csv", "--resume", "--overwrite"], "--resume, --overwrite"),
        (["--camera", "0", "--watch"], "--watch goes with folders"),
        (["-", "--watch"], "--watch goes with folders"),
    ],
)
def test_a_mistake_in_usage_is_named(run_cli: RunCli, samples: Path, arguments: list[str], message: str) -> None:
    done = run_cli(*[argument.format(samples=samples) for argument in arguments])
    assert (done.returncode, message in done.stderr) == (2, True)


@contextmanager
def listening(output: Path, pictures: list[Path]) -> "Iterator[subprocess.Popen[str]]":
    """A run over a list that stays open, which has written its rows of these pictures."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_runtime", "-", "--output", str(output)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=cli_environment(),
        text=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write("".join(f"{path}\n" for path in pictures))
        process.stdin.flush()
        wait_for(lambda: output.exists() and output.read_bytes().count(b"\n") > len(pictures))
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_second_run_on_one_output_is_refused(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    with listening(output, sorted(samples.glob("*.png"))):
        content = output.read_bytes()
        for option in ("--resume", "--overwrite"):
            done = run_cli(samples, "--output", output, option)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            assert "another run is writing it" in done.stderr
        assert output.read_bytes() == content


def test_rows_are_on_the_disk_soon_though_no_more_come(samples: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    with listening(output, sorted(samples.glob("*.png"))):
        record = record_path(output)
        wait_for(lambda: json.loads(record.read_text())["pictures"]["count"] == len(list(samples.glob("*.png"))))
        noted = json.loads(record.read_text())
    assert noted["output"]["count"] == output.stat().st_size
    assert noted["finished"] is False


def test_a_full_disk_keeps_whole_rows_and_is_resumed(
    run_cli: RunCli, samples: Path, tmp_path: Path, small_disk: Path
) -> None:
    output, names = small_disk / "rows.csv", sorted(samples.glob("*.png"))
    folder = tmp_path / "cells"
    folder.mkdir()
    for i in range(600):
        os.link(names[i % len(names)], folder / f"{i}.png")
    full = run_cli(folder, "--output", output)
    assert full.returncode == 1
    assert f"{output}: cannot be written (No space left on device); the rows written so far are kept" in full.stderr
    assert "Traceback" not in full.stderr
    assert output.read_bytes().endswith(b"\n")
    assert output.read_bytes().count(b"\n") > 100
    again = run_cli(folder, "--output", output, "--resume")
    assert (again.returncode, "No space left" in again.stderr) == (1, True)
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    assert run_cli(folder, "--output", output, "--resume").returncode == 0
    assert run_cli(folder, "--output", tmp_path / "whole.csv").returncode == 0
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_read_only_disk_is_refused(run_cli: RunCli, samples: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = run_cli(samples, "--output", small_disk / "rows.csv")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be written (Read-only file system)" in done.stderr
