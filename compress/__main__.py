"""`python -m compress`."""

import os

# TensorFlow reads this once, at import: its own log says nothing a user can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from compress.cli import group  # noqa: E402 - after the variable above
from train.cli import run_group  # noqa: E402

if __name__ == "__main__":
    run_group(group, "compress")
