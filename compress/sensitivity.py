"""What each group of channels costs when part of it is gone: where a network can be narrowed, and where not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.channel_config import Criterion
from compress.channels import coupled_channels
from compress.importance import importance
from compress.multiply_adds import MultiplyAdds
from compress.narrow import narrow_units
from compress.removals import by_importance
from edge_runtime.findings.table import percent
from train.loop import Examples, predict
from train.metrics import answers_of, auroc

SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Sensitivity:
    """What one group is worth: nothing is trained after its channels are gone.

    Attributes:
        group: its name.
        channels: how many it has.
        removed: how many of them are gone, the least important ones.
        multiply_adds: share of the network's that is gone with them.
        auroc: change.
        flips: share of the cells whose label differs.
        moved: mean change of the first label's probability, without its sign.
    """

    group: str
    channels: int
    removed: int
    multiply_adds: float
    auroc: float
    flips: float
    moved: float


def sensitivities(
    network: Any, examples: Examples, *, criterion: Criterion, shares: Sequence[float] = SHARES
) -> Iterator[Sensitivity]:
    """Removes a share of one group after the other, each time from the whole network.

    Args:
        network: a functional network.
        examples: of train subjects, with cells of every label; whoever is reported on chooses no width.
        criterion: says which channels of a group go.
        shares: of each group's channels; a share of less than one channel is left out.

    Yields:
        Each group's answers, in the order of the graph.

    Raises:
        CompressError: a layer that channels cannot be removed around.
        TrainError: a label without cells.
    """
    channels = coupled_channels(network)
    values = importance(network, channels, examples, criterion)
    work, everything = MultiplyAdds(network, channels), np.ones(channels.count, np.bool_)
    whole, weights = predict(network, examples.pixels).astype(np.float64), examples.weights.astype(np.float64)
    reached = auroc(whole, examples.targets, weights)
    for group in channels.groups:
        order = by_importance(group, values)
        for share in shares:
            gone = order[: min(int(share * len(order)), len(order) - 1)]
            if not len(gone):
                continue
            kept = everything.copy()
            kept[gone] = False
            answers = predict(narrow_units(network, channels, kept), examples.pixels).astype(np.float64)
            yield Sensitivity(
                group.name,
                len(order),
                len(gone),
                1 - work.of(kept) / work.of(everything),
                auroc(answers, examples.targets, weights) - reached,
                float((answers_of(answers) != answers_of(whole)).mean()),
                float(np.abs(answers - whole)[:, 0].mean()),
            )


def sensitivity_table(rows: Sequence[Sensitivity]) -> str:
    """A Markdown table."""
    lines = [
        "| channels of | removed | multiply-adds saved | AUROC | labels that differ | probability moves by |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row.group.replace('+', ' + ')} | {row.removed} of {row.channels} | {percent(row.multiply_adds, 1)} "
            f"| {row.auroc:+.4f} | {percent(row.flips, 1)} | {row.moved:.3f} |"
        )
    return "\n".join(lines)
