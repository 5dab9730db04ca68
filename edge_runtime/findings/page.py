"""The HTML of a report page: everything in one file, every text escaped, nothing fetched."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from edge_runtime.findings.table import Table

_STYLE = Path(__file__).with_name("report.css")
# What browsers are told to refuse, so that nothing is fetched even by mistake.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_INTERVAL = re.compile(r"(.+) (\(.+\))")


def page(title: str, *, lead: Sequence[str], notice: str, sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A whole page.

    Args:
        title: of the page, plain text.
        lead: its first paragraphs, plain text.
        notice: what nobody may overlook, plain text.
        sections: heading, plain text, and the HTML of its parts.
    """
    links = "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name, _ in sections)
    body = "\n".join(
        f'<section aria-labelledby="{_anchor(name)}">\n<h2 id="{_anchor(name)}">{escape(name)}</h2>\n'
        + "\n".join(parts)
        + "\n</section>"
        for name, parts in sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>
{_STYLE.read_text("utf-8")}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{"".join(paragraph(text, kind="lead") for text in lead)}
{paragraph(notice, kind="notice")}
<nav aria-label="Contents"><ul>{links}</ul></nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def paragraph(text: str, *, kind: str = "") -> str:
    """A paragraph of plain text, with a class of the style sheet."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def preformatted(text: str) -> str:
    """A command or file, as it is typed."""
    return f"<pre><code>{escape(text)}</code></pre>"


def table(content: Table, caption: str) -> str:
    """A table that scrolls within itself where the screen is narrower; intervals in brackets are set small."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' if text else "<td></td>" for text in content.header)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{_value(text)}</td>" for text in rest) + "</tr>\n"
        for first, *rest in content.rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>"
    )


def figure(drawing: str, *, caption: str, wide: bool = False) -> str:
    """A drawing with its caption.

    Args:
        drawing: an `<svg>` element.
        caption: plain text.
        wide: may take the width of the page.
    """
    kind = "plot wide" if wide else "plot"
    return f'<figure class="{kind}"><figcaption>{escape(caption)}</figcaption>{drawing}</figure>'


def side_by_side(parts: Sequence[str]) -> str:
    """Figures beside each other where the screen is wide enough."""
    return f'<div class="plots">{"".join(parts)}</div>'


def image(uri: str, alt: str) -> str:
    """A picture from a `data:` address."""
    return f'<img src="{uri}" alt="{escape(alt)}">'


def _value(text: str) -> str:
    found = _INTERVAL.fullmatch(text)
    return f"{escape(found[1])} <small>{escape(found[2])}</small>" if found else escape(text)


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
