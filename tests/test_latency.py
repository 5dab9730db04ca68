"""The latency report: what it holds, that it sees a slowed stage, and what it makes of bad input."""

import copy
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import pytest

from benchmarks import latency
from benchmarks.compare import compare, markdown_of, read_latency
from benchmarks.latency import STAGES, measure
from benchmarks.latency_page import markdown_of as report_of
from benchmarks.latency_page import page_of
from benchmarks.machine import board_slug, cpu_features
from benchmarks.operators import measure_operators
from benchmarks.pictures import ROOT, sample_paths
from benchmarks.table import ReportError
from edge_runtime import preprocess
from edge_runtime.classifier import Classifier
from edge_runtime.errors import InterpreterError, ModelError
from edge_runtime.interpreter import Interpreter

QUERIES = 24


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    return measure(sample_paths(), queries=QUERIES, cold_runs=1, say=lambda text: None)


def test_every_part_is_there_and_the_stages_make_up_the_whole(measured: dict[str, Any]) -> None:
    assert tuple(measured["stages"]) == STAGES
    assert measured["single_stream"]["queries"] == QUERIES
    for values in (measured["single_stream"], *measured["stages"].values(), *measured["threads"].values()):
        assert 0 < values["p50_ms"] <= values["p90_ms"] <= values["p99_ms"] <= values["max_ms"]
    assert sum(measured["histogram"]["counts"]) >= QUERIES * 0.9
    assert 0 < measured["cold"]["share_of_others"] <= 1
    assert measured["kernels"]["delegate"] == "XNNPACK"
    operators, kernels = measured["operators"], measured["kernels"]
    assert len(operators) == sum(kernels["delegated"].values()) + sum(kernels["own"].values())
    assert measured["memory"]["peak_mb"] > measured["model_bytes"] / 1e6


def test_the_report_and_the_page_say_it_for_a_person(measured: dict[str, Any]) -> None:
    for text in (report_of(measured), page_of(measured)):
        assert "Research use only; not a medical device." in text
        assert "bare loop" in text and f"{QUERIES} pictures" in text
    page = page_of(measured)
    assert page.count("<svg") == 5 and "http" not in page


def test_operators_are_named_in_their_order_and_make_up_the_network() -> None:
    model = Classifier.from_file().bundle.model
    operators = measure_operators(model, rounds=3)
    assert [one.name for one in operators[:5]] == [
        "DEQUANTIZE 128 x 128 x 3",
        "QUANTIZE 128 x 128 x 3",
        "RESHAPE 128 x 64 x 6",
        "CONV_2D 64 x 64 x 8",
        "DEPTHWISE_CONV_2D 64 x 64 x 8",
    ]
    assert operators[-1].name == "QUANTIZE 2"
    assert sum(one.ms for one in operators) > 0


def test_a_noisy_machine_is_named_and_widens_the_verdict(measured: dict[str, Any]) -> None:
    quiet, noisy = (copy.deepcopy(measured) for _ in range(2))
    quiet["noise"] = {"noisy": False, "reasons": [], "drift": 0.0}
    noisy["noise"] = {"noisy": True, "reasons": ["load 4.0 at the start"], "drift": 0.0}
    noisy["single_stream"]["p50_ms"] = quiet["single_stream"]["p50_ms"] * 1.3
    assert "Noisy machine (load 4.0" in report_of(noisy) and "Noisy" not in report_of(quiet)
    assert compare(quiet, noisy)[0].verdict == "same"
    slower = copy.deepcopy(noisy) | {"noise": quiet["noise"]}
    assert compare(quiet, slower)[0].verdict == "slower"
    assert compare(slower, quiet)[0].verdict == "faster", "too fast is flagged like too slow"


