"""The program of one peer: `python -m benchmarks.peers.worker MODULE DISTRIBUTION MODEL LIST`.

Opens the peer and says `{"version": ...}`. Then, for each line that it reads, goes once over the pictures and says
their labels and times. So peers are timed in turn, each in a process and, where it must, an environment of its own.
"""

import json
import os
import sys
import time
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def main() -> None:
    """Serves until its input ends."""
    module, distribution, model = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    pictures = Path(sys.argv[4]).read_text("utf-8").splitlines()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    look = import_module(f"benchmarks.peers.{module}").open_peer(model)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)  # one thread each, as `edge-classify` gives a picture
    say({"version": _version(distribution)})
    for _ in sys.stdin:
        labels, wall_ms, cpu_ms = [], [], []
        for path in pictures:
            start_s, cpu_s = time.perf_counter(), time.process_time()  # of all threads
            labels.append(look(path))
            cpu_ms.append(1000 * (time.process_time() - cpu_s))
            wall_ms.append(1000 * (time.perf_counter() - start_s))
        say({"labels": labels, "wall_ms": wall_ms, "cpu_ms": cpu_ms})
    os._exit(0)  # some peers' threads do not survive the end of Python


def _version(distribution: str) -> str:
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
