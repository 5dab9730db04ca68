"""Names, CSVs and the arrays made from them."""

import csv
import dataclasses
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.bundle import Bundle
from edge_runtime.classifier import Classifier
from edge_runtime.errors import PictureError
from edge_runtime.findings.names import parse_c_nmc_name
from edge_runtime.preprocess import read_picture
from train.config import read_config
from train.crossval import nested_splits
from train.data import load_data
from train.dataset import Cell, load_pixels, read_dataset, several_labels
from train.errors import TrainError


@pytest.mark.parametrize(
    ("name", "subject", "label"),
    [
        ("UID_14_11_1_all.bmp", "14", "all"),
        ("UID_H10_3_22_hem.webp", "H10", "hem"),
        ("UID_h3_1_1_hem.PNG", "H3", "hem"),
        ("UID_6_1_1_all.jpeg", "6", "all"),
        ("UID_H6_1_1_hem.tif", "H6", "hem"),
    ],
)
def test_a_c_nmc_name_gives_subject_and_label(name: str, subject: str, label: str) -> None:
    assert parse_c_nmc_name(name) == (subject, label)


@pytest.mark.parametrize(
    "name",
    [
        "UID_H10_3_22_all.bmp",
        "UID_14_1_1_hem.bmp",
        "UID_14_1_all.bmp",
        "14_1_1_all.bmp",
        "UID_1_1_1_all.gif",
        "UID_1_1_1_ALL.bmp",
    ],
)
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"UID_|subject"):
        parse_c_nmc_name(name)


def test_the_real_folder_is_read_as_its_manifest_says(c_nmc: Path) -> None:
    with open(c_nmc / "manifest.csv", newline="") as file:
        wanted = {row["path"]: (row["subject"], row["label"]) for row in csv.DictReader(file)}
    dataset = read_dataset(c_nmc)
    found = {cell.path.relative_to(c_nmc).as_posix(): (cell.subject, cell.label) for cell in dataset.cells}
    assert found == wanted
    assert dataset.labels == ("all", "hem")
    assert dataset.misnamed == ()


def test_decoded_real_cells_are_the_published_pixels(c_nmc: Path) -> None:
    with open(c_nmc / "manifest.csv", newline="") as file:
        rows = list(csv.DictReader(file))[::500]
    for row in rows:
        assert hashlib.sha256(read_picture(c_nmc / row["path"]).tobytes()).hexdigest() == row["pixels_sha256"]


def test_a_csv_with_any_labels_is_read(tmp_path: Path) -> None:
    table = tmp_path / "slides.csv"
    table.write_text('path,subject,label\n"a, b.png",P1,blast\nsub/ä.png,P2,monocyte\nc.png,P3,normal\n', "utf-8")
    dataset = read_dataset(table)
    assert dataset.labels == ("blast", "monocyte", "normal")
    assert dataset.cells[0] == Cell(tmp_path / "a, b.png", "P1", "blast")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.png,x\n", "line 1 must be"),
        ("path,subject,label\na.png,,x\n", "line 2"),
        ("path,subject,label\na.png,P1,x,y\n", "line 2"),
        ("path,subject,label\na.png,P1\n", "line 2"),
        ("path,subject,label\na.png,P1,x\n", "two labels"),
        ("path,subject,label\n", "two labels"),
        ("", "line 1 must be"),
    ],
)
def test_a_csv_of_another_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "slides.csv"
    table.write_text(text, "utf-8")
    with pytest.raises(TrainError, match=message) as caught:
        read_dataset(table)
    assert str(table) in str(caught.value)


def test_a_folder_without_cells_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no cells named UID_"):
        read_dataset(tmp_path)
    with pytest.raises(TrainError, match="no such folder or CSV"):
        read_dataset(tmp_path / "absent")


def test_a_folder_of_one_label_teaches_nothing(many_drawn_cells: Path, tmp_path: Path) -> None:
    for cell in read_dataset(many_drawn_cells).cells:
        if cell.label == "all":
            shutil.copy(cell.path, tmp_path)
    dataset, config = read_dataset(tmp_path), read_config()
    for start in (lambda: load_data(dataset, config, {}), lambda: nested_splits(dataset, config, {}, folds=2)):
        with pytest.raises(TrainError, match=r"no cell of label hem; all labels are needed"):
            start()


def test_an_unreadable_cell_is_named(drawn_cells: Path) -> None:
    dataset = read_dataset(drawn_cells)
    dataset.cells[1].path.write_bytes(b"BM")
    with pytest.raises(PictureError, match=dataset.cells[1].path.name):
        load_pixels(dataset.cells, read_config().picture.spec)


def test_a_subject_of_two_labels_is_named_before_training(
    many_drawn_cells: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cells = read_dataset(many_drawn_cells).cells
    lines = [f"{cell.path},{cell.subject},{'hem' if i == 1 else cell.label}" for i, cell in enumerate(cells)]
    table = tmp_path / "slides.csv"
    table.write_text("\n".join(["path,subject,label", *lines]) + "\n", "utf-8")
    dataset = read_dataset(table)
    assert several_labels(dataset.cells) == {"1": (dataset.cells[0], dataset.cells[1])}
    assert several_labels(cells) == {}
    with caplog.at_level("INFO", "train"):
        load_data(dataset, read_config(), {})
    assert [line for line in caplog.messages if "several labels" in line] == [
        "subjects with several labels, who are split by the one of most of their cells: 1"
    ]


def test_training_feeds_the_bytes_that_the_device_feeds(c_nmc: Path, default_bundle: Bundle) -> None:
    """What reaches the interpreter's input tensor is, byte for byte, what reaches the network in training."""
    cells = read_dataset(c_nmc).cells[::313]
    classifier = Classifier(default_bundle)
    fed: list[np.ndarray] = []
    invoke = classifier.interpreter.invoke

    def listen(tensor: np.ndarray) -> np.ndarray:
        fed.append(tensor.copy())
        return invoke(tensor)

    classifier.interpreter.invoke = listen  # type: ignore[method-assign]
    for cell in cells:
        classifier.classify(read_picture(cell.path))
    trained = load_pixels(cells, default_bundle.contract.input)
    assert trained.dtype == np.uint8
    assert np.concatenate(fed).tobytes() == trained.tobytes()
    # What the device knows beyond that is how to bring cells of a field to these pictures.
    spec = dataclasses.replace(default_bundle.contract.input, um_per_pixel=None, stain_reference=None)
    assert read_config().picture.spec == spec
