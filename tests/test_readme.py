"""README.md is true: every command in it is run, and every number in it is the shipped model's."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge_runtime.bundle import Bundle
from samples.draw import draw_cell
from tests.drawn import changed
from tests.in_process import run_module
from tests.network_camera import mjpeg_server
from train.config import DEFAULT_CONFIG
from train.space import DEFAULT_SPACE

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.partition(" #")[0].strip()
]
# What takes a camera, an address or another environment stands in for itself; all else runs as it is written.
_CAMERA_ABSENT = ("edge-classify --camera", "edge-classify --camera --live")
_HTTP = re.compile(r"http://\S+")
_TRIALS, _FOLDS = re.compile(r"--trials \d+"), re.compile(r"--folds 5")


def _commands(start: str) -> list[str]:
    found = [command for command in COMMANDS if command.startswith(start)]
    assert found, start
    return found


def test_every_command_is_run_by_a_test_here() -> None:
    known = ("make ", "edge-classify ", "find ", "python -m train ", "python -m compress ")
    assert [command for command in COMMANDS if not command.startswith(known)] == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, many_drawn_cells: Path) -> Path:
    """A folder with what the README's commands name."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(many_drawn_cells, folder / "cells")
    for i, path in enumerate((folder / "cells").rglob("*.png")):
        if i % 4 == 0:
            cv2.imwrite(str(path.with_suffix(".bmp")), cv2.imread(str(path)))
    shutil.copy(ROOT / "samples" / "cell-01.png", folder / "one.png")
    (folder / "last-run").touch()
    os.utime(folder / "last-run", (0, 0))
    for room in ("train", "compress", "samples", "sample_fields", "edge_runtime"):
        (folder / room).symlink_to(ROOT / room)
    return folder


def _write_video(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (450, 450))
    for i in range(5):
        writer.write(draw_cell(i, leukemic=True))
    writer.release()


def _serve_a_while(send_picture: Callable[[int], None]) -> None:
    for i in range(20):
        send_picture(i)
        time.sleep(0.05)


