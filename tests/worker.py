"""`python -m train` as a worker of several: it shows its weights after each epoch, and can be told when to die."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

import train.fit
from train.cli import group, run_group
from train.loop import Loop


class WatchedLoop(Loop):
    """Writes every variable of this worker to `$SHOWN/<epoch>.npz`; is killed before step `$KILLED_AT` of the run."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._steps_left = int(os.environ.get("KILLED_AT", "-1"))
        self._before_step = self._live_or_die

    def run_epoch(self) -> float:
        loss = super().run_epoch()
        variables = [*self.network.weights, *self.averages, *self.optimizer.variables]
        values = [variable.numpy() for variable in variables]
        np.savez(Path(os.environ["SHOWN"], f"{int(self.epoch.numpy())}.npz"), *values)
        return loss

    def _live_or_die(self) -> None:
        if self._steps_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._steps_left -= 1


if __name__ == "__main__":
    train.fit.Loop = WatchedLoop  # type: ignore[misc]
    assert sys.argv[1] == "fit"
    run_group(group, "train")
