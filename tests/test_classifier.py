"""From scores to a decision, and the self-test."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.bundle import Bundle
from edge_runtime.classifier import SMALLEST_SCORE, Classifier
from edge_runtime.errors import InterpreterError, ModelError
from edge_runtime.interpreter import Interpreter, available_runtimes
from edge_runtime.preprocess import read_picture
from tests.conftest import mean_model


def with_decision(bundle: Bundle, **changes: Any) -> Bundle:
    """The bundle with another decision in its contract."""
    contract = bundle.contract
    return dataclasses.replace(
        bundle,
        contract=dataclasses.replace(contract, decision=dataclasses.replace(contract.decision, **changes)),
    )


def plain(bundle: Bundle, **changes: Any) -> Bundle:
    """The bundle with a calibration that changes nothing, and an abstain band."""
    return with_decision(
        bundle, **({"logit_scale": 1.0, "logit_offset": (0.0, 0.0), "abstain_low": 0.5, "abstain_high": 0.5} | changes)
    )


def test_calibration_is_the_softmax_of_scaled_and_shifted_logarithms(default_bundle: Bundle) -> None:
    classifier = Classifier(plain(default_bundle, logit_scale=1.7, logit_offset=(0.3, -0.2)))
    odds = [math.exp(1.7 * math.log(0.8) + 0.3), math.exp(1.7 * math.log(0.2) - 0.2)]
    expected = [value / sum(odds) for value in odds]
    assert classifier.calibrate(np.array([0.8, 0.2])) == pytest.approx(expected, abs=1e-12)


def test_a_score_of_zero_counts_as_the_smallest_score(default_bundle: Bundle) -> None:
    probabilities = Classifier(plain(default_bundle)).calibrate(np.array([1.0, 0.0]))
    assert probabilities == pytest.approx([1 / (1 + SMALLEST_SCORE), SMALLEST_SCORE / (1 + SMALLEST_SCORE)])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_calibrated_probabilities_sum_to_one(default_bundle: Bundle, scores: list[float]) -> None:
    decision = Classifier(default_bundle).decide(np.array(scores))
    assert sum(decision.probabilities) == pytest.approx(1)
    assert all(0 <= value <= 1 for value in decision.probabilities)


@pytest.mark.parametrize(
    ("first", "label", "uncertain"),
    [
        (0.9, 0, False),
        (0.76, 0, False),
        (0.74, 0, True),
        (0.51, 0, True),
        (0.49, 1, True),
        (0.26, 1, True),
        (0.24, 1, False),
        (0.1, 1, False),
    ],
)
def test_strictly_within_the_abstain_band_the_answer_is_uncertain(
    default_bundle: Bundle, first: float, label: int, uncertain: bool
) -> None:
    classifier = Classifier(plain(default_bundle, abstain_low=0.25, abstain_high=0.75))
    decision = classifier.decide(np.array([first, 1 - first]))
    assert (decision.label, decision.uncertain) == (classifier.contract.labels[label], uncertain)
    assert decision.probabilities == pytest.approx((first, 1 - first))


@pytest.mark.parametrize("edge", ["abstain_low", "abstain_high"])
def test_the_edge_itself_is_out_of_the_abstain_band(default_bundle: Bundle, edge: str) -> None:
    scores = np.array([0.3, 0.7]) if edge == "abstain_low" else np.array([0.7, 0.3])
    probability = float(Classifier(plain(default_bundle)).calibrate(scores)[0])
    a_little_out = math.nextafter(probability, 0 if edge == "abstain_low" else 1)
    for value, uncertain in ((probability, False), (a_little_out, True)):
        assert Classifier(plain(default_bundle, **{edge: value})).decide(scores).uncertain is uncertain


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8])
@given(first=st.floats(0.01, 0.99))
def test_a_threshold_decides_and_the_band_moves_with_it(default_bundle: Bundle, threshold: float, first: float) -> None:
    """The band is the same in log-odds, counted from the threshold."""
    band = 0.4, 0.7
    classifier = Classifier(plain(default_bundle, abstain_low=band[0], abstain_high=band[1]), threshold=threshold)
    decision = classifier.decide(np.array([first, 1 - first]))
    distance = logit(first) - logit(threshold)
    edges = [0.0, logit(band[0]), logit(band[1])]
    if min(abs(distance - edge) for edge in edges) > 1e-9:  # at an edge, rounding decides
        assert decision.label == classifier.contract.labels[0 if distance > 0 else 1]
        assert decision.uncertain == (logit(band[0]) < distance < logit(band[1]))
    assert decision.probabilities == pytest.approx((first, 1 - first))


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_a_threshold_of_one_half_is_no_threshold(default_bundle: Bundle, samples: Path) -> None:
    pictures = [read_picture(path) for path in sorted(samples.glob("*.png"))]
    without, with_half = Classifier(default_bundle), Classifier(default_bundle, threshold=0.5)
    assert [without.classify(picture) for picture in pictures] == [with_half.classify(picture) for picture in pictures]


def test_three_labels_have_no_threshold(mean_bundle: Callable[..., Bundle]) -> None:
    with pytest.raises(ModelError, match="two labels"):
        Classifier(mean_bundle(), threshold=0.5)


@pytest.mark.parametrize(
    ("kind", "tolerance"), [(schema.TensorType.FLOAT32, 1e-6), (schema.TensorType.UINT8, 0.5 / 255 + 1e-6)]
)
def test_scores_are_those_of_the_network(mean_bundle: Callable[..., Bundle], kind: int, tolerance: float) -> None:
    """The network here is a mean of each channel, so the whole way of the numbers is known."""
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    classifier = Classifier(mean_bundle(mean_model(kind)))
    expected = picture.reshape(-1, 3).mean(axis=0)[::-1] / 255  # red, green, blue
    assert classifier.scores(picture[:, :, ::-1].copy()) == pytest.approx(expected, abs=tolerance)
    assert classifier.classify(picture).label == classifier.contract.labels[int(expected.argmax())]


def test_with_three_labels_a_low_winner_is_uncertain(mean_bundle: Callable[..., Bundle]) -> None:
    classifier = Classifier(mean_bundle(logit_scale=1.0, abstain_high=0.6))
    certain, doubtful = classifier.decide(np.array([0.1, 0.8, 0.1])), classifier.decide(np.array([0.2, 0.5, 0.3]))
    assert (certain.label, certain.uncertain) == ("green", False)
    assert (doubtful.label, doubtful.uncertain) == ("green", True)
    assert doubtful.probabilities == pytest.approx((0.2, 0.5, 0.3))


def test_threads_do_not_change_the_answer(default_bundle: Bundle, samples: Path) -> None:
    picture = read_picture(samples / "cell-01.png")
    assert Classifier(default_bundle, threads=2).classify(picture) == Classifier(default_bundle).classify(picture)


def test_a_result_is_not_overwritten_by_the_next_one(default_bundle: Bundle) -> None:
    interpreter = Interpreter(default_bundle.model)
    dark, light = (np.full(interpreter.input.shape, value, np.uint8) for value in (0, 200))
    first = interpreter.invoke(dark)
    before = first.copy()
    assert not np.array_equal(interpreter.invoke(light), before)
    assert np.array_equal(first, before)


def test_the_self_test_passes_on_the_shipped_model(default_bundle: Bundle) -> None:
    assert "pixels bit-equal" in Classifier(default_bundle).self_test()


def test_the_self_test_fails_when_the_probabilities_are_others(default_bundle: Bundle) -> None:
    answer = default_bundle.probe_answer
    shifted = tuple(value + 0.03 if value < 0.5 else value - 0.03 for value in answer.probabilities)
    bundle = dataclasses.replace(default_bundle, probe_answer=dataclasses.replace(answer, probabilities=shifted))
    with pytest.raises(ModelError, match=r"self-test failed: probabilities differ by 0\.0[23]"):
        Classifier(bundle).self_test()


def test_the_self_test_fails_when_the_pixels_are_others(default_bundle: Bundle, samples: Path) -> None:
    pictures = [path.read_bytes() for path in sorted(samples.glob("*.png"))]
    other = next(picture for picture in pictures if picture != default_bundle.probe_picture)
    with pytest.raises(ModelError, match="self-test failed: this machine prepares other pixels"):
        Classifier(dataclasses.replace(default_bundle, probe_picture=other)).self_test()


def test_a_runtime_that_is_not_installed_says_how_to_install_it(default_bundle: Bundle) -> None:
    if "tflite-runtime" in available_runtimes():
        pytest.skip("tflite-runtime is installed here")
    with pytest.raises(InterpreterError, match=r"pip install 'edge-classify\[tflite-runtime\]'"):
        Classifier(default_bundle, runtime="tflite-runtime")


@pytest.mark.parametrize(("arm", "x86"), [((218, 39), (217, 39)), ((10, 247), (10, 246)), ((200, 56), (200, 56))])
def test_a_tie_in_the_last_layer_is_the_same_on_every_processor(
    default_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, arm: tuple[int, int], x86: tuple[int, int]
) -> None:
    classifier, answers = Classifier(default_bundle), []
    pixels = np.zeros((classifier.contract.input.size,) * 2 + (3,), np.uint8)
    for steps in (arm, x86):
        monkeypatch.setattr(classifier.interpreter, "invoke", lambda tensor, steps=steps: np.array([steps], np.uint8))
        answers.append(classifier.scores(pixels))
    np.testing.assert_array_equal(*answers)
    assert answers[0].sum() == 1
