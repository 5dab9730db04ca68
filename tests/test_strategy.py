"""Several replicas train as one would; two processes stay the same, and go on after one was killed."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT, cli_environment
from tests.drawn import changed
from train.config import read_config
from train.data import load_data
from train.dataset import read_dataset
from train.errors import TrainError
from train.fit import fit
from train.run import read_run
from train.strategy import make_strategy, share_of_batch

# Patience ends training after the second epoch of three.
WORKERS, EPOCHS, STEPS = 2, 2, 2
TIMEOUT_S = 300


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 40), replicas=st.integers(1, 8), seed=st.integers(0, 99))
def test_the_shares_are_the_batch_and_their_losses_sum_to_its_mean(count: int, replicas: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    index, losses = random.permutation(100)[:count], random.random(100)
    cells, total = [], 0.0
    for replica in range(replicas):
        places, factors = (own.numpy() for own in share_of_batch(tf.constant(count), replica, replicas))
        assert len(places) == len(factors) == -(-count // replicas)
        share = index[places]
        cells += share[factors > 0].tolist()
        total += float((losses[share] * factors).mean())
    assert sorted(cells) == sorted(index.tolist())
    assert total == pytest.approx(losses[index].mean(), rel=1e-5)


# Two devices can only be asked for before TensorFlow computes, hence a process of its own.
_MIRRORED = """
import dataclasses
import numpy as np, tensorflow as tf, tf_keras as keras
cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
from train.config import AugmentConfig, read_config
from train.loop import Examples, Loop
random = np.random.default_rng(0)
pixels = random.integers(0, 256, (13, 8, 8, 3), np.uint8)
examples = Examples(pixels, np.arange(13) % 2, random.random(13).astype(np.float32))
plain = dataclasses.replace(read_config().fit, epochs=2, batch=5, warmup_epochs=0, cells_per_group=0)
mixed = dataclasses.replace(plain, mixup=0.4, cells_per_group=4)
wanted = random.dirichlet([1, 1], 13).astype(np.float32)
taught = dataclasses.replace(examples, groups=tuple("aaaaaabbbbbcc"), wanted=wanted)
still = AugmentConfig(rotate="none", mirror=False, **dict.fromkeys(
    ("scale", "shift", "stain", "brightness", "sharpness", "density", "blur", "jpeg", "erase"), 0))
