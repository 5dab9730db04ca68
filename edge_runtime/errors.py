"""The errors this package raises on purpose.

    EdgeClassifyError            anything a user can mend; the command prints it as one line
    ├── InputError               a path, list or folder that gives no pictures
    ├── PictureError             one picture that cannot be read; a run goes on without it
    ├── CameraError              a camera, stream or video that cannot be opened or stopped sending
    ├── ModelError               a bundle or contract that cannot be trusted
    ├── InterpreterError         no interpreter installed that can run the model
    ├── OutputError              results that cannot be written
    ├── ScoreError               answers that cannot be scored: people or labels are missing
    ├── ClusterError             a scheduler or workers that cannot be reached, or that keep dying
    └── PageError                a page that cannot be served as asked
        └── CountError           something a count cannot do

Every message says what is wrong, where, and what to do.
"""


class EdgeClassifyError(Exception):
    """The root: catch this to catch all of them."""


class InputError(EdgeClassifyError):
    """A path, list or folder gives no pictures."""


class PictureError(EdgeClassifyError):
    """One picture cannot be read."""


class CameraError(EdgeClassifyError):
    """A camera, stream or video cannot be opened, or stopped sending."""


class ModelError(EdgeClassifyError):
    """A bundle or its contract cannot be trusted."""


class InterpreterError(EdgeClassifyError):
    """No installed interpreter can run the model."""


class OutputError(EdgeClassifyError):
    """Results cannot be written."""


class ScoreError(EdgeClassifyError):
    """Answers cannot be scored: people or labels are missing."""


class ClusterError(EdgeClassifyError):
    """A scheduler or workers cannot be reached, or keep dying."""


class PageError(EdgeClassifyError):
    """The page cannot be served as asked."""


class CountError(PageError):
    """A count cannot do what was asked."""
