"""The error of this room; like those of `edge_runtime.errors` it says what, where and what to do."""

from edge_runtime.errors import EdgeClassifyError


class TrainError(EdgeClassifyError):
    """A data set, split, configuration or run that cannot be used as it is."""


class MisfitError(TrainError):
    """Settings of which each is allowed, and which do not go together."""


class DivergedError(TrainError):
    """A network whose answers are not numbers: its settings do not train."""
