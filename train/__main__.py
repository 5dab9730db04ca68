"""`python -m train`."""

import os

# TensorFlow reads this once, at import: its own log says nothing a user can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Our networks are tf_keras's: without this TensorFlow imports Keras 3 beside it, for two seconds.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

from train.cli import group, run_group

if __name__ == "__main__":
    run_group(group, "train")
