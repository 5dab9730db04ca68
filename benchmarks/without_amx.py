"""Runs a command without leave to use a processor's AMX tiles, to see what AVX-512 with VNNI does there.

XNNPACK takes its AMX kernels wherever Linux lets it. They are made for wide layers, and no Raspberry Pi and few desktop
processors have them.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence

# linux/prctl.h, linux/seccomp.h, linux/bpf_common.h, asm/prctl.h and the system calls of x86-64.
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_CALL_AT, _FIRST_ARGUMENT_AT = 0, 16  # in what the filter sees of a call
_ARCH_PRCTL, _ASK_LEAVE = 158, 0x1023
_REFUSE_WITH_EPERM, _ALLOW = 0x00050001, 0x7FFF0000


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def run_without_amx(command: Sequence[str]) -> None:
    """Becomes the command; what it starts has no leave either.

    Raises:
        OSError: this is no Linux on x86-64, the kernel takes no filter, or there is no such command.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise OSError(f"only Linux on x86-64 gives leave to use AMX, this is {platform.system()} {platform.machine()}")
    instructions = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, _CALL_AT),
            (_EQUAL, 0, 3, _ARCH_PRCTL),  # else three further
            (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
            (_EQUAL, 0, 1, _ASK_LEAVE),
            (_RETURN, 0, 0, _REFUSE_WITH_EPERM),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    buffer = ctypes.create_string_buffer(instructions)
    program = _Program(len(instructions) // struct.calcsize("HBBI"), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"no filter of system calls: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], list(command))


def main() -> None:
    """`python -m benchmarks.without_amx COMMAND...`."""
    try:
        if len(sys.argv) < 2:
            raise OSError("no command; usage: python -m benchmarks.without_amx COMMAND...")
        run_without_amx(sys.argv[1:])
    except OSError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