def test_a_slowed_stage_is_found(measured: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*arguments: Any) -> Any:
        time.sleep(1 / 10)
        return preprocess.prepare(*arguments)

    monkeypatch.setattr(latency, "prepare", slow)
    again = measure(sample_paths(), queries=QUERIES, cold_runs=1, say=lambda text: None)
    changes = {change.name: change.verdict for change in compare(measured, again)}
    assert changes["prepare"] == "slower"
    assert "| prepare |" in markdown_of(measured, again)


def test_a_wrong_resize_fails_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    resize = cv2.resize
    monkeypatch.setattr(preprocess.cv2, "resize", lambda p, size, interpolation: resize(p, size, interpolation=0))
    with pytest.raises(ModelError, match="prepares other pixels"):
        Classifier.from_file().self_test()


def test_comparing_is_a_command_with_an_exit_code(measured: dict[str, Any], tmp_path: Path) -> None:
    slower = copy.deepcopy(measured)
    slower["stages"]["guard"]["p50_ms"] *= 3
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, report in zip(files, (measured, slower), strict=True):
        file.write_text(json.dumps(report), "utf-8")
    command = [sys.executable, "-m", "benchmarks", "compare"]
    same = subprocess.run([*command, files[0], files[0]], cwd=ROOT, capture_output=True, text=True)
    assert (same.returncode, same.stderr) == (0, "")
    changed = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True)
    assert changed.returncode == 1
    assert changed.stderr.splitlines() == ["Error: changed by more than the tolerance: guard"]


@pytest.mark.parametrize(("text", "says"), [(None, "cannot be read"), ("x", "not JSON"), ("{}", "no latency report")])
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "other.json"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(ReportError, match=says):
        read_latency(file)


def test_a_machine_has_a_file_name_and_the_features_that_count() -> None:
    assert board_slug({"board": "Raspberry Pi 5 Model B Rev 1.0", "cpu": None}) == "raspberry-pi-5-model-b-rev-1-0"
    assert cpu_features("Features\t: fp asimd asimddp crc32\n") == "asimd asimddp"
    assert cpu_features("") is None


def test_kernels_add_up_with_and_without_xnnpack(default_bundle: Any) -> None:
    with_, without = (Interpreter(default_bundle.model, xnnpack=used).kernels() for used in (True, False))
    assert with_.delegate == "XNNPACK" and with_.delegated["CONV_2D"] > 0
    assert without.delegate == "" and not without.delegated
    totals = [sum(one.delegated.values()) + sum(one.own.values()) for one in (with_, without)]
    assert totals[0] == totals[1]


def test_a_delegate_that_is_none_is_refused_in_one_line(tmp_path: Path, default_bundle: Any) -> None:
    file = tmp_path / "delegate.so"
    file.write_bytes(b"not a library")
    with pytest.raises(InterpreterError, match=r"delegate\.so does not load"):
        Interpreter(default_bundle.model, delegate=str(file))


def test_a_delegate_that_takes_nothing_is_refused(tmp_path: Path, default_bundle: Any) -> None:
    """A real delegate that claims no operator, compiled here."""
    source, library = tmp_path / "idle.c", tmp_path / "idle.so"
    source.write_text(_IDLE_DELEGATE, "utf-8")
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    except FileNotFoundError:
        pytest.skip("no C compiler")
    with pytest.raises(InterpreterError, match="took no operator of the model"):
        Interpreter(default_bundle.model, delegate=str(library))


# The fields of TfLiteDelegate (tensorflow/lite/core/c/common.h); the flag is kTfLiteDelegateFlagsAllowDynamicTensors.
_IDLE_DELEGATE = """
#include <stdlib.h>
struct delegate {
    void *data; int (*prepare)(void *context, void *delegate); void *copies[3]; long flags; void *rest[8];
};
static int prepare(void *context, void *delegate) { return 0; }
void *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    struct delegate *made = calloc(1, sizeof *made);
    made->prepare = prepare;
    made->flags = 1;
    return made;
}
void tflite_plugin_destroy_delegate(void *delegate) { free(delegate); }
"""
