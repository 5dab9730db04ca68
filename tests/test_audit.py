"""What `python -m train audit` finds."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.findings.groups import read_groups
from samples.draw import draw_cell
from train.audit import audit_dataset, describe
from train.dataset import read_dataset
from train.groups import C_NMC_GROUPS, groups_of
from train.texture import SAME_CELL, texture


def test_a_cell_cut_out_again_is_the_same_cell_and_another_is_not() -> None:
    cell = draw_cell(1, leukemic=True)
    moved = np.roll(cell, (9, -14), axis=(0, 1))
    dimmer = (moved * 0.9).astype(np.uint8)
    trimmed = dimmer * cv2.erode(dimmer.any(axis=2).astype(np.uint8), np.ones((5, 5)))[:, :, None]
    assert texture(cell) @ texture(trimmed) > SAME_CELL
    assert texture(cell) @ texture(draw_cell(3, leukemic=True)) < 0.5
    assert not texture(np.zeros((450, 450, 3), np.uint8)).any()


def test_the_audit_finds_what_is_wrong_with_a_folder(drawn_cells: Path) -> None:
    first, second = (cell.path for cell in read_dataset(drawn_cells).cells[:2])
    shutil.copy(first, first.with_name("UID_90_1_1_all.png"))  # the same pixels under another subject
    moved = np.roll(cv2.imread(str(second)), (5, 7), axis=(0, 1))
    cv2.imwrite(str(second.with_name("UID_91_1_1_all.png")), moved)  # the same cell, cut out elsewhere
    first.with_name("UID_92_1_1_all.png").write_bytes(first.read_bytes()[:300])
    shutil.copy(first, first.with_name("slide 7.png"))
    dataset = read_dataset(drawn_cells)
    found = audit_dataset(dataset)
    of_first, of_second = (next(c.subject for c in dataset.cells if c.path == path) for path in (first, second))
    assert found.identical == {(of_first, "90"): 1}
    assert found.similar[of_first, "90"] == 1 and found.similar[of_second, "91"] == 1
    assert found.groups["90"] == found.groups[of_first] and found.groups["91"] == found.groups[of_second]
    assert [path.name for path in dataset.misnamed] == ["slide 7.png"]
    assert len(found.unreadable) == 1 and "UID_92_1_1_all.png" in found.unreadable[0]
    text = describe(found)
    for word in ("slide 7.png", "UID_92_1_1_all.png", f"{of_first} and 90: 1", "subject groups that must stay"):
        assert word in text


def test_small_cells_without_texture_are_known_by_their_pixels(drawn_cells: Path) -> None:
    first, second = (cell.path for cell in read_dataset(drawn_cells).cells[:2])
    for path, picture in ((first, draw_cell(1, leukemic=True)), (second, np.zeros((450, 450, 3), np.uint8))):
        cv2.imwrite(str(path), cv2.resize(picture, (28, 28), interpolation=cv2.INTER_AREA))
    for subject, path in (("90", first), ("91", second)):
        shutil.copy(path, path.with_name(f"UID_{subject}_1_1_all.png"))
    found = audit_dataset(read_dataset(drawn_cells))
    assert list(found.identical.values()) == [1] and "90" in next(iter(found.identical))
    assert "91" not in found.groups, "nothing is on either picture"


def test_the_audit_of_the_real_cells_finds_the_known_people(c_nmc: Path) -> None:
    dataset = read_dataset(c_nmc)
    found = audit_dataset(dataset)
    known = read_groups(C_NMC_GROUPS)
    subjects = sorted({cell.subject for cell in dataset.cells})
    pairs = {
        frozenset((a, b))
        for grouping in (known, found.groups)
        for a in subjects
        for b in subjects
        if a < b and grouping.get(a, a) == grouping.get(b, b)
    }
    for a, b in map(sorted, pairs):
        assert groups_of([a], found.groups) == groups_of([b], found.groups), (a, b)
        assert groups_of([a], known) == groups_of([b], known), (a, b)
    assert sum(found.identical.values()) == 22
    assert not found.unreadable and not found.two_labels
