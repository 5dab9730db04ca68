"""A count as one page to print."""

from base64 import b64encode
from html import escape
from pathlib import Path

from edge_runtime.live.cell import TAKEN_OUT, SeenCell
from edge_runtime.live.count_record import CountRecord
from edge_runtime.live.wording import as_percent, shown_label
from edge_runtime.notice import RESEARCH_USE
from edge_runtime.version import __version__

_STYLE = Path(__file__).parent / "static" / "report.css"


def report_of(record: CountRecord, *, model: str) -> str:
    """A whole HTML page that needs nothing but itself.

    Args:
        record: the count.
        model: name of the model that answered.
    """
    tally, first = record.tally, next(iter(record.tally.decided))
    slide = record.slide or "Slide without a name"
    share = tally.share
    lead = (
        f"{as_percent(share.value)} {shown_label(first)} of {tally.counted} cells"
        f" (95 % interval {as_percent(share.low)} to {as_percent(share.high)})"
        if share
        else "No cell is decided yet."
    )
    facts = {
        "Slide": record.slide or "without a name",
        "Started": f"{record.started:%Y-%m-%d %H:%M} UTC" if record.started else "not yet",
        "Counted for": f"{record.running_s / 60:.1f} minutes, {record.state}",
        "Counted": f"{tally.counted} of {record.target}",
        **{shown_label(label): str(cells) for label, cells in tally.decided.items()},
        "Uncertain, nobody's word": str(tally.uncertain),
        "Skipped, such as at the border": str(tally.skipped),
        "Overruled by a person": str(tally.overruled),
        "Taken out by a person": str(tally.taken_out),
        "Model": f"{model}, edge-classify {__version__}",
    }
    rows = "".join(f"<tr><th scope=row>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in facts.items())
    changed = [cell for cell in record.cells if cell.verdict is not None]
    figures = "".join(map(_figure, changed)) or "<p>No answer of the model was changed.</p>"
    return f"""<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<title>{escape(slide)}: count</title>
<style>{_STYLE.read_text("utf-8")}</style>
</head>
<body>
<p class=notice>{RESEARCH_USE}</p>
<h1>{escape(slide)}</h1>
<p class=lead>{escape(lead)}</p>
<table>{rows}</table>
<p class=small>The interval is Wilson's, for the cells of this slide that were met; it says nothing about how often the
model is wrong.</p>
<h2>Cells a person decided</h2>
<div class=cells>{figures}</div>
<p class=sign><span>Date</span><span>Signature</span></p>
</body>
</html>
"""


def _figure(cell: SeenCell) -> str:
    picture = f"data:image/jpeg;base64,{b64encode(cell.thumbnail).decode('ascii')}"
    row = cell.row
    label = row.label or ""
    said = f"{shown_label(label)} {row.probabilities.get(label, 0):.2f}" + (
        ", uncertain" if row.status == "uncertain" else ""
    )
    word = "taken out" if cell.verdict == TAKEN_OUT else shown_label(cell.verdict or "")
    return (
        f'<figure><img src="{picture}" alt="Cell {cell.number}"><figcaption>{cell.number}: <b>{escape(word)}</b>'
        f"<br>model: {escape(said)}</figcaption></figure>"
    )
