"""Every architecture goes the whole way: a step of training, pruning, int8 training, a bundle that tests itself.

The compact one goes it in `test_line.py`. The MobileNets are cut short: their first stages have every kind of layer.
"""

from pathlib import Path

import pytest

from compress.compress import compress
from compress.recipe import read_recipe
from edge_runtime.bundle import read_bundle
from edge_runtime.classifier import Classifier
from tests.drawn import changed
from tests.operators import assert_all_int8, operators_of
from train.architectures import mobilenet_v1, mobilenet_v2
from train.config import read_config
from train.data import load_data
from train.dataset import read_dataset
from train.density import density_table
from train.fit import fit
from train.run import read_run

PROBE = Path(__file__).parent.parent / "samples" / "cell-02.png"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first blocks of each network."""
    monkeypatch.setattr(mobilenet_v1, "_CHANNELS", (64, 128, 128))
    monkeypatch.setattr(mobilenet_v1, "STRIDES", (1, 2, 1))
    monkeypatch.setattr(mobilenet_v2, "_STAGES", ((1, 16, 1, 1), (6, 24, 2, 2)))
    monkeypatch.setattr(mobilenet_v2, "_HEAD", 64)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("architecture", "stain_front"), [("mobilenet_v1", False), ("mobilenet_v2", False), ("compact", True)]
)
def test_it_goes_the_whole_way_to_int8(
    architecture: str,
    stain_front: bool,
    small_settings: tuple[Path, Path],
    many_drawn_cells: Path,
    tmp_path: Path,
) -> None:
    settings = tmp_path / "config.toml"
    text = small_settings[0].read_text("utf-8")
    text = changed(text, architecture=f'"{architecture}"', width=0.25, stain_front=str(stain_front).lower())
    settings.write_text(changed(text, epochs=1, batch=64, crop=96 * 3, size=96), "utf-8")
    config, run, out = read_config(settings), tmp_path / "run", tmp_path / "made.tflite"
    data = load_data(read_dataset(many_drawn_cells), config, {})
    fit(data, config, run)
    compress(run, read_run(run), data, read_recipe(small_settings[1]), PROBE, out)
    bundle = read_bundle(out)
    assert Classifier(bundle).self_test() == "pixels bit-equal, probabilities bit-equal"
    assert bundle.contract.input.optical_density_table == (density_table() if stain_front else None)
    assert_all_int8(bundle.model)
    assert ("ADD" in {name for name, _ in operators_of(bundle.model)}) == (architecture == "mobilenet_v2")
