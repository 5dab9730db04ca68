"""The wheel in the Debians of a Raspberry Pi, on its instruction set: `make test-arm64`."""

import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from benchmarks import peak_memory
from benchmarks.boards import BOARDS
from benchmarks.formats import LOSSLESS, write_formats
from benchmarks.instructions import count_instructions, count_operators, operators_table
from benchmarks.operators import cut_off
from benchmarks.parity import Settings, answers_of
from benchmarks.userland import RELEASES, Userland, UserlandError, userland, why_not
from edge_runtime.classifier import DEFAULT_MODEL
from samples.draw import draw_cell
from tests.conftest import RunCli

REAL_CELLS = 12
# QEMU's own memory, about 100 MB of it translated code, is in the measured peak.
PEAK_MB_UNDER_QEMU = 400


@pytest.fixture(scope="module", params=RELEASES)
def debian(request: pytest.FixtureRequest) -> Userland:
    """A userland; skipped where none can be had."""
    if why_not():
        pytest.skip(why_not())
    return userland(request.param)


@pytest.fixture(scope="module")
def cells(c_nmc: Path) -> list[Path]:
    """A few real cells of both classes, spread over the names."""
    found = sorted(path for path in c_nmc.rglob("*") if path.suffix in (".bmp", ".webp"))
    return [found[i * len(found) // REAL_CELLS] for i in range(REAL_CELLS)]


def edge_classify(debian: Userland, *args: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return debian.run(debian.site / "bin" / "edge-classify", *args, cwd=cwd, check=False)


def test_the_self_test_says_there_what_it_says_here(debian: Userland, run_cli: RunCli, tmp_path: Path) -> None:
    there = edge_classify(debian, "--self-test", cwd=tmp_path)
    assert (there.returncode, there.stderr) == (0, "")
    assert there.stdout == run_cli("--self-test").stdout
    assert there.stdout.startswith("ok: default.tflite on litert: pixels bit-equal")


def test_it_is_the_userland_and_not_this_machine(debian: Userland, tmp_path: Path) -> None:
    info = edge_classify(debian, "--info", cwd=tmp_path).stdout
    assert f"Python {RELEASES[debian.release]}" in info and "aarch64" in info


def test_rows_of_a_folder_are_equal_byte_for_byte(
    debian: Userland, run_cli: RunCli, cells: list[Path], samples: Path, tmp_path: Path
) -> None:
    arguments = [samples, *cells]
    there, here = tmp_path / "there.csv", tmp_path / "here.csv"
    done = edge_classify(debian, *arguments, "--output", there, cwd=tmp_path)
    assert done.returncode == run_cli(*arguments, "--output", here).returncode == 0, done.stderr
    assert len(there.read_bytes().splitlines()) == 1 + 12 + REAL_CELLS
    assert there.read_bytes() == here.read_bytes()


def test_rows_of_a_video_are_equal_byte_for_byte(debian: Userland, run_cli: RunCli, tmp_path: Path) -> None:
    video, there, here = tmp_path / "cells.avi", tmp_path / "there.csv", tmp_path / "here.csv"
    # Motion JPEG is decoded by other arithmetic on each processor; a lossless code is not.
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"PNG "), 10, (450, 450))
    for i in range(4):
        writer.write(draw_cell(i, leukemic=i % 2 == 0))
    writer.release()
    done = edge_classify(debian, "--camera", video, "--output", there, cwd=tmp_path)
    assert done.returncode == run_cli("--camera", video, "--output", here).returncode == 0, done.stderr
    assert len(there.read_bytes().splitlines()) == 1 + 4
    assert there.read_bytes() == here.read_bytes()


def test_an_unreadable_picture_is_a_row_there_too(debian: Userland, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes((samples / "cell-01.png").read_bytes()[:500])
    done = edge_classify(debian, tmp_path, cwd=tmp_path)
    assert done.returncode == 3 and ",error," in done.stdout


def test_pixels_are_equal_for_every_lossless_format(debian: Userland, tmp_path: Path) -> None:
    pictures = write_formats(draw_cell(1, leukemic=True), tmp_path)
    here = answers_of(Settings(pictures=tuple(pictures.values())))
    there = answers_of(Settings(pictures=tuple(pictures.values())), place=debian)
    for name, mine, theirs in zip(pictures, here, there, strict=True):
        if name in LOSSLESS:
            assert mine == theirs, name
    assert len({answer.prepared for name, answer in zip(pictures, here, strict=True) if name in LOSSLESS}) == 1


def test_peak_memory_of_a_folder_run(debian: Userland, samples: Path) -> None:
    done = debian.run(debian.site / "bin" / "edge-classify", samples, wrapper=[sys.executable, peak_memory.__file__])
    assert int(done.stdout) * peak_memory.RSS_UNIT_BYTES / 1e6 <= PEAK_MB_UNDER_QEMU


@pytest.mark.parametrize("board", BOARDS)
def test_instructions_of_the_shipped_model(board: str) -> None:
    if why_not():
        pytest.skip(why_not())
    counted = count_instructions(DEFAULT_MODEL, board, repeats=3)
    assert counted.of("invoke") > 1_000_000
    assert counted.of("picture to decision") >= counted.of("invoke") + counted.of("preprocess")
    invoke = next(count for count in counted.counts if count.stage == "invoke")
    assert invoke.spread <= invoke.median / 100, "not repeatable"


def test_instructions_of_each_operator_add_up(tmp_path: Path) -> None:
    if why_not():
        pytest.skip(why_not())
    start = tmp_path / "start.tflite"
    names, pieces = zip(*cut_off(DEFAULT_MODEL.read_bytes())[:5], strict=True)
    start.write_bytes(pieces[-1])
    by_operator = count_operators(start, "pi5", repeats=1)
    assert [count.stage for count in by_operator.counts] == [f"{i} {name}" for i, name in enumerate(names, 1)]
    *_, stem, _ = (count.median for count in by_operator.counts)
    whole = sum(count.median for count in by_operator.counts)
    assert stem > whole / 3
    assert whole == pytest.approx(count_instructions(start, "pi5", repeats=1).of("invoke"), rel=0.01)
    assert operators_table([by_operator]).count("\n") == 1 + len(names)


def test_a_model_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserlandError, match="no such file; give a"):
        count_instructions(tmp_path / "none.tflite", "pi5")