def _shell(command: str, folder: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    scripts = Path(sys.executable).parent
    assert (scripts / "edge-classify").exists(), "install the project: make test does"
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == expect, f"{command}\n{done.stdout}{done.stderr}"
    return done


def _lines_of(output: Path) -> list[str]:
    """The lines of a table; of one in parts, those of all parts under one header."""
    if output.is_file():
        return output.read_text("utf-8").splitlines()
    parts = [path.read_text("utf-8").splitlines() for path in sorted(output.glob("part-*"))]
    return [parts[0][0], *(line for part in parts for line in part[1:])]


@pytest.mark.parametrize(
    "command",
    [c for c in COMMANDS if c.startswith(("edge-classify", "find")) and "--model" not in c and "--watch" not in c],
)
def test_the_commands_of_the_runtime(command: str, bench: Path) -> None:
    pictures = len([p for p in (bench / "cells").rglob("*") if p.suffix in (".png", ".bmp")])
    if command in _CAMERA_ABSENT:
        if Path("/dev/video0").exists():
            pytest.skip("camera 0 is there and would run for ever")
        done = _shell(command, bench, expect=1)
        assert "no camera there" in done.stderr and len(done.stderr.splitlines()) == 1
        return
    if "http://" in command:
        # A lost camera is tried for ever; given up at once here: its rows, then the row that says so, exit code 3.
        with mjpeg_server(_serve_a_while) as address:
            rows = _shell(f"{_HTTP.sub(address, command)} --reconnect 0", bench, expect=3).stdout.splitlines()
        assert len(rows) > 2 and "stopped sending" in rows[-1]
        return
    if "some.avi" in command:
        _write_video(bench / "some.avi")
    if "fields/" in command:
        (bench / "fields").mkdir(exist_ok=True)
        shutil.copy(ROOT / "samples" / "cell-01.png", bench / "fields" / "field.png")
    output = re.search(r"--output (\S+)", command)
    if output:
        (bench / output[1]).unlink(missing_ok=True)
    done = _shell(command, bench)
    rows = _lines_of(bench / output[1]) if output else done.stdout.splitlines()
    if "cells" in command and "*" not in command:
        assert len(rows) == 1 + pictures
    else:
        assert len(rows) >= 1


def test_the_field_shown_is_what_the_command_draws(bench: Path) -> None:
    (command,) = [command for command in COMMANDS if command.startswith("edge-classify sample_fields")]
    _shell(command, bench)
    drawn = cv2.imread(str(bench / "drawn" / "sample_fields_field-01.png.png")).astype(float)
    shown = cv2.imread(str(ROOT / "docs" / "field.png")).astype(float)
    # Outlines are the same; letters are another OpenCV's.
    assert drawn.shape == shown.shape
    assert (abs(drawn - shown).max(axis=2) > 32).mean() < 0.01


def test_the_command_that_watches_runs_until_it_is_stopped(bench: Path) -> None:
    (command,) = [command for command in COMMANDS if "--watch" in command]
    (bench / "dropped").mkdir()
    shutil.copy(bench / "one.png", bench / "dropped")
    output = re.search(r"--output (\S+)", command)
    assert output
    (bench / output[1]).unlink(missing_ok=True)
    # Stopped once the row is there, as by hand.
    stop = (
        f"{command} & for i in $(seq 600); do grep -qs one.png {output[1]} && break; sleep 0.1; done; kill $!; wait $!"
    )
    assert "1 picture: " in _shell(stop, bench, expect=130).stderr


def test_the_commands_of_training_in_their_order(
    bench: Path, small_settings: tuple[Path, Path], weights_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As written, but smaller: one block, few trees and resamples, two trials and epochs, three folds, no zeros."""
    config, recipe = small_settings
    monkeypatch.setenv("EDGE_CLASSIFY_WEIGHTS", str(weights_root))
    monkeypatch.setattr("edge_runtime.scoring.bootstrap.DRAWS", 50)
    for room in ("train", "compress"):
        (bench / room).unlink()
        shutil.copytree(ROOT / room, bench / room, ignore=shutil.ignore_patterns("__pycache__"))
    teacher = bench / "train" / "teacher.py"
    teacher.write_text(changed(teacher.read_text("utf-8"), **{"_TREES, _SMALLEST_LEAF": "10, 8"}), "utf-8")
    settings = bench / DEFAULT_CONFIG.relative_to(ROOT)
    small = changed(config.read_text("utf-8"), channels="[16]", strides="[2]")
    settings.write_text(changed(small, weight=0.8), "utf-8")
    (bench / "compress" / "default.toml").write_text(changed(recipe.read_text("utf-8"), sparsity=0.0), "utf-8")
    space = bench / DEFAULT_SPACE.relative_to(ROOT)
    space.write_text(changed(space.read_text("utf-8"), epochs='{ kind = "int", low = 1, high = 2 }'), "utf-8")
    starts = ("python -m train", "python -m compress", "edge-classify --model")
    commands = [command for command in COMMANDS if command.startswith(starts)]
    assert all(any(command.startswith(start) for command in commands) for start in starts)
    for command in commands:
        if "train tune" in command:
            # Three folds of the four people outside the report part leave two for a teacher, who needs three.
            settings.write_text(small, "utf-8")
        smaller = _FOLDS.sub("--folds 3", _TRIALS.sub("--trials 2", command))
        if not smaller.startswith("python -m "):
            assert _shell(smaller, bench).stdout
            continue
        _, _, room, *arguments = shlex.split(smaller)
        done = run_module(room, arguments, bench)
        assert done.returncode == 0 and done.stdout, f"{command}\n{done.stdout}{done.stderr}"
    for name in (
        "groups.csv",
        "runs/mine-report/report.md",
        "runs/mine.tflite",
        "runs/all-report/report.md",
        "runs/mine-best/network.keras",
    ):
        assert (bench / name).exists()


def test_the_make_commands_are_targets() -> None:
    """`make test` runs this very test and CI runs `make demo` and `make check`; here each is known to make."""
    for command in _commands("make "):
        done = subprocess.run(
            [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr


def test_the_scores_are_those_of_the_shipped_model(default_bundle: Bundle) -> None:
    from train.evaluate import scores_table

    origin = default_bundle.contract.provenance
    assert (
        scores_table({"int8, out of fold": origin.int8_scores, "float32, out of fold": origin.float_scores}) in README
    )
    assert f"subjects {', '.join(origin.report_subjects)}" in " ".join(README.split())
    assert f"{origin.flips:.2%}" in README
    assert f"{default_bundle.path.stat().st_size / 1000:.0f} kB" in README


def test_the_links_lead_somewhere() -> None:
    for name in re.findall(r"`([A-Z]+(?:\.md)?)`", README):
        if name.endswith(".md") or name == "LICENSE":
            assert (ROOT / name).exists(), name


def test_nothing_shipped_names_a_machine_path() -> None:
    pattern = re.compile(r"/(home|root|work|tmp)/\w")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, tracked):
        if Path(name).suffix in (".py", ".md", ".cfg", ".toml", ".csv") and name != "tests/test_readme.py":
            assert not pattern.search((ROOT / name).read_text("utf-8")), name
