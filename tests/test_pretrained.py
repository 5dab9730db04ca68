"""A network started from a folded ImageNet model is that model."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from benchmarks.pictures import ROOT
from samples.draw import draw_cell
from train.config import IMAGENET, NetworkConfig, read_config
from train.convolutions import convolutions
from train.errors import TrainError
from train.network import build_network, network_input, reads_density
from train.pretrained import load_pretrained

V1, V2 = "mobilenet_v1_{}_quant.tflite", "tf2_mobilenet_v2_1.0_224_ptq.tflite"


@pytest.fixture(scope="module")
def folder(weights_root: Path) -> Path:
    """The folder of pretrained files."""
    return weights_root


def _config(architecture: str = "compact", width: float = 1.0, **changes: Any) -> NetworkConfig:
    return dataclasses.replace(read_config().network, architecture=architecture, width=width, **changes)


def _pictures(size: int = 128) -> np.ndarray:
    """Drawn cells that fill the picture of 128 pixels, so that the border of the convolutions matters little."""
    low = 225 - size // 2
    cells = [draw_cell(i, leukemic=True)[low : low + size, low : low + size, ::-1] for i in range(4)]
    return np.ascontiguousarray(np.stack(cells))


def _likeness(network: keras.Model, path: Path, pixels: np.ndarray, layer: str) -> float:
    """The median correlation of the channels after a convolution with those of the same one in the file."""
    own = next(c for c in convolutions(network) if c.layer.name == layer)
    ours = keras.Model(network.input, own.end.output)(network_input(network, pixels)).numpy()
    interpreter = Interpreter(
        str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    theirs = [op for op in interpreter._get_ops_details() if "CONV_2D" in op["op_name"]]
    number = [c.layer.name for c in convolutions(network)].index(layer) - reads_density(network)
    alike = []
    for picture, shown in zip(pixels, ours, strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[np.newaxis])
        interpreter.invoke()
        channels = interpreter.get_tensor(theirs[number]["outputs"][0])[0].astype(float)
        # Each channel has a size of its own here; a channel that does not stir in 8 bits says nothing.
        stirring = [c for c in range(channels.shape[2]) if channels[:, :, c].std() > 5 and shown[:, :, c].std() > 0]
        assert len(stirring) >= min(10, channels.shape[2] // 2)
        alike += [np.corrcoef(channels[:, :, c].ravel(), shown[:, :, c].ravel())[0, 1] for c in stirring]
    return float(np.median(alike))


@pytest.mark.parametrize(
    ("config", "file", "size", "likeness"),
    [
        (_config(), V1.format("0.25_128"), 128, {"block0_pointwise": 0.9, "block10_pointwise": 0.75}),
        (
            _config("mobilenet_v1", 0.25),
            V1.format("0.25_128"),
            128,
            {"block0_pointwise": 0.9, "block10_pointwise": 0.75},
        ),
        (_config("mobilenet_v1", 0.5), V1.format("0.5_160"), 160, {"block0_pointwise": 0.9, "block10_pointwise": 0.7}),
        (
            _config("mobilenet_v1", 0.75),
            V1.format("0.75_192"),
            192,
            {"block0_pointwise": 0.9, "block10_pointwise": 0.8},
        ),
        (_config("mobilenet_v2"), V2, 224, {"block2_project": 0.8}),
        (_config(stain_front=True), V1.format("0.25_128"), 128, {"block0_pointwise": 0.9}),
        # At 224 pixels the black background is seen, which is bright to the stain front.
        (_config("mobilenet_v2", stain_front=True), V2, 224, {"block2_project": 0.5}),
    ],
    ids=lambda value: f"{value.architecture}-{value.width}-{value.stain_front}" if hasattr(value, "width") else "",
)
def test_its_channels_stir_as_those_of_the_file_do(
    folder: Path, config: NetworkConfig, file: str, size: int, likeness: dict[str, float]
) -> None:
    """Not to the letter, since ReLU6 caps each channel at another size; kernels in another order would be near 0."""
    pixels = _pictures(size)
    network = build_network(config, size=size, labels=2)
    load_pretrained(network, dataclasses.replace(config, pretrained=file), pixels, folder=folder)
    for layer, least in likeness.items():
        reached = _likeness(network, folder / file, pixels, layer)
        assert reached > least, layer


@pytest.mark.parametrize(
    ("config", "file"),
    [
        (_config(), V1.format("0.25_128")),
        (_config(stain_front=True), V1.format("0.25_128")),
        (_config("mobilenet_v2"), V2),
    ],
)
def test_training_starts_from_the_same_function(folder: Path, config: NetworkConfig, file: str) -> None:
    """With the norms in training mode, on the pictures they were set on, the network answers the same."""
    pixels = _pictures()
    network = build_network(config, size=128, labels=2)
    load_pretrained(network, dataclasses.replace(config, pretrained=file), pixels, folder=folder)
    read = network_input(network, pixels)
    still, moving = (network(read, training=training).numpy() for training in (False, True))
    np.testing.assert_allclose(still, moving, atol=0.02)


def _other_files() -> list[tuple[NetworkConfig, str]]:
    deeper = {"channels": (16, 32, 32, 64, 64, *[128] * 6, 256, 256, 256), "strides": (1, 2) * 7}
    return [
        (_config(channels=(16, 24), strides=(1, 2)), r"convolution 4 is .*block1_pointwise"),
        (_config(**deeper), "set stem, channels and strides"),
        (_config("mobilenet_v1", 0.5), r"convolution 0 is \[3, 3, 3, 8\], stem is \[3, 3, 3, 16\]; .*width"),
        (_config("mobilenet_v2", 0.25), r"convolution 2 is .*block0_project"),
    ]


@pytest.mark.parametrize(("config", "message"), _other_files())
def test_a_network_of_another_shape_is_refused(folder: Path, config: NetworkConfig, message: str) -> None:
    network = build_network(config, size=32, labels=2)
    before = network.get_weights()
    with pytest.raises(TrainError, match=message):
        load_pretrained(network, config, _pictures(32), folder=folder)
    for kept, value in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, value)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(b"not a model")
    for name in ("x.tflite", "absent.tflite"):
        config = _config(pretrained=name)
        with pytest.raises(TrainError, match="EDGE_CLASSIFY_WEIGHTS"):
            load_pretrained(build_network(config, size=32, labels=2), config, _pictures(32), folder=tmp_path)


def test_a_file_of_floats_is_refused() -> None:
    floats = ROOT / "benchmarks" / "reference" / "float32.tflite"
    config = _config(pretrained=floats.name)
    with pytest.raises(TrainError, match=r"float32.tflite: holds floats; give a file of 8-bit weights"):
        load_pretrained(build_network(config, size=32, labels=2), config, _pictures(32), folder=floats.parent)


def test_keras_s_own_networks_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights stand in for those that Keras fetches; at the right width, and with norms that do something."""
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(3)
    theirs: list[Any] = []

    def fetch(shape: tuple[int, ...], *, alpha: float, include_top: bool, weights: str) -> Any:
        assert (alpha, include_top, weights) == (0.25, False, "imagenet")
        network = published(shape, alpha=alpha, include_top=False, weights=None)
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                gamma, *_, variance = layer.get_weights()
                near = [random.normal(0, 0.1, gamma.shape) for _ in range(2)]
                layer.set_weights([gamma * 1.1, near[0], near[1], variance * 0.9])
        theirs.append(network)
        return network

    published = keras.applications.MobileNet
    monkeypatch.setattr(keras.applications, "MobileNet", fetch)
    config = _config(pretrained=IMAGENET)
    network = build_network(config, size=128, labels=2)
    pixels = _pictures()
    load_pretrained(network, config, pixels, folder=Path())
    ours = keras.Model(network.input, network.get_layer("block2_pointwise_relu").output)(pixels / 255.0).numpy()
    wanted = keras.Model(theirs[0].input, theirs[0].get_layer("conv_pw_3_relu").output)
    expected = published((128, 128, 3), alpha=0.25, include_top=False, weights=None)
    expected.set_weights(theirs[0].get_weights())
    wanted = keras.Model(expected.input, expected.get_layer("conv_pw_3_relu").output)(pixels / 127.5 - 1).numpy()
    alike = [
        np.corrcoef(ours[..., c].ravel(), wanted[..., c].ravel())[0, 1]
        for c in range(ours.shape[-1])
        if wanted[..., c].std() > 1e-3
    ]
    assert len(alike) > 10 and np.median(alike) > 0.95


@pytest.mark.parametrize(("architecture", "builder"), [("mobilenet_v1", "MobileNet"), ("mobilenet_v2", "MobileNetV2")])
def test_without_a_net_one_line_names_the_way_out(
    monkeypatch: pytest.MonkeyPatch, architecture: str, builder: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Exception("URL fetch failure on https://storage.example: None -- Name or service not known\nmore")

    monkeypatch.setattr(keras.applications, builder, refuse)
    config = _config(architecture, 0.5, pretrained=IMAGENET)
    with pytest.raises(TrainError, match=r"width 0\.5 \(URL fetch failure.*EDGE_CLASSIFY_WEIGHTS") as caught:
        load_pretrained(keras.Sequential(), config, _pictures(32), folder=Path())
    assert "\n" not in str(caught.value)


def test_a_width_that_keras_has_no_weights_of_is_refused() -> None:
    config = _config("mobilenet_v2", 0.2, pretrained=IMAGENET)
    with pytest.raises(TrainError, match=r"no weights for mobilenet_v2 of width 0\.2"):
        load_pretrained(keras.Sequential(), config, _pictures(32), folder=Path())
