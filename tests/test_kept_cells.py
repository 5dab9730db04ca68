"""Uncertain cells of a camera's fields, kept for labelling: what `train` reads is what the classifier was given."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_runtime.cells import Field
from edge_runtime.classifier import Classifier, Decision
from edge_runtime.contract import Contract
from edge_runtime.given_pictures import GivenPictures
from edge_runtime.kept_pictures import KeptPictures, keep_uncertain
from edge_runtime.look_at_field import look_at_field
from edge_runtime.preprocess import PixelArray, prepare, read_picture
from edge_runtime.row import Row
from edge_runtime.sources.frame import Frame
from samples.draw_field import FIELD, UM_PER_PIXEL
from tests.conftest import RunCli
from train.dataset import CSV_COLUMNS, load_pixels, read_dataset


class Spy(Classifier):
    """Remembers what it was given, and doubts all."""

    given: list[PixelArray]

    def classify(self, picture: PixelArray) -> Decision:
        self.given.append(picture)
        return Decision("all", "too close to call", (0.5, 0.5))


def label(kept: Sequence[Path], file: Path) -> Path:
    """What a person writes beside the pictures."""
    with open(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(CSV_COLUMNS)
        writer.writerows((path.name, f"P{i % 3}", ("all", "hem")[i % 2]) for i, path in enumerate(kept))
    return file


# As it is, and so much denser that every cell's stain is changed before it is classified.
@pytest.mark.parametrize("density", [1.0, 1.7])
def test_training_reads_what_the_classifier_was_given(density: float, tmp_path: Path) -> None:
    spy: Any = Spy.from_file()
    spy.given = []
    contract: Contract = spy.contract
    pictures = GivenPictures(contract)
    found: list[Field] = []

    def see(frame: Frame, field: Field, rows: Sequence[Row]) -> None:
        found.append(field)
        pictures.note(frame, field, rows)

    look = keep_uncertain(
        look_at_field(spy, um_per_pixel=UM_PER_PIXEL, seen=see),
        KeptPictures(tmp_path, budget_mb=10, notice=pytest.fail),
        cut=pictures.of,
    )
    denser = np.asarray(np.rint(255 * (read_picture(FIELD) / 255) ** density), np.uint8)
    rows = look(Frame("c", denser, 0))
    assert "skipped" in {row.status for row in rows}, "one cell lies at the border"
    kept = sorted(tmp_path.glob("*.png"))
    assert len(kept) == len(spy.given) > 3
    for path, given in zip(kept, spy.given, strict=True):
        picture = read_picture(path)
        np.testing.assert_array_equal(picture, given)
        assert picture.shape == (contract.input.crop, contract.input.crop, 3)
        assert not picture[0].any() and not picture[:, 0].any(), "on black"
    cut = [cell.picture for cell in found[0].cells if cell.picture is not None]
    assert all(np.array_equal(a, b) for a, b in zip(cut, spy.given, strict=True)) == (density == 1.0)
    dataset = read_dataset(label(kept, tmp_path / "labelled.csv"))
    pixels = load_pixels(dataset.cells, contract.input)
    np.testing.assert_array_equal(pixels, [prepare(given, contract.input) for given in spy.given])


def test_the_command_keeps_cells_of_fields_that_train_reads(tmp_path: Path, run_cli: RunCli) -> None:
    """A cell of several lobes is uncertain, whatever the model says."""
    field = read_picture(FIELD)
    for number, picture in enumerate((field, field[::-1])):
        cv2.imwrite(str(tmp_path / f"frame-{number}.png"), picture)
    options = ("--um-per-pixel", str(UM_PER_PIXEL), "--keep-uncertain", tmp_path / "kept", "--session", tmp_path)
    done = run_cli("--camera", tmp_path / "frame-%d.png", *options)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "session-000001.csv").read_text("utf-8").splitlines()))
    uncertain = [row for row in rows if row["status"] == "uncertain"]
    kept = sorted((tmp_path / "kept").glob("*.png"))
    assert len(kept) == len(uncertain) >= 2
    dataset = read_dataset(label(kept, tmp_path / "kept" / "labelled.csv"))
    answers = [Classifier.from_file().classify(read_picture(cell.path)) for cell in dataset.cells]
    assert [round(answer.probabilities[0], 4) for answer in answers] == [float(row["p_all"]) for row in uncertain]
