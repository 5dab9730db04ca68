"""The command as a user runs it: a process, its output, its exit code."""

import csv
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_runtime.classifier import DEFAULT_MODEL
from edge_runtime.version import __version__
from tests.conftest import RunCli, cli_environment
from tests.network_camera import mjpeg_server

HEADER = "path,frame,time,cell,x,y,width,height,label,probability,p_all,p_hem,status,detail"
RESEARCH_USE = "Research use only; not a medical device."
SECRET = "s3cr3t"
CELLS = 60


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def assert_refused(done: "subprocess.CompletedProcess[str]", message: str) -> None:
    """Exit code 1, nothing on standard output, and one line on standard error."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert done.stderr.startswith("edge-classify: ")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def bad_folder(tmp_path: Path, samples: Path) -> Path:
    """Three good pictures, and between them one cut off, one empty and one that is text."""
    folder = tmp_path / "cells"
    folder.mkdir()
    good = (samples / "cell-01.png").read_bytes()
    for name in ("1.png", "3.png", "6.png"):
        (folder / name).write_bytes(good)
    (folder / "2.png").write_bytes(good[: len(good) // 2])
    (folder / "4.png").write_bytes(b"")
    (folder / "5.jpg").write_text("path,label\n")
    return folder


@pytest.fixture
def real_cells(c_nmc: Path, tmp_path: Path) -> Path:
    """A folder of links to real cells of both classes."""
    folder = tmp_path / "real"
    for label in ("all", "hem"):
        (folder / label).mkdir(parents=True)
        for path in sorted((c_nmc / "fold_1" / label).iterdir())[: CELLS // 2]:
            (folder / label / path.name).symlink_to(path)
    return folder


def test_real_cells_give_one_answer_each(real_cells: Path, run_cli: RunCli) -> None:
    done = run_cli(real_cells)
    rows = rows_of(done.stdout)
    assert done.returncode == 0
    assert [row["path"] for row in rows] == [str(path) for path in sorted(real_cells.glob("*/*"))]
    assert len(rows) == CELLS
    assert {row["status"] for row in rows} <= {"ok", "uncertain"}
    for row in rows:
        assert float(row["p_all"]) + float(row["p_hem"]) == pytest.approx(1, abs=2e-4)
        assert row["probability"] == row[f"p_{row['label']}"]
        assert (row["cell"], row["frame"], row["x"]) == ("0", "", "")
    assert f"{CELLS} pictures: " in done.stderr


def test_piped_output_is_csv(run_cli: RunCli, samples: Path) -> None:
    done = run_cli(samples)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == HEADER
    assert len(rows_of(done.stdout)) == 12
    assert re.fullmatch(rf"12 pictures: \d+ all, \d+ hem, \d+ uncertain, 0 unreadable\. {RESEARCH_USE}\n", done.stderr)


def test_a_terminal_gets_a_table(samples: Path) -> None:
    code, output = in_terminal(str(samples))
    lines = output.splitlines()
    assert code == 0
    assert lines[0].split() == ["picture", "label", "probability", "status"]
    assert sum("cell-" in line for line in lines) == 12
    assert HEADER not in output


def test_a_terminal_shows_why_a_picture_could_not_be_read_once(bad_folder: Path) -> None:
    code, output = in_terminal(str(bad_folder))
    assert code == 3
    assert output.count("zero bytes") == 1


def in_terminal(*args: str) -> tuple[int, str]:
    """Runs the command on a pseudo-terminal; standard output and error come together."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_runtime", *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=cli_environment({"COLUMNS": "120"}),
    )
    os.close(theirs)
    output = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux ends a terminal this way
            break
        if not part:
            break
        output += part
    os.close(ours)
    return process.wait(60), output.decode()


def test_a_glob_that_the_shell_did_not_expand_is_expanded(run_cli: RunCli, samples: Path) -> None:
    rows = rows_of(run_cli(f"{samples}/cell-0[1-3].png").stdout)
    assert [Path(row["path"]).name for row in rows] == ["cell-01.png", "cell-02.png", "cell-03.png"]


