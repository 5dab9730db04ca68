"""A run on two workers, real processes: the same rows, whatever is lost on the way."""

import dataclasses
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster

from edge_runtime.bundle import Bundle
from edge_runtime.classifier import Classifier
from edge_runtime.cluster.job import Job
from edge_runtime.cluster.parts import Identity, Part, PartFolder, check_run, split
from edge_runtime.cluster.run import Cluster
from edge_runtime.errors import ClusterError, ModelError, OutputError
from edge_runtime.look import Look, look_at_cell
from edge_runtime.row import Row
from edge_runtime.sources.folder import find_pictures
from tests.cluster_looks import deadly_look
from tests.conftest import ROOT, RunCli, cli_environment

LABELS = ("all", "hem")
PICTURES, PART_SIZE = 48, 5
IDENTITY = Identity("1", "m", "c", {}, ("cells",), PART_SIZE)
PATIENCE_S = 600  # for processes to start on a machine that does much else
PATIENT = {
    "distributed.comm.timeouts.connect": f"{PATIENCE_S}s",
    "distributed.nanny.pre-spawn-environ": {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
}


@pytest.fixture(scope="module")
def cells(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn cells, many times the same, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("cluster") / "cells"
    folder.mkdir()
    pictures = sorted(samples.glob("*.png"))
    for i in range(PICTURES - 1):
        shutil.copy(pictures[i % len(pictures)], folder / f"{i:03}.png")
    (folder / "999.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def scheduler() -> Iterator[LocalCluster]:
    """A scheduler with two workers."""
    with (
        dask.config.set(PATIENT),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0) as cluster,
    ):
        yield cluster


@pytest.fixture
def run(scheduler: LocalCluster, default_bundle: Bundle, cells: Path, tmp_path: Path) -> Callable[..., list[Row]]:
    """Runs the cells on the scheduler; `rows` interrupts after so many."""

    def of(
        name: str = "rows.csv",
        *,
        make_look: Callable[[Classifier], Look] = look_at_cell,
        resume: bool = False,
        rows: int | None = None,
        bundle: Bundle = default_bundle,
    ) -> list[Row]:
        job = Job(uuid.uuid4().hex, bundle, None, None, make_look, os.getcwd())
        with (
            PartFolder(tmp_path / name, IDENTITY, job.name, overwrite=False, resume=resume) as folder,
            Cluster(scheduler.scheduler_address) as cluster,
            closing(cluster.run(job, find_pictures(str(cells)), folder, PART_SIZE)) as found,
        ):
            return list(islice(found, rows))

    return of


def joined(folder: Path) -> bytes:
    """The parts as one CSV."""
    header, lines = b"", b""
    for path in sorted(folder.glob("part-*.csv")):
        header, _, rest = path.read_bytes().partition(b"\n")
        lines += rest
    return header + b"\n" + lines


@pytest.fixture(scope="module")
def one_process(cells: Path, tmp_path_factory: pytest.TempPathFactory, run_cli: RunCli) -> bytes:
    """What the command writes without a cluster."""
    path = tmp_path_factory.mktemp("one") / "rows.csv"
    assert run_cli(cells, "--output", path).returncode == 3
    return path.read_bytes()


def test_the_parts_are_the_rows_of_one_process(
    run: Callable[..., list[Row]], one_process: bytes, tmp_path: Path
) -> None:
    rows = run()
    assert joined(tmp_path / "rows.csv") == one_process
    assert len(rows) == PICTURES and rows[-1].status == "error"
    assert sorted(path.name for path in (tmp_path / "rows.csv").iterdir()) == [
        *(".lock", "done.json"),
        *(f"part-{i:06}.csv" for i in range(-(-PICTURES // PART_SIZE))),
        "run.json",
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_every_form_gives_the_same_rows_back(run: Callable[..., list[Row]], tmp_path: Path, suffix: str) -> None:
    rows = run(f"rows.{suffix}")
    assert [Path(row.path).name for row in rows] == [*(f"{i:03}.png" for i in range(PICTURES - 1)), "999.png"]
    assert all(path.suffix == f".{suffix}" for path in (tmp_path / f"rows.{suffix}").glob("part-*"))


def test_a_lost_worker_s_part_is_done_again(run: Callable[..., list[Row]], one_process: bytes, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    run(make_look=deadly_look(1, "013.png", marks))
    assert len(list(marks.iterdir())) == 1  # a worker was killed in the middle of its part
    assert joined(tmp_path / "rows.csv") == one_process


def test_an_interrupted_run_is_gone_on_with(run: Callable[..., list[Row]], one_process: bytes, tmp_path: Path) -> None:
    parts = -(-PICTURES // PART_SIZE)
    run(rows=2 * PART_SIZE)
    left = {path: path.stat().st_mtime_ns for path in (tmp_path / "rows.csv").glob("part-*")}
    assert 2 <= len(left) < parts and not (tmp_path / "rows.csv" / "done.json").exists()
    (tmp_path / "rows.csv" / f".{'0' * 32}.csv").write_text("what a lost worker left")
    assert len(run(resume=True)) == PICTURES
    assert joined(tmp_path / "rows.csv") == one_process
    assert {path: path.stat().st_mtime_ns for path in left} == left  # finished parts were not done again
    assert len(list((tmp_path / "rows.csv").iterdir())) == parts + len((".lock", "run.json", "done.json"))


def test_a_part_that_kills_its_workers_ends_the_run(default_bundle: Bundle, cells: Path, tmp_path: Path) -> None:
    """On workers of its own: what it leaves is no place for others."""
    (tmp_path / "marks").mkdir()
    job = Job("deadly", default_bundle, None, None, deadly_look(9, "003.png", tmp_path / "marks"), os.getcwd())
    with (
        dask.config.set({**PATIENT, "distributed.scheduler.allowed-failures": 0}),
        PartFolder(tmp_path / "rows.csv", IDENTITY, job.name, overwrite=False, resume=False) as folder,
        Cluster("local:1") as cluster,
        pytest.raises(ClusterError, match=r"part 0: cost 1 workers their life.*--resume"),
    ):
        list(cluster.run(job, find_pictures(str(cells)), folder, PART_SIZE))


def test_a_machine_that_computes_otherwise_is_refused(
    run: Callable[..., list[Row]], default_bundle: Bundle, tmp_path: Path
) -> None:
    answer = dataclasses.replace(default_bundle.probe_answer, pixels_sha256="0" * 64)
    with pytest.raises(ModelError, match="self-test failed: this machine prepares other pixels"):
        run(bundle=dataclasses.replace(default_bundle, probe_answer=answer))
    assert not list((tmp_path / "rows.csv").glob("part-*"))


def test_the_command_runs_on_a_scheduler(
    scheduler: LocalCluster, cells: Path, one_process: bytes, tmp_path: Path
) -> None:
    """As a user would; with the summary and the exit code of any run, and refused the second time."""
    command = [sys.executable, "-m", "edge_runtime", str(cells), "--cluster", scheduler.scheduler_address]
    command += ["--output", str(tmp_path / "rows.csv"), "--part-size", "7", "--group-by", "folder"]
    done, again = (
        subprocess.run(command, env=cli_environment(), capture_output=True, text=True, timeout=PATIENCE_S)
        for _ in range(2)
    )
    assert done.returncode == 3, done.stderr
    assert joined(tmp_path / "rows.csv") == one_process
    assert f"{PICTURES} pictures: " in done.stderr and f"{cells}  {PICTURES - 1} " in done.stderr
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "is already there; give --resume, --overwrite or another --output" in again.stderr


def test_nobody_at_the_address_is_one_line(cells: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_runtime", str(cells), "--cluster", "tcp://127.0.0.1:1"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "rows.csv")],
        env=cli_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "no scheduler answers there" in done.stderr


def test_without_dask_the_extra_is_named(samples: Path, tmp_path: Path) -> None:
    code = "import sys\nsys.modules['distributed'] = None\nfrom edge_runtime.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(samples), "--cluster", "local", "--output", str(tmp_path / "rows.csv")],
        env=cli_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "pip install 'edge-classify[cluster]'" in done.stderr


def write(folder: PartFolder, part: Part) -> None:
    header = "path,frame,time,cell,x,y,width,height,label,probability,p_all,p_hem,status,detail\n"
    folder.target(part).write_text(header + "".join(f"{path},,,,,,,,,,,,error,gone\n" for path in part.paths))


def test_paths_are_cut_into_parts() -> None:
    parts = list(split((str(i) for i in range(12)), 5))
    assert [part.number for part in parts] == [0, 1, 2]
    assert [part.paths for part in parts] == [tuple("01234"), tuple("56789"), ("10", "11")]


def test_a_part_of_other_pictures_is_refused(tmp_path: Path) -> None:
    with PartFolder(tmp_path / "rows.csv", IDENTITY, "this", overwrite=False, resume=False) as folder:
        write(folder, Part(0, ("a", "b")))
        assert [row.path for row in folder.rows(Part(0, ("a", "b")), LABELS)] == ["a", "b"]
        for now in (("a", "c"), ("a",), ("a", "b", "c"), ("b", "a")):
            with pytest.raises(OutputError, match="is of other pictures than are there now"):
                list(folder.rows(Part(0, now), LABELS))


def test_two_runs_into_one_folder_and_a_resumed_one_of_other_options_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with (
        PartFolder(path, IDENTITY, "this", overwrite=False, resume=False),
        pytest.raises(OutputError, match="another run is writing into it"),
    ):
        PartFolder(path, IDENTITY, "this", overwrite=False, resume=True)
    other = Identity("1", "m", "c", {"threshold": "0.3"}, ("cells",), PART_SIZE)
    with pytest.raises(OutputError, match="was made with other options"):
        PartFolder(path, other, "other", overwrite=False, resume=True)
    with PartFolder(path, other, "other", overwrite=True, resume=False):
        pass


def test_a_folder_of_somebody_else_is_never_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "mine.csv"
    folder.mkdir()
    (folder / "part-000000.csv").write_text("precious")
    with pytest.raises(OutputError, match="is already there; give another --output"):
        PartFolder(folder, IDENTITY, "this", overwrite=True, resume=False)
    assert (folder / "part-000000.csv").read_text() == "precious"


def test_what_is_left_of_another_run_writes_nothing_into_a_folder(tmp_path: Path) -> None:
    """A worker may still be at a part when its run was interrupted and another took the folder."""
    path = tmp_path / "rows.csv"
    with PartFolder(path, IDENTITY, "first", overwrite=False, resume=False) as folder:
        target = folder.target(Part(0, ("a",)))
        check_run(target, "first")
    with PartFolder(path, IDENTITY, "second", overwrite=True, resume=False):
        check_run(target, "second")
        with pytest.raises(OutputError, match="another run has taken the folder"):
            check_run(target, "first")
