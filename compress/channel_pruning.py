"""Structured pruning: whole channels are removed little by little, and the network learns to do without."""

from typing import Any

from compress.channel_config import ChannelConfig
from train.config import Config
from train.loop import Examples


def prune_channels(network: Any, examples: Examples, config: Config, channels: ChannelConfig) -> Any:
    """Removes the least important channels and fine-tunes, step by step, until the budget is met.

    Args:
        network: the float network, unchanged; its answers are the target.
        examples: the train part.
        config: augmentation, batch size and seed.
        channels: how far and how.

    Returns:
        A new network with fewer channels, its layers named as before.

    Raises:
        CompressError: a layer that channels cannot be removed around, or a budget that no width meets.
    """
    raise NotImplementedError
