"""Structured pruning: whole channels are removed little by little, and the network learns to do without."""

import logging
from collections.abc import Callable
from typing import Any

from compress.budget import Budget
from compress.channel_config import ChannelConfig
from compress.channels import Channels, coupled_channels
from compress.errors import CompressError
from compress.finetune import clone, finetune
from compress.importance import importance
from compress.narrow import Kept, narrow_units
from compress.recipe import StageConfig
from compress.removals import removals
from train.config import Config
from train.loop import Examples

log = logging.getLogger(__name__)

# Train cells that the int8 file, of which bytes, time and instructions are measured, is calibrated with.
_EXPORT_CELLS = 16


def prune_channels(
    network: Any,
    examples: Examples,
    config: Config,
    settings: ChannelConfig,
    *,
    distil: bool = True,
    on_step: Callable[[int, Any], None] | None = None,
) -> Any:
    """Removes the least important channels and fine-tunes, step by step, until the budget is met.

    Each step removes the same share of what is left to remove, by what matters to the network as it is by then
    (Molchanov et al. 2017, arXiv 1611.06440), and ends with a fine-tuning towards the whole network's answers. A
    network that meets the budget already comes back as a copy.

    Args:
        network: the float network, unchanged.
        examples: the train part.
        config: augmentation, batch size and seed.
        settings: how far and how.
        distil: the answers of `network` are the target; else the labels.
        on_step: told the steps done and the network, after each.

    Returns:
        A new network with fewer channels, its layers named as before.

    Raises:
        CompressError: a layer that channels cannot be removed around, or a budget that no width meets.
    """
    budget = Budget(network, examples.spread(_EXPORT_CELLS), settings)
    stage = StageConfig(settings.epochs, settings.learning_rate)
    narrowed, excess = clone(network), budget.spent(network)
    if excess <= 1:
        return narrowed
    for step in range(1, settings.steps + 1):
        allowed = excess ** (1 - step / settings.steps)
        narrowed = remove_channels(narrowed, examples, settings, budget, allowed=allowed)
        log.info("step %d of %d: %s", step, settings.steps, budget.text(budget.spent(narrowed)))
        finetune(narrowed, examples, config, stage, teacher=network if distil else None, keep_average=True)
        if on_step is not None:
            on_step(step, narrowed)
    return narrowed


def remove_channels(
    network: Any, examples: Examples, settings: ChannelConfig, budget: Budget, *, allowed: float
) -> Any:
    """Removes as few channels as it takes, the least important ones, and trains nothing.

    Args:
        network: unchanged.
        examples: the train part.
        settings: the criterion, and what widths are rounded to.
        budget: what is to be met.
        allowed: how much of it the network may take; 1 is all, more is on the way there.

    Returns:
        A new network.

    Raises:
        CompressError: a layer that channels cannot be removed around, or a budget that no width meets.
    """
    channels = coupled_channels(network)
    values = importance(network, channels, examples, settings.criterion)
    order = removals(network, channels, values, round_to=settings.round_to)
    first, last = 0, len(order) - 1
    best, spent = _tried(network, channels, order[last], budget)
    if spent > 1:  # said before anything is trained: all steps have the same narrowest network
        raise CompressError(
            f"no width meets a budget of {budget.text()}: the narrowest network, its widths {settings.round_to} where "
            f"they were more, takes {budget.text(spent)}; give it more, or a smaller round_to or picture"
        )
    while first < last:  # the fewest removals that will do: what a network takes falls with each
        middle = (first + last) // 2
        tried, spent = _tried(network, channels, order[middle], budget)
        if spent <= allowed:
            best, last = tried, middle
        else:
            first = middle + 1
    return best


def _tried(network: Any, channels: Channels, kept: Kept, budget: Budget) -> tuple[Any, float]:
    tried = narrow_units(network, channels, kept)
    return tried, budget.spent(tried)
