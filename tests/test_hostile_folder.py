"""A folder of everything that is wrong: a row each, a table that can be read, and the run goes on."""

import csv
import json
import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from edge_runtime.sources.address import shown
from tests.conftest import RunCli

HUGE = 100_000
DEEP = 1100  # Python calls itself no deeper than 1,000 times


def huge_png() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", HUGE, HUGE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + bytes(64)


def huge_bmp() -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, HUGE, HUGE, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(64)


def huge_tiff() -> bytes:
    entries = [(256, HUGE), (257, HUGE), (277, 3)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)


HOSTILE = {
    "huge.png": (huge_png(), "over the limit"),
    "huge.bmp": (huge_bmp(), "over the limit"),
    "huge.tif": (huge_tiff(), "over the limit"),
    "empty.webp": (b"", "zero bytes"),
    "text.jpg": (b"path,label\n", "not a picture"),
    'a "quoted",\r\nname\u2028.png': (b"", "zero bytes"),
    " spaced ,.png": (b"", "zero bytes"),
    "=1+1.png": (b"", "zero bytes"),
}


@pytest.fixture
def folder(tmp_path: Path, samples: Path) -> Path:
    """Three good pictures among what is wrong."""
    parent = tmp_path / "cells"
    parent.mkdir()
    good = (samples / "cell-01.png").read_bytes()
    for name, (data, _) in HOSTILE.items():
        (parent / name).write_bytes(data)
    for name in (b"good.png", b"caf\xe9.png"):
        with open(os.fsencode(parent) + b"/" + name, "wb") as file:
            file.write(good)
    (parent / "cut.png").write_bytes(good[:-500])
    (parent / "gone.png").symlink_to("nowhere.png")
    (parent / "loop.png").symlink_to("loop.png")
    (parent / "folder.png").symlink_to(samples)  # a link to a folder is none
    (parent / "inner").mkdir()
    (parent / "inner" / "above").symlink_to(parent)
    (parent / "inner" / "deep.png").write_bytes(good)
    return parent


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_every_file_gets_a_row_that_can_be_read_back(
    run_cli: RunCli, folder: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"rows{suffix}"
    done = run_cli(folder, "--output", output)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    with open(output, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file)) if suffix == ".csv" else [json.loads(line) for line in file]
    expected = sorted(name for name in os.listdir(folder) if name != "inner")
    paths = [shown(f"{folder}/{name}") for name in expected] + [f"{folder}/inner/deep.png"]
    assert [row["path"] for row in rows] == paths
    details = {row["path"]: row["detail"] for row in rows if row["status"] == "error"}
    for name, (_, message) in HOSTILE.items():
        assert message in details.pop(f"{folder}/{name}")
    assert {Path(path).name for path in details} == {"cut.png", "gone.png", "loop.png", "folder.png"}
    # One line a problem, and the summary: nothing in a name can make more of it.
    assert len(done.stderr.splitlines()) == len(HOSTILE) + len(details) + 1


def test_folders_nest_deeper_than_python_calls(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    parent = tmp_path / "cells"
    parent.mkdir()
    here = os.open(parent, os.O_RDONLY)
    for _ in range(DEEP):  # by steps, because the whole path is soon too long
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    shutil.copy(samples / "cell-01.png", parent / "d" / "cell.png")
    try:
        done = run_cli(parent)
        assert (done.returncode, done.stderr.count("\n"), done.stdout.count("cell.png")) == (0, 1, 1)
    finally:
        subprocess.run(["rm", "-r", str(parent)], check=True)  # Python's own removal recurses
