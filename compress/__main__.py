"""`python -m compress`."""

from compress.cli import group
from train.cli import run_group

if __name__ == "__main__":
    run_group(group, "compress")