def trained(strategy, examples, config):
    keras.utils.set_random_seed(1)
    network = keras.Sequential([
        keras.layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.L2(0.1), input_shape=(8, 8, 3)),
        keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")])
    loop = Loop(network, examples, config, still, strategy=strategy)
    losses, own = [loop.run_epoch(), loop.run_epoch(), loop.learning_rate], loop.network.get_weights()
    with loop.averaged() as averaged:
        return losses, own + averaged.get_weights()
both = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert both.num_replicas_in_sync == 2
for given in (examples, plain), (taught, mixed):
    losses, weights = trained(None, *given)
    shared_losses, shared_weights = trained(both, *given)
    np.testing.assert_allclose(shared_losses, losses, rtol=1e-5)
    for own, other in zip(weights, shared_weights, strict=True):
        np.testing.assert_allclose(other, own, rtol=1e-3, atol=1e-5)
"""


def test_two_replicas_train_as_one_does() -> None:
    """Cells, mixes, loss, decay, gradients and averages, also of a batch that does not divide; without batch norm."""
    done = subprocess.run(
        [sys.executable, "-c", _MIRRORED], env=cli_environment(), capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Ended:
    """How a worker ended."""

    code: int
    stderr: str


@pytest.fixture(scope="module")
def task(
    many_drawn_cells: Path, small_settings: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The command but for its run."""
    folder = tmp_path_factory.mktemp("workers")
    text = small_settings[0].read_text("utf-8")
    cells = len(load_data(read_dataset(many_drawn_cells), read_config(small_settings[0]), {}).part("train"))
    text = changed(
        text,
        epochs=EPOCHS + 1,
        patience=1,
        cells_per_group=0,
        batch=-(-cells // STEPS),
        stem=4,
        channels="[8]",
        strides="[2]",
    )
    (folder / "config.toml").write_text(text, "utf-8")
    (folder / "groups.csv").write_text("subject,group\n", "utf-8")
    options = {"data": many_drawn_cells, "config": folder / "config.toml", "groups": folder / "groups.csv"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return ["fit", "--strategy", "multiworker", *arguments]


def _run_workers(task: list[str], run: Path, shown: Path, *, killed: int | None = None, step: int = 0) -> list[Ended]:
    """Runs both on the loopback; the one to be killed dies before that step of this run.

    By the scores of the chief the first epoch is the best, by those of the other each epoch is better.
    """
    ports = []
    for _ in range(WORKERS):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    workers = []
    for i in range(WORKERS):
        cluster = {"cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]}}
        (shown / str(i)).mkdir(parents=True, exist_ok=True)
        environment = {"TF_CONFIG": json.dumps(cluster | {"task": {"type": "worker", "index": i}})}
        environment |= {"SHOWN": str(shown / str(i)), "TF_CPP_MIN_LOG_LEVEL": "3", "RISE": str(0.1 * i)}
        environment |= {"KILLED_AT": str(step)} if i == killed else {}
        workers.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.worker", *task, "--run", str(run)],
                cwd=ROOT,
                env=cli_environment(environment),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        errors = [worker.communicate(timeout=TIMEOUT_S)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [Ended(worker.returncode, error) for worker, error in zip(workers, errors, strict=True)]


def _shown(folder: Path, epoch: int) -> list[np.ndarray]:
    with np.load(folder / f"{epoch}.npz") as values:
        return [values[name] for name in values.files]


@pytest.fixture(scope="module")
def undisturbed(task: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two workers, and what each showed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for ended in _run_workers(task, folder / "run", folder / "shown"):
        assert ended.code == 0, ended.stderr
    return folder


def test_both_workers_have_the_same_weights_and_the_chief_writes(undisturbed: Path) -> None:
    for epoch in range(1, EPOCHS + 1):
        first, second = (_shown(undisturbed / "shown" / str(i), epoch) for i in range(WORKERS))
        assert len(first) == len(second) > 10
        for own, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(own, other)
    before, after = (_shown(undisturbed / "shown" / "0", epoch) for epoch in (1, EPOCHS))
    assert sum(not np.array_equal(own, other) for own, other in zip(before, after, strict=True)) > 10
    written = {path.name for path in (undisturbed / "run").iterdir()}
    assert written == {"best.weights.npz", "checkpoint", "history.csv", "network.keras", "run.json", "tensorboard"}
    assert len((undisturbed / "run" / "history.csv").read_text("utf-8").splitlines()) == 1 + EPOCHS


def test_nobody_leaves_before_the_chief_has_written(undisturbed: Path) -> None:
    for i in range(WORKERS):
        left = (undisturbed / "shown" / str(i) / "left.json").read_text("utf-8")
        assert left == (undisturbed / "run" / "run.json").read_text("utf-8")
    assert read_run(undisturbed / "run").best_epoch == 1


def test_after_each_was_killed_once_both_go_on_to_the_same(task: list[str], undisturbed: Path, tmp_path: Path) -> None:
    """Both times in the middle of the second epoch."""
    for killed, step in ((0, STEPS + 1), (1, 1)):
        ended = _run_workers(task, tmp_path / "run", tmp_path / "shown", killed=killed, step=step)
        assert ended[killed].code == -9
        left = ended[1 - killed]
        assert left.code == 1 and "Traceback" not in left.stderr
        assert "train: another worker does not answer" in left.stderr.splitlines()[-1]
        assert len((tmp_path / "run" / "history.csv").read_text("utf-8").splitlines()) == 2
        shutil.rmtree(tmp_path / "shown")
    for again in _run_workers(task, tmp_path / "run", tmp_path / "shown"):
        assert again.code == 0, again.stderr
    for i in range(WORKERS):
        assert sorted(os.listdir(tmp_path / "shown" / str(i))) == ["2.npz", "left.json"]
        for own, other in zip(
            _shown(tmp_path / "shown" / str(i), EPOCHS), _shown(undisturbed / "shown" / "0", EPOCHS), strict=True
        ):
            np.testing.assert_array_equal(own, other)
    for name in ("history.csv", "run.json"):
        assert (tmp_path / "run" / name).read_text("utf-8") == (undisturbed / "run" / name).read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": [1]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_cluster_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(TrainError, match=r"TF_CONFIG is .*; set it to") as caught:
        make_strategy("multiworker")
    assert "\n" not in str(caught.value)


def test_a_port_that_is_taken_is_named(task: list[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        cluster = {"cluster": {"worker": [place]}, "task": {"type": "worker", "index": 0}}
        done = subprocess.run(
            [sys.executable, "-m", "train", *task, "--run", str(tmp_path / "run")],
            cwd=ROOT,
            env=cli_environment({"TF_CONFIG": json.dumps(cluster), "TF_CPP_MIN_LOG_LEVEL": "3"}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"train: {place}: this worker cannot be reached there" in done.stderr.splitlines()[-1]


def test_a_checkpoint_of_another_network_is_refused_and_stays_usable(
    many_drawn_cells: Path, small_settings: tuple[Path, Path], tmp_path: Path
) -> None:
    """Where `run.json` was lost; with it, the settings are refused before."""
    text = changed(small_settings[0].read_text("utf-8"), batch=64)
    data = load_data(read_dataset(many_drawn_cells), read_config(small_settings[0]), {})

    def config(**other: object):
        path = tmp_path / "config.toml"
        path.write_text(changed(text, **other), "utf-8")
        return read_config(path)

    def interrupt(row: dict[str, float]) -> None:
        raise KeyboardInterrupt

    own = config(channels="[8, 8]", strides="[2, 2]")
    with pytest.raises(KeyboardInterrupt):
        fit(data, own, tmp_path / "run", on_epoch=interrupt)
    for channels, strides in (("[8, 16]", "[2, 2]"), ("[8, 8, 8]", "[2, 2, 1]")):
        other = config(channels=channels, strides=strides)
        with pytest.raises(TrainError, match="'config' differs"):
            fit(data, other, tmp_path / "run")
        state = (tmp_path / "run" / "run.json").rename(tmp_path / "state")
        with pytest.raises(TrainError, match="checkpoint is damaged or of another network") as caught:
            fit(data, other, tmp_path / "run")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "run" / "run.json").exists()
        state.rename(tmp_path / "run" / "run.json")
    fit(data, own, tmp_path / "run")
    assert (tmp_path / "run" / "network.keras").exists()
