"""A network started from a folded ImageNet model is that model."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from samples.draw import draw_cell
from tests.conftest import shared_folder
from train.config import NetworkConfig, read_config
from train.errors import TrainError
from train.network import build_network
from train.pretrained import load_pretrained


@pytest.fixture(scope="module")
def weights() -> Path:
    """The pretrained file that the default settings name."""
    return shared_folder("EDGE_CLASSIFY_WEIGHTS", "weights") / read_config().network.pretrained


def _pictures() -> np.ndarray:
    """Drawn cells that fill the picture, so that the border of the convolutions matters little."""
    cells = [draw_cell(i, leukemic=True)[161:289, 161:289, ::-1] for i in range(4)]
    return np.ascontiguousarray(np.stack(cells))


@pytest.mark.parametrize(("block", "likeness"), [(0, 0.9), (10, 0.75)])
def test_its_channels_stir_as_those_of_the_file_do(weights: Path, block: int, likeness: float) -> None:
    """Not to the letter, since ReLU6 caps each channel at another size; kernels in another order would be near 0."""
    pixels = _pictures()
    network = build_network(read_config().network, size=128, labels=2)
    load_pretrained(network, weights, pixels)
    ours = keras.Model(network.input, network.get_layer(f"block{block}_pointwise_relu").output)(pixels / 255.0)
    interpreter = Interpreter(
        str(weights),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    convolutions = [op for op in interpreter._get_ops_details() if "CONV_2D" in op["op_name"]]
    output = convolutions[2 * (block + 1)]["outputs"][0]
    for picture, own in zip(pixels, ours.numpy(), strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[np.newaxis])
        interpreter.invoke()
        theirs = interpreter.get_tensor(output)[0].astype(float)
        # Each channel has a size of its own here; a channel that does not stir in 8 bits says nothing.
        stirring = [c for c in range(theirs.shape[2]) if theirs[:, :, c].std() > 5 and own[:, :, c].std() > 0]
        alike = [np.corrcoef(theirs[:, :, c].ravel(), own[:, :, c].ravel())[0, 1] for c in stirring]
        assert len(alike) > 10
        assert np.median(alike) > likeness


def test_training_starts_from_the_same_function(weights: Path) -> None:
    """With the norms in training mode, on the pictures they were set on, the network answers the same."""
    pixels = _pictures()
    network = build_network(read_config().network, size=128, labels=2)
    load_pretrained(network, weights, pixels)
    still, moving = (network(pixels / 255.0, training=training).numpy() for training in (False, True))
    np.testing.assert_allclose(still, moving, atol=0.02)


def test_a_network_of_another_shape_is_refused(weights: Path) -> None:
    other = NetworkConfig(8, (16, 24), (1, 2), 0.0, weights.name)
    with pytest.raises(TrainError, match=r"convolution 4 is .*block1_pointwise"):
        load_pretrained(build_network(other, size=128, labels=2), weights, _pictures())
    deeper = dataclasses.replace(other, channels=(16, 32, 32, 64, 64, *[128] * 6, 256, 256, 256), strides=(1, 2) * 7)
    with pytest.raises(TrainError, match="set stem, channels and strides"):
        load_pretrained(build_network(deeper, size=128, labels=2), weights, _pictures())


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(b"not a model")
    for path in (tmp_path / "x.tflite", tmp_path / "absent.tflite"):
        with pytest.raises(TrainError, match="EDGE_CLASSIFY_WEIGHTS"):
            load_pretrained(build_network(read_config().network, size=128, labels=2), path, _pictures())
