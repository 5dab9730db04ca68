"""The model card that travels in the bundle (Mitchell et al. 2019, arXiv 1810.03993)."""

from collections import Counter

from compress.size import Size, size_table
from compress.verify import Parity, parity_text
from edge_runtime.contract import Contract, Guard, Scores
from edge_runtime.findings.table import percent
from edge_runtime.notice import RESEARCH_USE
from train.data import Data
from train.evaluate import scores_table
from train.split import PARTS


def model_card(
    contract: Contract, parity: Parity, own: Parity, sizes: list[Size], data: Data, area_alone: Scores
) -> str:
    """Writes the card in Markdown.

    Args:
        contract: of the model.
        parity: between float and int8 on the people that the scores are of.
        own: between this file and its own float network.
        sizes: of the float network and of the model.
        data: what it was made from.
        area_alone: what the size of the cell reaches on the same people.
    """
    origin, first = contract.provenance, contract.labels[0]
    low, high = contract.decision.abstain_low, contract.decision.abstain_high
    made = sizes[-1].name
    how = "" if origin.out_of_fold_sha256 is None else ", out of fold"
    scores = {f"float32{how}": origin.float_scores, f"{made}{how}": origin.int8_scores, "cell area alone": area_alone}
    settings = ", ".join(f"{key} {value}" for key, value in origin.recipe.items())
    return f"""# {contract.name}

{RESEARCH_USE}

Tells the cell in the middle of a picture as {" or ".join(f"`{label}`" for label in contract.labels)}. It reads the
middle {contract.input.crop} pixels square (a cell on black), brought to {contract.input.size} pixels square.

## Data

{origin.data}. {len(data.dataset.cells)} cells. {_people(contract, data)}

## Scores on people it was not fitted on

With 95 % intervals from a bootstrap over subject groups; `{first}` is positive. All columns answer every cell,
also those that the device calls `uncertain`.

{scores_table(scores)}

Float against {made} on these answers: {parity_text(parity)}. This file against its own float network on the cells
of the same people: {parity_text(own)}.

## Size

{size_table(sizes)}

Zeros shrink the download, not the time: no kernel used here skips them.

## Limits

- Its cells come from {len(set(data.groups))} subject groups. Intervals as wide as those above are what so few people
  allow, and nothing here says how it does on another laboratory's slides.
{guard_text(contract.guard)}
- The answer is also `uncertain` when the probability of `{first}` lies between {low:g} and {high:g}.
- It reads colour closely: another stain, white balance or light shifts its answers, and they must be measured anew.
- Cells must be cut out on black at the scale of the training cells; at another magnification the answer means nothing.

Made {origin.date} at commit {origin.commit}. Settings: {settings}.
"""


def _people(contract: Contract, data: Data) -> str:
    subjects = ", ".join(contract.provenance.report_subjects)
    if contract.provenance.out_of_fold_sha256 is None:
        return f"""Split by subject group so that no person is in two parts:

{_parts_table(data)}

Report subjects: {subjects}. They chose no weight, epoch or threshold of this model."""
    return f"""All of them were learnt from, and nothing was selected:

{_parts_table(data)}

The scores are of other networks of the same recipe: cross-validation by subject group, each network compressed like
this one and run as a device runs it on the people it never saw, and each fold's decision and guard fitted on the other
folds. Whoever chose the recipe had seen such scores. Subjects: {subjects}."""


def guard_text(guard: Guard) -> str:
    """The card's item on what is no such cell."""
    measured = guard.false_alarms
    value, low, high, stated = (
        percent(share, 1) for share in (measured.value, measured.low, measured.high, guard.stated)
    )
    return f"""- It knows lymphoblasts and normal lymphoid precursors only. What is unlike them in size, outline, place,
  stain or fine detail is answered `uncertain`. So are {value} ({low} to {high}) of the cells of people it was not
  fitted on, each subject group weighing the same; {stated} were allowed. Another kind of cell can
  still get one of the two answers."""


def _parts_table(data: Data) -> str:
    labels = data.dataset.labels
    lines = ["| part | subject groups | " + " | ".join(f"`{label}` cells" for label in labels) + " |"]
    lines.append("|---" * (len(labels) + 2) + "|")
    for part in PARTS:
        chosen = data.part(part)
        if not len(chosen):
            continue
        counts = Counter(data.dataset.cells[i].label for i in chosen)
        groups = len({data.groups[i] for i in chosen})
        lines.append(f"| {part} | {groups} | " + " | ".join(str(counts[label]) for label in labels) + " |")
    return "\n".join(lines)
