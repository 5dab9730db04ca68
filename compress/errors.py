"""The error of this room."""

from edge_runtime.errors import EdgeClassifyError


class CompressError(EdgeClassifyError):
    """A network that cannot be compressed, or a bundle that is not good enough to be written."""
