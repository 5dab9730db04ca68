"""Folders that are watched: what is dropped there is classified once, and only when it is complete."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_runtime.errors import InputError
from edge_runtime.sources.watch import Watch
from tests.conftest import cli_environment

DEADLINE_S = 100


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def rows(output: Path) -> dict[str, str]:
    """Status of each picture by its name; a picture that comes twice is a mistake."""
    if not output.exists():
        return {}
    found = [(Path(row["path"]).name, row["status"]) for row in csv.DictReader(output.read_text().splitlines())]
    assert len(dict(found)) == len(found)
    return dict(found)


@contextmanager
def watching(folder: Path, output: Path, *options: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_runtime", str(folder), "--watch", "--output", str(output), *options],
        stderr=subprocess.PIPE,
        env=cli_environment(),
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def end(process: "subprocess.Popen[str]", pictures: int) -> None:
    """A watch ends as any run does when it is told to."""
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    summary, last = stderr.splitlines()
    assert summary.startswith(f"{pictures} pictures: ")
    assert last == "edge-classify: interrupted; the rows written so far are kept"


def test_what_is_dropped_is_classified_once_it_is_complete(samples: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "drop", tmp_path / "rows.csv"
    folder.mkdir()
    data = (samples / "cell-01.png").read_bytes()
    (folder / "there.png").write_bytes(data)
    with watching(folder, output) as process:
        wait_for(lambda: "there.png" in rows(output))
        with open(folder / "slow.png", "wb", buffering=0) as slow:
            slow.write(data[:1000])
            (tmp_path / "moved.png").write_bytes(data)
            (tmp_path / "moved.png").rename(folder / "moved.png")  # from elsewhere
            (folder / "part.tmp").write_bytes(data)
            (folder / "part.tmp").rename(folder / "renamed.png")
            shutil.copytree(samples, tmp_path / "slide")
            (tmp_path / "slide").rename(folder / "slide")  # a folder, with all that is in it
            wait_for(lambda: {"moved.png", "renamed.png", "cell-12.png"} <= rows(output).keys())
            assert "slow.png" not in rows(output)
            slow.write(data[1000:])
        wait_for(lambda: "slow.png" in rows(output))
        assert not {"error"} & set(rows(output).values())
        end(process, 16)
    assert rows(output).keys() == {"there.png", "slow.png", "moved.png", "renamed.png"} | {
        path.name for path in samples.glob("*.png")
    }
    (folder / "later.png").write_bytes(data)
    with watching(folder, output, "--resume") as process:
        wait_for(lambda: "later.png" in rows(output))
        end(process, 17)
    assert len(rows(output)) == 17


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    for name in ("a.png", "absent"):
        with pytest.raises(InputError, match="is no folder; --watch takes folders"):
            Watch([str(tmp_path / name)])


def test_without_watchdog_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchdog.observers", None)
    with pytest.raises(InputError, match=r"pip install 'edge-classify\[watch\]'"), Watch([str(tmp_path)]):
        pass


def test_a_file_that_nothing_tells_of_is_found_by_looking(tmp_path: Path, samples: Path) -> None:
    """As on a network mount: the observer hears nothing."""
    with Watch([str(tmp_path)]) as watch:
        watch._observer.unschedule_all()
        paths = watch.paths()
        (tmp_path / "a.png").write_bytes((samples / "cell-01.png").read_bytes())
        assert next(paths) == os.fspath(tmp_path / "a.png")
