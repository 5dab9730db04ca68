"""Drawings for a page: SVG that takes its ink from the page's text."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from edge_runtime.contract import Interval
from edge_runtime.scoring.ranking import Curve

# Told apart by the colour-blind (after Okabe and Ito 2008; blue lighter, so that it is seen on black as on white).
COLOURS = ("#2a86c8", "#d55e00", "#009e73", "#b5689a")

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 480, 56, 12, 26, 44
_HISTOGRAM_HEIGHT, _ROC_HEIGHT, _ROW_HEIGHT = 270, 480, 20
_NAME_WIDTH, _NAME_LETTERS = 164, 18  # nine pixels a letter: capitals and digits are that wide
_TEXT_PX, _DOT_PX, _STROKE_PX = 12, 4, 2
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_POINTS = 400  # of a curve; more are not seen


def draw_histogram(series: dict[str, Sequence[int]], *, x_label: str, alt: str) -> str:
    """Stacked bars over 0 to 1.

    Args:
        series: counts in bins of equal width, by name; all of one length.
        x_label: what lies between 0 and 1.
        alt: what is seen, for those who do not see it.
    """
    bins = len(next(iter(series.values())))
    top = max(1, *(sum(own[i] for own in series.values()) for i in range(bins)))
    width, height = _WIDTH - _LEFT - _RIGHT, _HISTOGRAM_HEIGHT - _TOP - _BOTTOM
    parts = [_axis(_LEFT, width, _TOP + height, x_label)]
    for share in (0, 0.5, 1):
        y = _TOP + height * (1 - share)
        parts.append(_line(_LEFT, y, _LEFT + width, y, opacity=0.15))
        parts.append(_text(_LEFT - 6, y + 4, f"{round(top * share):,}", anchor="end"))
    for i in range(bins):
        y = float(_TOP + height)
        for colour, own in zip(COLOURS, series.values(), strict=False):
            tall = height * own[i] / top
            y -= tall
            if own[i]:
                x, wide = _LEFT + width * i / bins, width / bins
                parts.append(
                    f'<rect x="{x + 0.5:.1f}" y="{y:.2f}" width="{wide - 1:.1f}" height="{tall:.2f}" fill="{colour}"/>'
                )
    return _svg(_HISTOGRAM_HEIGHT, [*parts, *_legend(list(series))], alt)


def draw_roc(curve: Curve, point: tuple[float, float], *, label: str, alt: str) -> str:
    """Sensitivity for a label against 1 - specificity, with the operating point."""
    width, height = _WIDTH - _LEFT - _RIGHT, _ROC_HEIGHT - _TOP - _BOTTOM
    step = max(1, len(curve.found) // _MOST_POINTS)
    kept = sorted({*range(0, len(curve.found), step), len(curve.found) - 1})

    def place(x: float, y: float) -> str:
        return f"{_LEFT + width * x:.1f},{_TOP + height * (1 - y):.1f}"

    line = " ".join(place(curve.mistaken[i] / curve.mistaken[-1], curve.found[i] / curve.found[-1]) for i in kept)
    x, y = place(*point).split(",")
    parts = [_axis(_LEFT, width, _TOP + height, "1 - specificity")]
    for tick in _TICKS:
        at = _TOP + height * (1 - tick)
        parts.append(
            _line(_LEFT, at, _LEFT + width, at, opacity=0.15) + _text(_LEFT - 6, at + 4, f"{tick:g}", anchor="end")
        )
    parts += [
        _text(_LEFT, _TOP - 10, f"sensitivity for {label}; dot: the answers given"),
        _line(_LEFT, _TOP + height, _LEFT + width, _TOP, opacity=0.4),
        f'<polyline points="{line}" fill="none" stroke="{COLOURS[0]}" stroke-width="{_STROKE_PX}"/>',
        f'<circle cx="{x}" cy="{y}" r="{_DOT_PX + 1}" fill="{COLOURS[1]}"/>',
    ]
    return _svg(_ROC_HEIGHT, parts, alt)


def draw_intervals(rows: Sequence[tuple[str, Interval]], *, x_label: str, alt: str) -> str:
    """A dot with its interval for each name, over 0 to 1."""
    width, height = _WIDTH - _NAME_WIDTH - _RIGHT, _ROW_HEIGHT * len(rows)
    parts = [_axis(_NAME_WIDTH, width, _TOP + height, x_label)]
    for tick in _TICKS:
        x = _NAME_WIDTH + width * tick
        parts.append(_line(x, _TOP, x, _TOP + height, opacity=0.15))
    for i, (name, interval) in enumerate(rows):
        y = _TOP + _ROW_HEIGHT * (i + 0.5)
        low, middle, high = (_NAME_WIDTH + width * value for value in (interval.low, interval.value, interval.high))
        shown = name if len(name) <= _NAME_LETTERS else f"…{name[-_NAME_LETTERS + 1 :]}"
        parts.append(_text(_NAME_WIDTH - 8, y + 4, shown, anchor="end"))
        parts.append(
            f'<line x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}" stroke="{COLOURS[0]}" '
            f'stroke-width="{_STROKE_PX}"/><circle cx="{middle:.1f}" cy="{y:.1f}" r="{_DOT_PX}" fill="{COLOURS[0]}"/>'
        )
    return _svg(_TOP + height + _BOTTOM, parts, alt)


def _svg(height: float, parts: Sequence[str], alt: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape(alt)}" font-size="{_TEXT_PX}">'
        f"{''.join(parts)}</svg>"
    )


def _axis(left: float, width: float, y: float, label: str) -> str:
    ticks = "".join(_text(left + width * tick, y + 16, f"{tick:g}", anchor="middle") for tick in _TICKS)
    return _line(left, y, left + width, y) + ticks + _text(left + width / 2, y + 36, label, anchor="middle")


def _legend(names: Sequence[str]) -> list[str]:
    places = [_LEFT + (_WIDTH - _LEFT) * i / len(names) for i in range(len(names) + 1)]
    return [
        f'<rect x="{x:.0f}" y="4" width="12" height="12" fill="{colour}"/>' + _text(x + 17, 14, name)
        for (x, _), name, colour in zip(pairwise(places), names, COLOURS, strict=False)
    ]


def _line(x1: float, y1: float, x2: float, y2: float, *, opacity: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        f'stroke-opacity="{opacity:g}"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">{escape(text)}</text>'
