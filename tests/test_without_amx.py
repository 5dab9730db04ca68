"""The command that may not use AMX tiles."""

import errno
import platform
import subprocess
import sys

import pytest

# Asks for leave to use the tiles, as XNNPACK does, and then for something else by the same system call.
_ASK = """
import ctypes
libc, permitted = ctypes.CDLL(None, use_errno=True), ctypes.c_uint64()
for operation, argument in ((0x1023, ctypes.c_ulong(18)), (0x1022, ctypes.byref(permitted))):
    print(ctypes.get_errno() if libc.syscall(158, operation, argument) else 0)
"""


@pytest.mark.skipif((platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="AMX is of Linux on x86-64")
def test_leave_is_refused_and_nothing_else_is() -> None:
    plain, refused = (
        subprocess.run([*before, sys.executable, "-c", _ASK], capture_output=True, text=True, check=True)
        for before in ([], [sys.executable, "-m", "benchmarks.without_amx"])
    )
    (_, permitted), (leave, still_permitted) = plain.stdout.split(), refused.stdout.split()
    assert int(leave) == errno.EPERM and still_permitted == permitted


@pytest.mark.parametrize(("command", "said"), [([], "no command; usage"), (["no-such-command"], "No such file")])
def test_what_cannot_be_run_is_said_in_one_line(command: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.without_amx", *command], capture_output=True, text=True)
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1
