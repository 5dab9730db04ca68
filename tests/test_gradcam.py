"""The map of evidence peaks where the evidence is."""

from typing import Any

import numpy as np
import pytest
import tf_keras as keras

from train.config import NetworkConfig
from train.gradcam import gradcam
from train.network import LOGITS_LAYER, MEAN_LAYER, build_network

SIZE = 32


def _red_or_blue() -> Any:
    """A network whose first logit is the mean of red over patches of 4 x 4 pixels, the second that of blue."""
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.AveragePooling2D(4)(pixels)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=MEAN_LAYER)(x)
    logits = keras.layers.Conv2D(2, 1, name=LOGITS_LAYER)
    x = keras.layers.Softmax()(keras.layers.Reshape((2,))(logits(x)))
    network = keras.Model(pixels, x)
    logits.set_weights([np.array([[[[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]]]), np.zeros(2)])
    return network


def _spots() -> np.ndarray:
    """Two pictures: a red spot above on the left and a blue one below on the right; and the other way round."""
    pixels = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    for i, (red, blue) in enumerate((((6, 6), (24, 26)), ((24, 26), (6, 6)))):
        for channel, (y, x) in ((0, red), (2, blue)):
            pixels[i, y - 3 : y + 3, x - 3 : x + 3, channel] = 200
    return pixels


def _peak(heat: np.ndarray) -> tuple[int, int]:
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    return int(y), int(x)


@pytest.mark.parametrize("label", [0, 1])
def test_the_map_peaks_at_the_evidence_for_the_label(label: int) -> None:
    maps = gradcam(_red_or_blue(), _spots(), label)
    assert maps.shape == (2, SIZE, SIZE) and maps.dtype == np.float32
    assert maps.min() == 0 and maps.max(axis=(1, 2)) == pytest.approx([1, 1])
    there = [(6, 6), (24, 26)]
    for heat, wanted in zip(maps, there if label == 0 else there[::-1], strict=True):
        assert np.hypot(*np.subtract(_peak(heat), wanted)) < 4
        assert heat[SIZE - 1 - wanted[0], SIZE - 1 - wanted[1]] == 0  # where the other colour is


def test_a_picture_without_evidence_has_an_empty_map() -> None:
    only_blue = _spots() * np.array([0, 0, 1], np.uint8)
    assert not gradcam(_red_or_blue(), only_blue, 0).any()


def test_more_pictures_than_a_batch_give_the_maps_of_each_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (70, SIZE, SIZE, 3), np.uint8)
    network = _red_or_blue()
    maps = gradcam(network, pixels, 1)
    np.testing.assert_allclose(maps[69:], gradcam(network, pixels[69:], 1), atol=1e-6)


def test_the_network_of_training_is_read() -> None:
    config = NetworkConfig(stem=8, channels=(16, 16), strides=(2, 2), weight_decay=0.0, pretrained="")
    maps = gradcam(build_network(config, size=SIZE, labels=2), _spots(), 0)
    assert maps.shape == (2, SIZE, SIZE) and maps.min() >= 0 and maps.max() <= 1


def test_a_label_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="label is 2, the network has 2"):
        gradcam(_red_or_blue(), _spots(), 2)
