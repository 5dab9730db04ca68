"""From a picture to a decision: prepare, invoke, dequantise, calibrate, decide."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bundle import Bundle, read_bundle
from edge_runtime.contract import Contract
from edge_runtime.errors import ModelError
from edge_runtime.guard import check_traits, unlike
from edge_runtime.interpreter import Interpreter, RuntimeName, TensorSpec
from edge_runtime.preprocess import PixelArray, decode, prepare, quantise

DEFAULT_MODEL = Path(__file__).parent / "models" / "default.tflite"

# A score of 0 has no logarithm; half of the smallest step of an 8-bit probability.
SMALLEST_SCORE = 1 / 512
# Two runtimes may differ by a rounding of the last 8-bit step, which calibration can stretch.
PROBE_TOLERANCE = 0.02
IN_BAND = "in the abstain band"
# An 8-bit output has hardly more forms where there are two labels: 256, and those whose scores miss 1 by a step.
_KNOWN_OUTPUTS = 1024


@dataclass(frozen=True)
class Decision:
    """The answer for one cell.

    Attributes:
        label: the answer; when `uncertain`, the more probable one.
        doubt: why it is uncertain; empty when it is not.
        probabilities: calibrated, one per label, in the contract's order; they sum to 1.
    """

    label: str
    doubt: str
    probabilities: tuple[float, ...]

    @property
    def uncertain(self) -> bool:
        """Whether there is doubt."""
        return bool(self.doubt)


class Classifier:
    """A loaded bundle, ready to classify."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        runtime: RuntimeName | None = None,
        threads: int = 1,
        threshold: float | None = None,
        delegate: str | None = None,
    ) -> None:
        """Loads the model and checks the contract against it.

        Args:
            bundle: from `read_bundle`.
            runtime: None takes LiteRT, else what is installed.
            threads: CPU threads of one inference.
            threshold: with two labels, the probability (0 to 1, both excluded) from which the answer is the first
                label; None is the contract's operating point, 0.5. The abstain band moves with it.
            delegate: as in `Interpreter`.

        Raises:
            ModelError: contract and flatbuffer do not fit, or a threshold for more than two labels.
            InterpreterError: the runtime is not installed.
        """
        self.bundle = bundle
        self.interpreter = Interpreter(bundle.model, runtime=runtime, threads=threads, delegate=delegate)
        _check_tensors(bundle, self.interpreter.input, self.interpreter.output)
        check_traits(bundle.contract.guard, bundle.path)
        if threshold is not None and len(bundle.contract.labels) != 2:
            raise ModelError(f"{bundle.path}: a threshold needs a model of two labels, this one has more")
        self._threshold_logit = 0.0 if threshold is None else math.log(threshold / (1 - threshold))
        self._offset = np.array(bundle.contract.decision.logit_offset)
        self._decision_of = lru_cache(_KNOWN_OUTPUTS)(self._work_out)

    @classmethod
    def from_file(cls, path: Path = DEFAULT_MODEL) -> "Classifier":
        """Loads a bundle with the default settings."""
        return cls(read_bundle(path))

    @property
    def contract(self) -> Contract:
        """The bundle's contract."""
        return self.bundle.contract

    def classify(self, picture: PixelArray) -> Decision:
        """Classifies the cell in the middle of a picture.

        Args:
            picture: uint8 `[height, width, 3]`, BGR.
        """
        pixels = prepare(picture, self.contract.input)
        decision = self.decide_output(self.run(pixels))
        strangeness = unlike(pixels, self.contract.input.colour_order, self.contract.guard)
        return replace(decision, doubt=strangeness) if strangeness else decision

    def scores(self, pixels: PixelArray) -> npt.NDArray[np.float64]:
        """Runs the network and dequantises its output.

        Args:
            pixels: uint8 `[size, size, 3]` from `prepare`.

        Returns:
            float64 `[labels]`, the network's own probabilities before calibration.
        """
        return self._scores_of(self.run(pixels))

    def run(self, pixels: PixelArray) -> npt.NDArray[Any]:
        """Runs the network.

        Args:
            pixels: uint8 `[size, size, 3]` from `prepare`.

        Returns:
            `[labels]`, its output as it is, in the type of its tensor.
        """
        answer: npt.NDArray[Any] = self.interpreter.invoke(
            quantise(pixels, self.contract.input, self.interpreter.input.dtype)[np.newaxis]
        )[0]
        return answer

    def _scores_of(self, output: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        scores: npt.NDArray[np.float64] = output.astype(np.float64)
        if self.interpreter.output.scale:
            scores = (scores - self.interpreter.output.zero_point) * self.interpreter.output.scale
            _undo_tie(scores, self.interpreter.output.scale)
        return scores

    def calibrate(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Calibrated probabilities of scores `[..., labels]`, as the contract's decision says."""
        logits = self.contract.decision.logit_scale * _each(math.log, np.maximum(scores, SMALLEST_SCORE)) + self._offset
        odds = _each(math.exp, logits - logits.max(axis=-1, keepdims=True))
        result: npt.NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
        return result

    def decide(self, scores: npt.NDArray[np.float64]) -> Decision:
        """Turns scores `[labels]` into an answer; whether the picture is a cell at all they do not say."""
        return self.answer(self.calibrate(scores))

    def decide_output(self, output: npt.NDArray[Any]) -> Decision:
        """Turns the output of `run` into an answer; what an 8-bit one means is worked out once."""
        return self._decision_of(output.tobytes())

    def _work_out(self, output: bytes) -> Decision:
        return self.decide(self._scores_of(np.frombuffer(output, self.interpreter.output.dtype)))

    def answer(self, probabilities: npt.NDArray[np.float64]) -> Decision:
        """Turns calibrated probabilities `[labels]`, of a cell or of a person, into an answer."""
        band = self.contract.decision
        if len(probabilities) == 2:
            # Seen from the threshold: the probability at which the threshold itself lies at 0.5.
            first = _shifted(float(probabilities[0]), -self._threshold_logit)
            winner = 0 if first >= 0.5 else 1
            uncertain = band.abstain_low < first < band.abstain_high
        else:
            winner = int(probabilities.argmax())
            uncertain = bool(probabilities[winner] < band.abstain_high)
        doubt = IN_BAND if uncertain else ""
        return Decision(self.contract.labels[winner], doubt, tuple(map(float, probabilities)))

    def margin(self, probabilities: Sequence[float]) -> float:
        """How far an answer is from turning into another, 0 to 1; from the threshold, where there are two labels.

        Args:
            probabilities: calibrated, `[labels]`.
        """
        if len(probabilities) == 2:
            return abs(2 * _shifted(probabilities[0], -self._threshold_logit) - 1)
        highest, second = sorted(probabilities, reverse=True)[:2]
        return highest - second

    def self_test(self) -> str:
        """Replays the probe picture.

        Returns:
            One line that says how closely it agreed.

        Raises:
            ModelError: pixels or probabilities are not those the exporter saw.
        """
        expected = self.bundle.probe_answer
        pixels = prepare(decode(self.bundle.probe_picture), self.contract.input)
        if hashlib.sha256(pixels.tobytes()).hexdigest() != expected.pixels_sha256:
            raise ModelError(
                f"{self.bundle.path}: self-test failed: this machine prepares other pixels than the exporter did; "
                "install the versions of opencv-python-headless and numpy that edge-classify asks for"
            )
        seen = self.calibrate(self.scores(pixels))
        difference = float(np.abs(seen - np.array(expected.probabilities)).max())
        if difference > PROBE_TOLERANCE or seen.argmax() != np.argmax(expected.probabilities):
            raise ModelError(
                f"{self.bundle.path}: self-test failed: probabilities differ by {difference:.3f} from the exporter's; "
                "try another --runtime, and report it"
            )
        exactness = "bit-equal" if difference == 0 else f"within {difference:.4f}"
        return f"pixels bit-equal, probabilities {exactness}"


def _each(function: Callable[[float], float], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """By the C library: NumPy's own logarithm and exponential differ in the last bit where a processor has AVX-512."""
    return np.array([function(value) for value in values.ravel().tolist()], np.float64).reshape(values.shape)


def _undo_tie(scores: npt.NDArray[np.float64], step: float) -> None:
    """Takes the one step that two 8-bit scores have over 1 from the larger, in place.

    LiteRT's SOFTMAX kernel rounds both up on ARM where they lie half-way between two steps, and one of them on x86. Of
    the 511 differences that two int8 logits of the shipped model can have, the processors tell nothing else apart.
    """
    excess = float(scores.sum()) - 1
    if len(scores) == 2 and 0 < excess < 2 * step:
        scores[scores.argmax()] -= excess


def _shifted(probability: float, logit: float) -> float:
    """The probability whose log-odds lie `logit` higher."""
    if logit == 0:
        return probability
    return 1 / (1 + (1 - probability) / max(probability, 1e-300) * math.exp(-logit))


def _check_tensors(bundle: Bundle, input_: TensorSpec, output: TensorSpec) -> None:
    spec, labels = bundle.contract.input, bundle.contract.labels
    if input_.shape != (1, spec.size, spec.size, 3):
        raise ModelError(
            f"{bundle.path}: the model reads {list(input_.shape)}, its contract says {spec.size} pixels; "
            "export it again"
        )
    if output.shape != (1, len(labels)):
        raise ModelError(
            f"{bundle.path}: the model answers {list(output.shape)}, its contract has {len(labels)} labels; "
            "export it again"
        )
    if input_.dtype == np.uint8:
        # The device feeds pixels as they are, so the tensor must read them as the contract says.
        for pixel in (0, 255):
            real = (pixel - input_.zero_point) * input_.scale
            if abs(real - (spec.scale * pixel + spec.offset)) > input_.scale / 2:
                raise ModelError(
                    f"{bundle.path}: the model's input quantisation is not the contract's scale and offset"
                )
    elif input_.dtype != np.float32:
        raise ModelError(f"{bundle.path}: the model reads {input_.dtype}, must be uint8 or float32")