def test_a_dash_reads_a_list_of_paths(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    name = tmp_path / "a, b \u00e4.png"
    shutil.copy(samples / "cell-02.png", name)
    done = run_cli("-", input=f"{samples}/cell-03.png\n{name}\n\n")
    assert done.returncode == 0
    assert [row["path"] for row in rows_of(done.stdout)] == [f"{samples}/cell-03.png", str(name)]


def test_several_arguments_are_read_in_their_order(run_cli: RunCli, samples: Path) -> None:
    done = run_cli(samples / "cell-05.png", "-", samples / "cell-01.png", input=f"{samples}/cell-09.png\n")
    assert [Path(row["path"]).stem[-2:] for row in rows_of(done.stdout)] == ["05", "09", "01"]


@pytest.mark.parametrize("suffix", [".csv", ".CSV"])
def test_an_output_file_holds_what_a_pipe_would_get(
    run_cli: RunCli, samples: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"rows{suffix}"
    done = run_cli(samples, "--output", path)
    assert (done.returncode, done.stdout) == (0, "")
    assert path.read_text("utf-8") == run_cli(samples).stdout


def test_json_lines_hold_the_same_rows_as_csv(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert run_cli(samples, "--output", path).returncode == 0
    objects = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    as_text = [{key: "" if value is None else str(value) for key, value in line.items()} for line in objects]
    assert as_text == rows_of(run_cli(samples).stdout)


def test_an_existing_output_is_kept_unless_overwriting_is_asked_for(
    run_cli: RunCli, samples: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("results of last week\n")
    assert_refused(run_cli(samples, "--output", path), "--overwrite")
    assert path.read_text() == "results of last week\n"
    assert run_cli(samples, "--output", path, "--overwrite").returncode == 0
    assert len(rows_of(path.read_text("utf-8"))) == 12


def test_an_unreadable_picture_gets_a_row_and_the_run_goes_on(run_cli: RunCli, bad_folder: Path) -> None:
    done = run_cli(bad_folder)
    rows = rows_of(done.stdout)
    assert done.returncode == 3
    assert [row["status"] == "error" for row in rows] == [False, True, False, True, True, False]
    assert all(row["detail"] and not row["label"] for row in rows if row["status"] == "error")
    *problems, summary = done.stderr.splitlines()
    assert problems == [f"{row['path']}: {row['detail']}" for row in rows if row["status"] == "error"]
    assert "3 unreadable" in summary


def test_the_unreadable_are_in_the_output_file_too(run_cli: RunCli, bad_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert run_cli(bad_folder, "--output", path).returncode == 3
    assert [json.loads(line)["status"] == "error" for line in path.read_text().splitlines()].count(True) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{samples}", "{tmp}/mistyped"], "mistyped: no such file or folder"),
        (["{samples}", "{tmp}/*.png"], "*.png: no file matches"),
        (["{samples}", "{tmp}"], "no pictures in this folder"),
        (["{samples}", "-"], "standard input: no paths"),
        (["{samples}", "rtsp://u:" + SECRET + "@127.0.0.1/s"], "rtsp://127.0.0.1/s: no such file"),
        (["--camera", "{tmp}/absent.avi"], "absent.avi: no such camera"),
        (["--camera", "99999999999999999999"], "no such camera"),
        (["--camera", "rstp://u:" + SECRET + "@127.0.0.1/s"], "rstp://127.0.0.1/s: no such camera"),
        (["{samples}", "--model", "{tmp}/absent.tflite"], "absent.tflite: cannot be read"),
        (["{samples}", "--model", "{samples}/cell-01.png"], "cell-01.png: not a .tflite model"),
        (["--info", "--model", "{tmp}/line\nbreak"], "cannot be read"),
    ],
)
def test_a_run_that_cannot_start_writes_nothing(
    run_cli: RunCli, samples: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    filled = [argument.format(samples=samples, tmp=tmp_path) for argument in arguments]
    assert_refused(run_cli(*filled), message)
    if "--info" not in arguments:
        output = tmp_path / "rows.csv"
        done = run_cli(*filled, "--output", output)
        assert_refused(done, message)
        assert SECRET not in done.stderr
        assert not output.exists()


@pytest.mark.parametrize("output", ["{tmp}/absent/rows.csv", "{tmp}/folder.csv"])
def test_an_output_that_cannot_be_written_is_refused(
    run_cli: RunCli, samples: Path, tmp_path: Path, output: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert_refused(run_cli(samples, "--overwrite", "--output", output.format(tmp=tmp_path)), "cannot be written")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give pictures or folders"),
        (["{samples}", "--threshold", "0"], "--threshold"),
        (["{samples}", "--threshold", "1"], "--threshold"),
        (["{samples}", "--threshold", "1.5"], "--threshold"),
        (["{samples}", "--threshold", "nan"], "--threshold"),
        (["{samples}", "--threshold", "half"], "--threshold"),
        (["{samples}", "--threads", "0"], "--threads"),
        (["{samples}", "--runtime", "tensorflow"], "--runtime"),
        (["{samples}", "--overwrite"], "--overwrite goes with --output"),
        (["{samples}", "--output", "rows.txt"], ".csv or .jsonl"),
        (["{samples}", "--output", "rows"], ".csv or .jsonl"),
        (["{samples}", "--camera", "0"], "Give one of"),
        (["{samples}", "--info"], "Give one of"),
        (["--info", "--self-test"], "Give one of"),
        (["{samples}", "--no-such-option"], "--no-such-option"),
    ],
)
def test_a_mistake_in_usage_exits_with_2_and_one_error(
    run_cli: RunCli, samples: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run_cli(*[argument.format(samples=samples) for argument in arguments], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_threshold_moves_the_answer(run_cli: RunCli, samples: Path) -> None:
    low, high = (rows_of(run_cli(samples, "--threshold", value).stdout) for value in ("0.000001", "0.999999"))
    assert {row["label"] for row in low} == {"all"}
    assert {row["label"] for row in high} == {"hem"}
    assert [row["p_all"] for row in low] == [row["p_all"] for row in high]


def test_version_help_info_and_self_test(run_cli: RunCli) -> None:
    version, help_, info, self_test = (run_cli(option) for option in ("--version", "--help", "--info", "--self-test"))
    assert [done.returncode for done in (version, help_, info, self_test)] == [0] * 4
    assert [done.stderr for done in (version, help_, info, self_test)] == [""] * 4
    assert version.stdout == f"edge-classify, version {__version__}\n"
    for option in ("--camera", "--model", "--output", "--runtime", "--threads", "--threshold", "EDGE_CLASSIFY_MODEL"):
        assert option in help_.stdout
    for text in (help_.stdout, info.stdout):
        assert RESEARCH_USE in " ".join(text.split())
    assert "all, hem" in info.stdout
    assert self_test.stdout.startswith("ok: default.tflite on ")


def test_the_environment_names_a_model_and_the_option_wins(run_cli: RunCli, tmp_path: Path) -> None:
    shutil.copy(DEFAULT_MODEL, tmp_path / "mine.tflite")
    env = {"EDGE_CLASSIFY_MODEL": str(tmp_path / "mine.tflite")}
    assert "ok: mine.tflite" in run_cli("--self-test", env=env).stdout
    assert "ok: default.tflite" in run_cli("--self-test", "--model", DEFAULT_MODEL, env=env).stdout
    assert_refused(run_cli("--self-test", env={"EDGE_CLASSIFY_MODEL": str(tmp_path / "absent")}), "absent")


def test_a_locale_without_utf_8_changes_nothing(run_cli: RunCli, samples: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xc3\xa4\xe6\xbc\xa2 caf\xe9.png"
    with open(name, "wb") as file:
        file.write((samples / "cell-01.png").read_bytes())
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run_cli(tmp_path, env=env)
    assert done.returncode == 0
    assert rows_of(done.stdout)[0]["path"] == f"{tmp_path}/\u00e4\u6f22 caf\\xe9.png"


def test_a_broken_pipe_ends_quietly(samples: Path) -> None:
    script = f"{sys.executable} -m edge_runtime {samples}/ {samples}/ {samples}/ | head -1"
    done = subprocess.run(["bash", "-c", script], env=cli_environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout == HEADER + "\n"
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "message"),
    [
        (">/dev/full", "standard output: cannot be written (No space left on device)"),
        (">&-", "standard output: is closed"),
    ],
)
def test_a_standard_output_that_takes_nothing_ends_the_run(samples: Path, redirection: str, message: str) -> None:
    assert_refused(in_shell(f"{samples}/cell-01.png {redirection}"), message)


def test_a_closed_standard_input_gives_no_list() -> None:
    assert_refused(in_shell("- <&-"), "standard input: is closed")


def test_a_closed_standard_error_does_not_stop_the_run(samples: Path) -> None:
    done = in_shell(f"{samples} 2>&-")
    assert (done.returncode, len(rows_of(done.stdout))) == (0, 12)


def in_shell(arguments: str) -> "subprocess.CompletedProcess[str]":
    script = f"{sys.executable} -m edge_runtime {arguments}"
    return subprocess.run(["bash", "-c", script], env=cli_environment(), capture_output=True, text=True, timeout=60)


@contextmanager
def started(*args: str | Path) -> "Iterator[subprocess.Popen[str]]":
    """The command, running; signals are as a terminal would leave them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_runtime", *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=cli_environment(),
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_rows(path: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() or len(path.read_text("utf-8").splitlines()) < 1 + count:
        assert time.monotonic() < deadline, "no rows came"
        time.sleep(0.01)


def assert_ends_cleanly(process: "subprocess.Popen[str]", number: signal.Signals, output: Path) -> None:
    """After a signal: code 130, one line that says so, whole rows on disk."""
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    rows = rows_of(output.read_text("utf-8"))
    summary, last = stderr.splitlines()
    assert summary.startswith(f"{len(rows)} pictures: ")
    assert last == "edge-classify: interrupted; the rows written so far are kept"
    assert {row["status"] for row in rows} <= {"ok", "uncertain"}
    assert output.read_text("utf-8").endswith("\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_long_list_keeps_the_rows(number: signal.Signals, samples: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    with started("-", "--output", output) as process:
        assert process.stdin is not None
        for _ in range(2):  # the list stays open: more could come
            process.stdin.write("".join(f"{path}\n" for path in sorted(samples.glob("*.png"))))
            process.stdin.flush()
        wait_for_rows(output, 3)
        assert_ends_cleanly(process, number, output)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_a_live_camera_keeps_the_rows(number: signal.Signals, tmp_path: Path) -> None:
    def live(send: Callable[[int], None]) -> None:
        while True:
            send(1)
            time.sleep(0.02)

    output = tmp_path / "rows.csv"
    with mjpeg_server(live) as address:
        secret = address.replace("://", f"://user:{SECRET}@") + f"?key={SECRET}"
        with started("--camera", secret, "--input", "cells", "--output", output) as process:
            wait_for_rows(output, 3)
            assert_ends_cleanly(process, number, output)
    rows = rows_of(output.read_text("utf-8"))
    assert {row["path"] for row in rows} == {address}
    assert [int(row["frame"]) for row in rows] == sorted({int(row["frame"]) for row in rows})
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["time"]) for row in rows)


def test_a_camera_that_stops_sending_ends_with_an_error_row(run_cli: RunCli) -> None:
    def three(send: Callable[[int], None]) -> None:
        for number in range(3):
            send(number)
            time.sleep(0.3)

    with mjpeg_server(three) as address:
        done = run_cli("--camera", address.replace("://", f"://user:{SECRET}@"), "--input", "cells")
    *good, last = rows_of(done.stdout)
    assert done.returncode == 3
    assert good
    assert {row["status"] for row in good} <= {"ok", "uncertain"}
    assert (last["status"], "stopped sending" in last["detail"]) == ("error", True)
    assert SECRET not in done.stdout + done.stderr


def test_a_camera_address_without_a_camera_keeps_its_secret(run_cli: RunCli) -> None:
    done = run_cli("--camera", f"http://user:{SECRET}@127.0.0.1:9/video?key={SECRET}")
    assert_refused(done, "http://127.0.0.1:9/video: no stream there")
    assert SECRET not in done.stderr


def test_a_bare_camera_is_camera_0(run_cli: RunCli) -> None:
    if os.path.exists("/dev/video0"):
        pytest.skip("there is a camera here, which would not end")
    assert_refused(run_cli("--camera"), "edge-classify: 0: no camera there")
    assert_refused(run_cli("--camera", "--threads", "2"), "edge-classify: 0: no camera there")
