"""How the report's pictures look and leave: colours, PNG, and SVG that takes its ink from the page."""

import functools
import html
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
from matplotlib.figure import Figure

from edge_runtime.findings.page import figure

P = ParamSpec("P")

DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
INK = "#1d2329"
WIDTH_INCHES = 5.0  # 360 points: on a phone one point is about one pixel

_DPI = 120
_LOOK = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "font.size": 10.0,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "edge-classify",  # the same ids in every run
    "text.parse_math": False,  # names of models and subjects are not formulas
}
_METADATA = ("Creator", "Date", "Format", "Type")  # left out: the same figure is the same file
_IDS = re.compile(r' id="([^"]+)"')
_FONTS = re.compile(r"font: ([\d.]+)px [^;\"]+")


def in_our_look(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Makes a function that draws a figure draw it in the report's look, whatever matplotlib is set to."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(_LOOK):
            return draw(*args, **kwargs)

    return drawn


def write_png(figure: Figure, path: Path) -> None:
    """Writes a figure on white."""
    with matplotlib.rc_context(_LOOK):
        figure.savefig(path, dpi=_DPI, facecolor="white")


def as_svg(figure: Figure, *, name: str, alt: str) -> str:
    """A figure as an `<svg>` element for an HTML page, its ink the colour of the page's text.

    Args:
        figure: from a function in our look.
        name: letters and hyphens; makes the ids of this figure its own on the page.
        alt: what is seen, for those who do not see it.
    """
    file = io.StringIO()
    with matplotlib.rc_context(_LOOK):
        figure.savefig(file, format="svg", dpi=2 * _DPI, transparent=True, metadata=dict.fromkeys(_METADATA))
    text = file.getvalue()
    start, end = text.index("<svg"), text.index(">", text.index("<svg"))
    box = re.search(r'viewBox="[^"]+"', text[start:end])
    used = set(re.findall(r"#([\w-]+)", text))
    body = _IDS.sub(lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", text[end + 1 :])
    body = re.sub(r'((?:href="|url\()#)', rf"\g<1>{name}-", body)
    body = _FONTS.sub(r"font-size: \1px", body).replace(INK, "currentColor")
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", body, flags=re.DOTALL)
    return f'<svg {box[0] if box else ""} role="img" aria-label="{html.escape(alt)}">{body}'


def plot(drawn: Figure, *, name: str, alt: str, caption: str, wide: bool = False) -> str:
    """A figure with its caption, as HTML; name and alt are those of `as_svg`, the rest is `page.figure`'s."""
    return figure(as_svg(drawn, name=name, alt=alt), caption=caption, wide=wide)
