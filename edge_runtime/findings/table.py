"""Tables of text, and how numbers stand in them."""

import csv
import io
from dataclasses import dataclass

from edge_runtime.contract import Interval


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As a Markdown table."""
        lines = [self.header, *self.rows]
        head, *rest = ["|" + "|".join(f" {text} " if text else " " for text in line) + "|" for line in lines]
        return "\n".join([head, "|---" * len(self.header) + "|", *rest])

    def csv(self) -> str:
        """As comma-separated lines."""
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([self.header, *self.rows])
        return file.getvalue()

    def plain(self) -> str:
        """In columns, for a terminal; no name steers it or breaks a line."""
        lines = [
            tuple("".join(c if c.isprintable() else "?" for c in text) for text in line)
            for line in (self.header, *self.rows)
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )


def interval_text(score: Interval) -> str:
    """A score with its interval in brackets."""
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})"


def quoted(label: str) -> str:
    """A label in quotation marks: `all` and other labels are words of the sentence around them too."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{label}\N{RIGHT DOUBLE QUOTATION MARK}"


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 in per cent."""
    return f"{100 * share:.{digits}f} %"
