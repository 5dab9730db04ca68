"""The settings of channel pruning: frozen, so that a recipe can hold them."""

from dataclasses import dataclass
from typing import Literal

Quantity = Literal["multiply_adds", "file_bytes", "latency_ms", "instructions_pi4", "instructions_pi5"]
Criterion = Literal["batch_norm_scale", "l1", "taylor"]

# XNNPACK's kernels take channels eight at a time, or sixteen; a width between costs as much as the next one.
_KERNEL_WIDTH = 8


@dataclass(frozen=True)
class ChannelConfig:
    """How far channels are removed, and how.

    Attributes:
        keep: share of the quantity that the network is to keep, over 0 to 1; 1 removes nothing.
        quantity: what the budget is in; all but `multiply_adds` are those of the int8 file.
        at_most: the budget in the quantity's own unit (multiply-adds, bytes, milliseconds, instructions) instead of a
            share; 0 lets `keep` count.
        criterion: what makes a channel important.
        steps: removals, each followed by fine-tuning.
        epochs: of fine-tuning after each removal.
        learning_rate: peak of each fine-tuning.
        round_to: a width that was changed is a multiple of it.
    """

    keep: float
    quantity: Quantity = "multiply_adds"
    at_most: float = 0.0
    criterion: Criterion = "taylor"
    steps: int = 3
    epochs: int = 1
    learning_rate: float = 1e-3
    round_to: int = _KERNEL_WIDTH

    @property
    def removes(self) -> bool:
        """Whether any channel is to go."""
        return self.keep < 1 or self.at_most > 0

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError("keep must be over 0, at most 1")
        if self.at_most < 0:
            raise ValueError("at_most must be 0 or more")
        if self.steps < 1 or self.epochs < 1:
            raise ValueError("steps and epochs must be 1 or more")
        if not 0 < self.learning_rate <= 1:
            raise ValueError("learning_rate must be over 0, at most 1")
        if self.round_to < 1:
            raise ValueError("round_to must be 1 or more")
