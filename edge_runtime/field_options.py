"""The options of `edge-classify` that have to do with whole fields, and the look they ask for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from edge_runtime.cells import Field
    from edge_runtime.classifier import Classifier
    from edge_runtime.look import Look
    from edge_runtime.look_at_field import Seen
    from edge_runtime.row import Row
    from edge_runtime.sources.frame import Frame

InputKind = Literal["cells", "fields"]
Command = TypeVar("Command", bound=Callable[..., Any])
# A cell of 10 um is 20 pixels wide at the coarsest, 1,000 at the finest.
SMALLEST_UM_PER_PIXEL, LARGEST_UM_PER_PIXEL = 0.01, 0.5


@dataclass(frozen=True)
class FieldOptions:
    """What was asked for.

    Attributes:
        input: one cell a picture, or whole fields; None is cells for files and fields for a camera.
        um_per_pixel: scale of the fields; None measures it.
        annotate: folder for drawn fields; None draws none.
    """

    input: InputKind | None
    um_per_pixel: float | None
    annotate: Path | None

    def are_fields(self, *, camera: bool) -> bool:
        """Whether whole fields are looked at, with a row for each cell in them, and not one cell a picture."""
        return (self.input or ("fields" if camera else "cells")) == "fields"

    def look(self, classifier: "Classifier", *, camera: bool, seen: "Seen | None" = None) -> "Look":
        """The look they ask for.

        Args:
            classifier: answers.
            camera: whether the frames are a camera's.
            seen: is told what was found in a field too.

        Raises:
            EdgeClassifyError: a model that takes no fields, or a folder that cannot be written to.
        """
        if not self.are_fields(camera=camera):
            from edge_runtime.look import look_at_cell

            return look_at_cell(classifier)
        from edge_runtime.annotate import Annotator
        from edge_runtime.look_at_field import look_at_field

        told = [seen] if seen is not None else []
        if self.annotate is not None:
            told.append(Annotator(self.annotate).write)

        def tell(frame: "Frame", field: "Field", rows: "Sequence[Row]") -> None:
            for listener in told:
                listener(frame, field, rows)

        return look_at_field(classifier, um_per_pixel=self.um_per_pixel, seen=tell)

    def check(self, *, camera: bool) -> None:
        """Refuses options of fields where cells are looked at.

        Raises:
            click.UsageError: says which.
        """
        if self.are_fields(camera=camera):
            return
        for name, value in (("--um-per-pixel", self.um_per_pixel), ("--annotate", self.annotate)):
            if value is not None:
                raise click.UsageError(f"{name} goes with --input fields.")


def field_options(command: Command) -> Command:
    """Adds `--input`, `--um-per-pixel` and `--annotate`."""
    for option in (
        click.option(
            "--annotate",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Write each field with outlines and answers into DIR.",
        ),
        click.option(
            "--um-per-pixel",
            type=click.FloatRange(SMALLEST_UM_PER_PIXEL, LARGEST_UM_PER_PIXEL),
            help="Scale of the fields; measured on the red cells when not given.",
        ),
        click.option(
            "--input",
            "input_",
            type=click.Choice(["cells", "fields"]),
            help="One cell in the middle of each picture, or whole fields; cells for PATH and fields for --camera when "
            "not given.",
        ),
    ):
        command = option(command)
    return command
