"""Measures a command's peak memory: `python benchmarks/peak_memory.py PROGRAM [ARGUMENT]...`.

A process of its own, because on Linux the peak of a child begins at that of the process it was started from: started
by pytest, whose OpenCV and LiteRT are loaded, no child would ever show less than pytest itself.
"""

import os
import subprocess
import sys

RSS_UNIT_BYTES = 1024  # of ru_maxrss on Linux, getrusage(2)


def peak_rss_mb(command: list[str]) -> float:
    """Runs a command to its end.

    Returns:
        Its peak resident memory, in MB of 1,000,000 bytes.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    launcher = [sys.executable, __file__, *command]
    finished = subprocess.run(launcher, check=True, stdout=subprocess.PIPE)
    return int(finished.stdout) * RSS_UNIT_BYTES / 1e6


def main() -> None:
    """Runs the arguments as a command, writes its peak in kilobytes of 1024 bytes and exits with its code."""
    process = os.posix_spawnp(
        sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )
    _, status, usage = os.wait4(process, 0)
    sys.stdout.write(f"{usage.ru_maxrss}\n")
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
