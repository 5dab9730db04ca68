"""Shallow features are what the files' own operators compute, pooled."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edge_runtime.contract import InputSpec
from edge_runtime.preprocess import prepare
from train.dataset import Cell, load_picture, read_dataset
from train.errors import TrainError
from train.shallow import CROP, Shallow, shallow_features
from train.trunk import TRUNKS, Trunk

# Colours and area come before the stems.
_LOOK = 49


@pytest.fixture(scope="module")
def cells(many_drawn_cells: Path) -> tuple[Cell, ...]:
    return read_dataset(many_drawn_cells).cells[:6]


@pytest.fixture(scope="module")
def features(cells: tuple[Cell, ...], weights_root: Path) -> Shallow:
    return shallow_features(cells, weights_root)


def _operators_own(cells: tuple[Cell, ...], weights: Path, trunk: Trunk, convolution: int) -> np.ndarray:
    """Means and deviations after the so-manieth plain convolution of the quantised file, by LiteRT."""
    interpreter = Interpreter(str(weights / trunk.file), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    plain = [op for op in interpreter._get_ops_details() if op["op_name"] == "CONV_2D"]
    output = plain[convolution]["outputs"][0]
    scale, zero = interpreter._get_tensor_details(output, 0)["quantization"]
    spec = InputSpec(CROP, trunk.size, "rgb", "area", 1 / 255, 0.0)
    rows = []
    for cell in cells:
        interpreter.set_tensor(
            interpreter.get_input_details()[0]["index"], prepare(load_picture(cell), spec)[np.newaxis]
        )
        interpreter.invoke()
        real = (interpreter.get_tensor(output)[0].astype(np.float64) - zero) * scale
        rows.append(np.concatenate([real.mean((0, 1)), real.std((0, 1))]))
    return np.array(rows)


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors.*")
def test_the_features_are_what_the_quantised_files_compute(
    cells: tuple[Cell, ...], features: Shallow, weights_root: Path
) -> None:
    at = _LOOK
    for trunk in TRUNKS:
        wanted = _operators_own(cells, weights_root, trunk, 0)
        own = features.first[:, at : at + wanted.shape[1]]
        at += wanted.shape[1]
        # The files round each value to a 255th of its range, which means and deviations average out.
        assert np.abs(own - wanted).max() < 0.02, trunk.file
    assert at == features.first.shape[1]
    deepest = _operators_own(cells, weights_root, TRUNKS[-1], TRUNKS[-1].taps[-1] + 1)
    own = features.deeper[:, -deepest.shape[1] :]
    assert np.corrcoef(own.ravel(), deepest.ravel())[0, 1] > 0.99


def test_each_cell_has_its_own_row_in_any_order(cells: tuple[Cell, ...], features: Shallow, weights_root: Path) -> None:
    turned = shallow_features(cells[::-1], weights_root)
    np.testing.assert_allclose(turned.first[::-1], features.first, atol=1e-5)
    np.testing.assert_allclose(turned.deeper[::-1], features.deeper, atol=1e-5)
    assert len({row.tobytes() for row in features.first}) == len(cells)


def test_a_black_picture_has_finite_features(tmp_path: Path, weights_root: Path) -> None:
    path = tmp_path / "black.png"
    cv2.imwrite(str(path), np.zeros((450, 450, 3), np.uint8))
    steps: list[tuple[int, int]] = []
    black = shallow_features([Cell(path, "1", "all")], weights_root, lambda done, of: steps.append((done, of)))
    assert np.isfinite(black.first).all() and np.isfinite(black.deeper).all()
    assert steps == [(1, 1)]


def test_absent_weights_are_one_line_that_says_what_to_set(cells: tuple[Cell, ...], tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="EDGE_CLASSIFY_WEIGHTS") as caught:
        shallow_features(cells, tmp_path)
    assert "\n" not in str(caught.value)
