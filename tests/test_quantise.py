"""Quantization-aware training on what the converter makes of it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from compress.answers import load_quantised, save_quantised
from compress.errors import CompressError
from compress.export import export_int8
from compress.prune import prunable, prune_network
from compress.quantise import quantise_network
from compress.recipe import StageConfig
from edge_runtime.interpreter import Interpreter
from edge_runtime.preprocess import prepare
from samples.draw import draw_cell
from train.config import Config, read_config
from train.loop import Examples
from train.network import build_network

STAGE = StageConfig(epochs=1, learning_rate=1e-4)


@pytest.fixture(scope="module")
def config() -> Config:
    shipped = read_config()
    return dataclasses.replace(
        shipped,
        picture=dataclasses.replace(shipped.picture, size=64),
        network=dataclasses.replace(shipped.network, stem=8, channels=(16, 16, 16), strides=(2, 2, 2), pretrained=""),
        fit=dataclasses.replace(shipped.fit, batch=8, cells_per_group=4),  # half of the cells an epoch
    )


@pytest.fixture(scope="module")
def examples(config: Config) -> Examples:
    cells = [draw_cell(i, leukemic=i % 2 == 0) for i in range(32)]
    pixels = np.stack([prepare(cell, config.picture.spec) for cell in cells])
    groups = tuple(str(i % 4) for i in range(32))
    return Examples(pixels, np.arange(32) % 2, np.ones(32, np.float32), groups)


@pytest.fixture(scope="module")
def network(config: Config) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_network(config.network, size=64, labels=2)


@pytest.fixture(scope="module")
def aware(config: Config, examples: Examples, network: keras.Model) -> keras.Model:
    pruned = prune_network(network, examples, config, STAGE, 0.5)
    kernels = [layer.get_weights()[0] for layer in pruned.layers if prunable(layer)]
    assert sum((kernel == 0).sum() for kernel in kernels) / sum(kernel.size for kernel in kernels) == pytest.approx(
        0.5, abs=0.01
    )
    return quantise_network(pruned, network, examples, config, STAGE)


def test_activations_use_their_whole_range_after_a_few_steps(aware: keras.Model) -> None:
    """tfmot's own start, -6 to 6, would leave every minimum far below zero behind a ReLU."""
    minima = {v.name: float(v.numpy()) for v in aware.weights if v.name.endswith("relu/output_min:0")}
    maxima = {v.name: float(v.numpy()) for v in aware.weights if v.name.endswith("relu/output_max:0")}
    assert len(minima) == len(maxima) == 7
    assert all(value == pytest.approx(0, abs=1e-3) for value in minima.values()), minima
    assert all(0 < value <= 6 for value in maxima.values()), maxima


def test_pixels_enter_the_file_as_they_are(aware: keras.Model, examples: Examples) -> None:
    interpreter = Interpreter(export_int8(aware, examples.pixels))
    assert interpreter.input.dtype == np.uint8 and interpreter.output.dtype == np.uint8
    assert interpreter.input.zero_point == 0
    assert interpreter.input.scale == pytest.approx(1 / 255, rel=1e-6)


def test_the_file_answers_as_the_trained_network(aware: keras.Model, examples: Examples) -> None:
    interpreter = Interpreter(export_int8(aware, examples.pixels))
    wanted = aware(examples.pixels / np.float32(255), training=False).numpy()
    answers = [interpreter.invoke(pixels[np.newaxis])[0] * interpreter.output.scale for pixels in examples.pixels]
    np.testing.assert_allclose(np.array(answers), wanted, atol=0.03)


def test_a_layer_that_cannot_be_quantised_is_named_with_what_to_write_instead(
    config: Config, examples: Examples
) -> None:
    pixels = keras.Input((64, 64, 3))
    plain = keras.layers.Conv2D(4, 3, name="plain")(pixels)
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(plain)
    fused = keras.layers.Conv2D(4, 3, activation="relu", name="fused")(pixels)
    for layer, message in (
        (keras.layers.Multiply(name="squeeze")([plain, mean]), r"layer 'squeeze' \(Multiply\): leave .* or use Add"),
        (keras.layers.Rescaling(2.0, name="light")(plain), r"layer 'light' \(Rescaling\): scale the pixels before"),
        (keras.layers.BatchNormalization(name="norm")(fused), r"layer 'norm' \(BatchNorm.*\): .* without activation="),
    ):
        network = keras.Model(pixels, layer)
        with pytest.raises(CompressError, match=message) as caught:
            quantise_network(network, network, examples, config, STAGE)
        assert "\n" not in str(caught.value)


def test_the_trained_network_is_kept_as_it_went_into_the_converter(
    aware: keras.Model, examples: Examples, tmp_path: Path
) -> None:
    save_quantised(aware, tmp_path / "aware.h5")
    pixels = examples.pixels / np.float32(255)
    kept = load_quantised(tmp_path / "aware.h5")(pixels, training=False).numpy()
    np.testing.assert_array_equal(kept, aware(pixels, training=False).numpy())


def test_a_run_that_was_never_compressed_says_what_makes_the_network(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match=r"aware.h5: cannot be read .*python -m compress run --run"):
        load_quantised(tmp_path / "aware.h5")
