"""`python -m train`."""

from train.cli import group, run_group

if __name__ == "__main__":
    run_group(group, "train")
