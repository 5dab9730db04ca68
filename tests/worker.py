"""`python -m train` as a worker of several: shows its weights after each epoch, scores as told, dies when told."""

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import train.fit
from train.cli import group, run_group
from train.loop import Loop
from train.run import STATE

# The chief writes its results so late that who does not wait has left.
LATE_S = 3


class WatchedLoop(Loop):
    """Writes every variable of this worker to `$SHOWN/<epoch>.npz`; is killed before step `$KILLED_AT` of the run."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._steps_left = int(os.environ.get("KILLED_AT", "-1"))
        self._step = self._live_or(self._step)

    def run_epoch(self, on_step: Callable[[int, int], None] | None = None) -> float:
        loss = super().run_epoch(on_step)
        variables = [*self.network.weights, *self.averages, *self.optimizer.variables]
        values = [variable.numpy() for variable in variables]
        np.savez(Path(os.environ["SHOWN"], f"{int(self.epoch.numpy())}.npz"), *values)
        return loss

    def _live_or(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step, or the end."""

        def take(*batch: Any) -> Any:
            if self._steps_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self._steps_left -= 1
            return step(*batch)

        return take


if __name__ == "__main__":
    assert sys.argv[1] == "fit"
    train.fit.Loop = WatchedLoop  # type: ignore[misc]
    scores = itertools.count(0.5, float(os.environ["RISE"]))
    train.fit.auroc = lambda *_: next(scores)
    finish = train.fit.finish

    def finish_late(*args: Any) -> None:
        time.sleep(LATE_S)
        finish(*args)

    train.fit.finish = finish_late
    try:
        run_group(group, "train")
    finally:
        run = Path(sys.argv[sys.argv.index("--run") + 1])
        if (run / STATE).exists():
            Path(os.environ["SHOWN"], "left.json").write_text((run / STATE).read_text("utf-8"), "utf-8")
