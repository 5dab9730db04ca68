"""What the guard of the shipped model catches of what is no training cell, and what is answered all the same."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.bccd import TrueField, read_half, red_cells
from benchmarks.intruders import CHANGED, DRAWN
from benchmarks.pictures import PicturesError, cell_paths
from benchmarks.round_trip import FIELD_UM_PER_PIXEL
from edge_runtime.cells import find_cells
from edge_runtime.classifier import Classifier
from edge_runtime.contract import Interval
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.preprocess import PixelArray, read_picture
from edge_runtime.restain import restain
from edge_runtime.scoring.wilson import wilson

_UNLIKE = "unlike the training cells"


@dataclass(frozen=True)
class Catch:
    """What became of one kind of picture.

    Attributes:
        kind: in words.
        pictures: how many.
        unlike: of these, called unlike the training cells.
        uncertain: of these, not answered for any reason.
    """

    kind: str
    pictures: int
    unlike: int
    uncertain: int


def measure(classifier: Classifier, pictures: int, say: Callable[[str], None]) -> tuple[list[Catch], list[str]]:
    """Shows the classifier what it was not trained on.

    Args:
        classifier: of a model with a scale.
        pictures: of each kind, where there are so many.
        say: told what comes next.

    Returns:
        The kinds, and what could not be shown because its pictures are not there.
    """
    catches, missing = [], []
    for kind, draw in DRAWN.items():
        say(kind)
        catches.append(_catch(classifier, f"drawn: {kind}", (draw(np.random.default_rng(i)) for i in range(pictures))))
    try:
        cells = cell_paths(pictures)
        as_they_are = map(read_picture, cells)
        catches.append(_catch(classifier, "C-NMC: real cells as they are, which it was fitted to", as_they_are))
        for kind, change in CHANGED.items():
            say(f"C-NMC, {kind}")
            catches.append(
                _catch(classifier, f"C-NMC: real cells {kind}", (change(read_picture(path)) for path in cells))
            )
    except PicturesError as error:
        missing.append(str(error))
    try:
        say("BCCD")
        catches += _of_fields(classifier, read_half("report"))
    except PicturesError as error:
        missing.append(str(error))
    return catches, missing


def markdown_of(catches: Sequence[Catch], missing: Sequence[str], stated: Interval) -> str:
    """The table.

    Args:
        catches: from `measure`.
        missing: from there too.
        stated: the guard's false alarms on people it was not fitted to, from the contract.
    """
    lines = ["| shown | pictures | called unlike the training cells (95 %) | not answered for any reason |"]
    lines.append("| --- | ---: | ---: | ---: |")
    for catch in catches:
        unlike, uncertain = (wilson(part, catch.pictures) for part in (catch.unlike, catch.uncertain))
        lines.append(f"| {catch.kind} | {catch.pictures} | {_interval(unlike)} | {uncertain.value:.3f} |")
    lines += ["", f"Real cells of people it was not fitted to, called unlike: {_interval(stated)}, by the contract."]
    lines += [f"Not shown: {text}." for text in missing]
    return "\n".join([*lines, "", RESEARCH_USE])


def _interval(share: Interval) -> str:
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def _of_fields(classifier: Classifier, fields: Sequence[TrueField]) -> Iterator[Catch]:
    """Whole fields, and their cells cut out on black at the scale of the training cells."""
    spec = classifier.contract.input
    assert spec.um_per_pixel is not None
    yield _catch(classifier, "BCCD: whole fields", (field.picture for field in fields))
    found = [
        cell.picture
        for field in fields
        for cell in find_cells(field.picture, spec, um_per_pixel=FIELD_UM_PER_PIXEL).cells
        if cell.picture is not None
    ]
    yield _catch(classifier, "BCCD: nuclei of white cells of all kinds", found)
    brought = restain(found, spec, classifier.contract.guard)[0]
    yield _catch(classifier, "BCCD: the same, brought to the stain of the training cells", brought)
    zoom = FIELD_UM_PER_PIXEL / spec.um_per_pixel
    red = (_on_black(cell, zoom, spec.crop) for field in fields for cell in red_cells(field)[:1])
    yield _catch(classifier, "BCCD: a red cell of each field, along the ellipse in its box", red)


def _on_black(box: PixelArray, zoom: float, crop: int) -> PixelArray:
    """The ellipse in a box, enlarged and put in the middle of a black picture, uint8 `[crop, crop, 3]`, BGR."""
    enlarged = cv2.resize(box, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
    height, width = enlarged.shape[:2]
    mask = np.zeros((height, width, 1), np.uint8)
    cv2.ellipse(mask, (((width - 1) / 2, (height - 1) / 2), (width, height), 0), (1,), cv2.FILLED)
    above, before = (crop - height) // 2, (crop - width) // 2
    picture = np.zeros((crop, crop, 3), np.uint8)
    picture[above : above + height, before : before + width] = enlarged * mask
    return picture


def _catch(classifier: Classifier, kind: str, pictures: Iterable[PixelArray]) -> Catch:
    doubts = [classifier.classify(picture).doubt for picture in pictures]
    return Catch(kind, len(doubts), sum(doubt.startswith(_UNLIKE) for doubt in doubts), sum(map(bool, doubts)))
