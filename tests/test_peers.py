"""The peers: what is timed, what is named as missing, and the metadata by which MediaPipe knows our labels."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.bare_loop import bare_loop
from benchmarks.peers import measure
from benchmarks.peers.environment import PeerError, own_environment, python_of
from benchmarks.peers.measure import measure_peers
from benchmarks.peers.network import measure_network
from benchmarks.peers.onnx import open_peer as open_in_onnx_runtime
from benchmarks.peers.peer import BARE, MEDIAPIPE, OURS, Peer
from benchmarks.peers.table import markdown_of
from benchmarks.pictures import ROOT, sample_paths
from compress.metadata import NAME, add_metadata, with_metadata
from edge_runtime.bundle import Bundle, read_bundle
from edge_runtime.classifier import DEFAULT_MODEL, Classifier
from edge_runtime.errors import ModelError
from edge_runtime.preprocess import prepare, read_picture

BROKEN = Peer("broken", "no_such_module", "none")
ABSENT = Peer("absent", "onnx", "none", ("no_such_package",))


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """Ours, the floor, and two peers that cannot be had."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "PEERS", (OURS, BROKEN, BARE, ABSENT))
        return measure_peers(sample_paths()[:3], rounds=2, install=False, say=lambda text: None)


def test_peers_answer_the_same_pictures_and_are_timed_each_round(measured: dict[str, Any]) -> None:
    ours, bare = measured["rows"]
    assert (ours["name"], bare["name"]) == (OURS.name, BARE.name)
    assert measured["queries"] == 2 * 3
    assert ours["ratio"] == ours["cpu_ratio"] == 1 and bare["labels_differ"] == 0
    assert bare["cpu_p50_ms"] > 0 and 0 < bare["p50_ms"] <= bare["p99_ms"]


def test_who_cannot_be_had_is_named_with_the_reason(measured: dict[str, Any]) -> None:
    assert "No module named" in measured["missing"]["broken"]
    assert measured["missing"]["absent"] == "no no_such_package here; pip install '.[peers]' installs it"
    text = markdown_of(measured)
    assert "Not measured: absent: no no_such_package here" in text and "single stream" in text


def test_an_environment_that_is_not_there_is_only_made_when_asked_for() -> None:
    with pytest.raises(PeerError, match="`python -m benchmarks peers` installs it"):
        own_environment("nobody", ("no-such-thing>=1",), newest_python=None, install=False)
    assert python_of(OURS, install=False) == Path(sys.executable)


def test_the_bare_loop_gives_the_label_of_the_network(default_bundle: Bundle) -> None:
    look, classifier = bare_loop(default_bundle), Classifier(default_bundle)
    for path in sample_paths()[:4]:
        pixels = prepare(read_picture(path), default_bundle.contract.input)
        assert look(path) == int(classifier.scores(pixels).argmax())


def test_onnx_runtime_opens_the_shipped_network_and_answers_as_it_does(default_bundle: Bundle) -> None:
    """It is converted by tf2onnx, which reads what the runtimes do not: names, shapes and options of every tensor."""
    look, bare = open_in_onnx_runtime(DEFAULT_MODEL), bare_loop(default_bundle)
    assert [look(path) for path in sample_paths()[:4]] == [bare(path) for path in sample_paths()[:4]]


def test_litert_benchmark_is_run_beside_ours() -> None:
    network, reason = measure_network(DEFAULT_MODEL, runs=8)
    assert reason == "" and network["litert_benchmark_p50_ms"] > 0 and network["ours_p50_ms"] > 0


def test_metadata_change_no_answer_and_are_written_once(default_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "described.tflite"
    add_metadata(DEFAULT_MODEL, out)
    made = read_bundle(out)
    assert NAME in made.model and made.contract.labels == default_bundle.contract.labels
    contract = made.contract
    assert with_metadata(made.model, name=contract.name, spec=contract.input) == made.model
    before, after = Classifier(default_bundle), Classifier(made)
    assert after.self_test() == "pixels bit-equal, probabilities bit-equal"
    size = contract.input.size
    for pixels in np.random.default_rng(0).integers(0, 256, (5, size, size, 3)).astype(np.uint8):
        np.testing.assert_array_equal(before.scores(pixels), after.scores(pixels))


def test_adding_metadata_is_a_command(tmp_path: Path) -> None:
    out = tmp_path / "described.tflite"
    command = [sys.executable, "-m", "compress", "metadata"]
    done = subprocess.run([*command, DEFAULT_MODEL, "--out", out], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"wrote {out} ({out.stat().st_size:,} bytes)\n"), done.stderr
    with pytest.raises(ModelError, match="cannot be read"):
        add_metadata(tmp_path / "none.tflite", out)


def test_mediapipe_reads_our_labels_from_the_bundle(tmp_path: Path) -> None:
    try:
        python = python_of(MEDIAPIPE, install=True)
    except PeerError as error:
        pytest.skip(str(error))
    out = tmp_path / "described.tflite"
    add_metadata(DEFAULT_MODEL, out)
    picture = sample_paths()[0]
    code = (
        "import json, os, sys; from pathlib import Path\n"
        "from benchmarks.peers.mediapipe_tasks import open_peer\n"
        f"print(json.dumps(open_peer(Path({str(out)!r}))({str(picture)!r})), flush=True); os._exit(0)"
    )
    done = subprocess.run([python, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == bare_loop(read_bundle(out))(picture)
