"""The two TOML files: every key known, every value in range."""

import re
from pathlib import Path

import pytest

from compress.errors import CompressError
from compress.recipe import DEFAULT_RECIPE, read_recipe
from train.config import DEFAULT_CONFIG, config_toml, read_config
from train.errors import TrainError


def _changed(source: Path, folder: Path, pattern: str, replacement: str) -> Path:
    """A copy of a settings file with one line replaced."""
    text, count = re.subn(pattern, replacement, source.read_text("utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1
    path = folder / source.name
    path.write_text(text, "utf-8")
    return path


def test_the_shipped_files_are_read() -> None:
    assert read_config().picture.spec.size == read_config().picture.size
    assert read_recipe().tolerance.flips <= 0.02
    assert read_recipe().tolerance.weighted_f1 <= 0.01


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"^batch = .*", "batch = 0", "fit.*batch"),
        (r"^batch = .*", "batch = '32'", "fit.batch"),
        (r"^batch = .*", "", "'fit.batch' is missing"),
        (r"^batch = .*", "batch = 32\nbatches = 32", "'fit.batches' is unknown"),
        (r"^learning_rate = .*", "learning_rate = 2.0", "learning_rate"),
        (r"^rotate = .*", 'rotate = "half"', "augment.rotate"),
        (r"^stain = .*", "stain = -0.1", "stain must be"),
        (r"^strides .*", "strides = [1]", "channels and strides"),
        (r"^architecture = .*", "architecture = 'resnet'", "architecture' is 'resnet', must be 'compact' or"),
        (r"^width = .*", "width = 0", "width must be over 0"),
        (r"^stain_front = .*", "stain_front = 1", "network.stain_front"),
        (r"^report = .*", "report = 0.9", "sum to 1"),
        (r"^size = .*", "size = 4", "picture.*size"),
        (r"^seed = .*", "seed = nan", "fit.seed"),
        (r"^name = .*", "name = ", "not TOML"),
        (r"^data = .*", 'data = ""', "data must not be empty"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, pattern: str, replacement: str, message: str) -> None:
    path = _changed(DEFAULT_CONFIG, tmp_path, pattern, replacement)
    with pytest.raises(TrainError, match=message) as caught:
        read_config(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"^sparsity = .*", "sparsity = 1.0", "sparsity must be"),
        (r"^epochs = .*", "epochs = 0", "epochs must be"),
        (r"^flips = .*", "", "'tolerance.flips' is missing"),
        (r"^calibration_cells = .*", "calibration_cells = 0", "calibration_cells"),
    ],
)
def test_a_wrong_recipe_is_named(tmp_path: Path, pattern: str, replacement: str, message: str) -> None:
    path = _changed(DEFAULT_RECIPE, tmp_path, pattern, replacement)
    with pytest.raises(CompressError, match=message):
        read_recipe(path)


def test_written_settings_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "written.toml").write_text(config_toml(read_config()), "utf-8")
    assert read_config(tmp_path / "written.toml") == read_config()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"absent\.toml: cannot be read"):
        read_config(tmp_path / "absent.toml")
