"""`python -m compress`."""

import os

# TensorFlow reads this once, at import: its own log says nothing a user can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from compress.cli import group
from train.cli import run_group

if __name__ == "__main__":
    run_group(group, "compress")
