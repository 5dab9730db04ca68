"""Drawn cells in the C-NMC layout, and settings small enough for a test to train on them."""

import re
from pathlib import Path

import cv2

from compress.recipe import DEFAULT_RECIPE
from samples.draw import draw_cell
from train.config import DEFAULT_CONFIG


def draw_data_set(folder: Path, *, subjects: int, cells: int) -> Path:
    """Draws cells of some subjects of each class, `cells` each, as C-NMC names them."""
    for label in ("all", "hem"):
        (folder / "fold_0" / label).mkdir(parents=True)
        for subject in range(1, subjects + 1):
            for cell in range(1, cells + 1):
                picture = draw_cell(100 * subject + cell, leukemic=label == "all")
                name = f"UID_{'H' if label == 'hem' else ''}{subject}_1_{cell}_{label}.png"
                cv2.imwrite(str(folder / "fold_0" / label / name), picture)
    return folder


def write_small_settings(folder: Path) -> tuple[Path, Path]:
    """Two epochs of a small network, and a recipe that lets it pass: what is proved is the line, not the model."""
    config, recipe = folder / "config.toml", folder / "recipe.toml"
    text = DEFAULT_CONFIG.read_text("utf-8")
    text = changed(text, epochs=2, batch=8, stem=8, channels="[16, 16]", strides="[2, 2]", pretrained='""')
    config.write_text(changed(text, crop=384, size=64, warmup_epochs=0, weight=0.0), "utf-8")
    text = DEFAULT_RECIPE.read_text("utf-8")
    recipe.write_text(changed(text, sparsity=0.5, epochs=1, calibration_cells=16, flips=1.0, weighted_f1=1.0), "utf-8")
    return config, recipe


def changed(text: str, **values: object) -> str:
    """A TOML text with other values for some keys, wherever they stand."""
    for name, value in values.items():
        text, count = re.subn(rf"^{name}( *)= .*", f"{name} = {value}", text, flags=re.MULTILINE)
        assert count, name
    return text
