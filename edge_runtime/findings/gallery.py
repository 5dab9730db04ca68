"""Cells as a page shows them: a thumbnail each, and what was said of it."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from edge_runtime.contract import MAX_CROP, InputSpec
from edge_runtime.findings.page import image
from edge_runtime.findings.pictures import as_png_uri, brightened
from edge_runtime.preprocess import PixelArray, prepare
from edge_runtime.row import Row
from edge_runtime.sources.opened import picture_of

_SIDE = 112  # pixels of a thumbnail; a page of some fifty stays under 2 MB
_ROUND_A_BOX = 1.2  # of a field's cell, so that its edge is seen


def gallery(rows: Sequence[Row], spec: InputSpec, notes: Sequence[str]) -> str:
    """A list of cells.

    Args:
        rows: at most some dozens.
        spec: of the model, for the middle that it looks at.
        notes: what else is said of each row, plain text.
    """
    items = []
    for row, note in zip(rows, notes, strict=True):
        picture = picture_of(row)
        alt = f"Cell answered {row.label}"
        shown = (
            image(as_png_uri(_thumbnail(picture, row, spec)), alt) if picture is not None else "<div>no picture</div>"
        )
        name = row.path.replace("\\", "/").rpartition("/")[2]
        page = "" if row.frame is None else f", page {row.frame}"
        cell = "" if row.box is None else f", cell {row.cell}"
        probability = max(row.probabilities.values())
        items.append(
            f'<li><figure title="{escape(row.path)}">{shown}<figcaption><strong>{escape(str(row.label))}</strong> '
            f"{probability:.3f}<br>{escape(note)}<br>{escape(name + page + cell)}</figcaption></figure></li>"
        )
    return f'<ul class="cells">{"".join(items)}</ul>'


def _thumbnail(picture: PixelArray, row: Row, spec: InputSpec) -> PixelArray:
    """uint8 `[_SIDE, _SIDE, 3]`, RGB, brightened for the eye; black where the picture ends."""
    crop = spec.crop
    if row.box is not None:
        x, y, width, height = row.box
        crop = round(_ROUND_A_BOX * max(width, height))
        margin_x, margin_y = (crop - width) // 2, (crop - height) // 2
        picture = picture[max(0, y - margin_y) : y + height + margin_y, max(0, x - margin_x) : x + width + margin_x]
    crop = min(max(crop, _SIDE), MAX_CROP)
    return brightened(
        prepare(picture, replace(spec, crop=crop, size=_SIDE, colour_order="rgb", optical_density_table=None))
    )
