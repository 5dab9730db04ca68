"""`python -m train`."""

import os

# TensorFlow reads this once, at import: its own log says nothing a user can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from train.cli import group, run_group

if __name__ == "__main__":
    run_group(group, "train")
