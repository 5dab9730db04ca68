"""A Debian for 64-bit ARM in a folder, with the wheel in it: what a Raspberry Pi has, run by QEMU on any Linux machine.

Its packages are only unpacked, which takes seconds; nothing in it needs to run for that, and no binfmt is needed.
`qemu-aarch64 -L FOLDER` finds the loader, the libraries and Python in it and everything else (the network's settings,
/tmp) outside. It proves correctness and counts work; it never says how fast a Pi is.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from benchmarks.boards import BOARDS, CORES, Board
from benchmarks.pictures import ROOT

CACHE_VARIABLE = "EDGE_CLASSIFY_ARM64"
_DEFAULT_CACHE = ROOT / ".cache" / "arm64"
_PROGRAMS = ("qemu-aarch64", "mmdebstrap", "unshare", "cc")
_INSTALL = "`make test-arm64` installs what system-packages-arm64.txt lists"
# Raspberry Pi OS is Debian: 12 until 2025, then 13.
RELEASES: Mapping[str, str] = MappingProxyType({"bookworm": "3.11", "trixie": "3.13"})
_PACKAGES = "python3,libstdc++6"  # the second is what NumPy's wheel takes from the system
# Wheels made for any GNU C library up to that of Debian 12, from the first that manylinux names for ARM.
_GLIBC_MINORS = range(17, 37)
_WHEEL_PARTS = ("edge_runtime", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
_SITE = "opt/edge-classify"
# A private view of the machine: LiteRT asks /sys and /proc/cpuinfo what it runs on, and takes its slow kernels, or
# dies, where these say x86. Nothing outside the process and its children sees the change.
_DISGUISE = """
mount -t tmpfs tmpfs /sys
mkdir -p /sys/devices/system/cpu
for list in possible present online; do echo 0-{last} > /sys/devices/system/cpu/$list; done
mount --bind "$1" /proc/cpuinfo
shift
exec "$@"
"""


class UserlandError(Exception):
    """No userland can be had or run here; the message says why and what to do."""


@dataclass(frozen=True)
class Userland:
    """An unpacked Debian with the wheel installed.

    Attributes:
        release: Debian's code name.
        folder: its root.
    """

    release: str
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter, a program for ARM."""
        return self.folder / "usr" / "bin" / f"python{RELEASES[self.release]}"

    @property
    def site(self) -> Path:
        """Where the wheel and what it needs are installed."""
        return self.folder / _SITE

    def command(self, arguments: Sequence[str | Path], *, plugin: str | None = None, board: Board) -> list[str]:
        """The command that runs Python there; for `run`, and for whoever measures it.

        Args:
            arguments: of Python.
            plugin: QEMU's `-plugin`.
            board: whose processor is played.
        """
        plugins = [] if plugin is None else ["-plugin", plugin]
        emulator = ["qemu-aarch64", "-cpu", board.cpu, "-L", str(self.folder), *plugins]
        return [*emulator, str(self.python), *map(str, arguments)]

    def run(
        self,
        *arguments: str | Path,
        board: Board = BOARDS["pi5"],
        plugin: str | None = None,
        cwd: Path | None = None,
        wrapper: Sequence[str | Path] = (),
        check: bool = True,
    ) -> "subprocess.CompletedProcess[str]":
        """Runs Python of the userland to its end, output as text.

        Args:
            arguments: of Python.
            board: whose processor is played.
            plugin: QEMU's `-plugin`.
            cwd: working folder.
            wrapper: a command that runs the emulator and measures it.
            check: whether an exit code other than 0 is an error.

        Raises:
            UserlandError: it failed and `check` is set.
        """
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EDGE_", "LD_"))
        }
        # Counted instructions must not hang on the seed of Python's hashes.
        environment |= {"PYTHONPATH": str(self.site), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        with TemporaryDirectory() as scratch:
            cpuinfo = Path(scratch) / "cpuinfo"
            cpuinfo.write_text(board.cpuinfo(), "utf-8")
            script = _DISGUISE.format(last=CORES - 1)
            private = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
            command = self.command(arguments, plugin=plugin, board=board)
            done = subprocess.run(
                [*private, "sh", "-ec", script, "sh", cpuinfo, *wrapper, *command],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
        if check and done.returncode != 0:
            raise UserlandError(f"{self.release}: {_last_line(done.stderr) or f'ended with {done.returncode}'}")
        return done


def why_not() -> str:
    """Why no userland can be run on this machine; empty when it can."""
    if sys.platform != "linux":
        return "an arm64 userland needs Linux"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)}; {_INSTALL}"
    probe = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*probe, "mount", "-t", "tmpfs", "tmpfs", "/sys"], capture_output=True).returncode != 0:
        return "no private mounts here; run it as root"
    return ""


def userland(release: str) -> Userland:
    """The userland of a release with this checkout's wheel in it; made where it is not, which takes a minute or two.

    It is kept in `$EDGE_CLASSIFY_ARM64`, or in `.cache/arm64` of the checkout. Only the wheel is installed again when
    the checkout has changed.

    Raises:
        UserlandError: it cannot be made.
    """
    reason = why_not()
    if reason:
        raise UserlandError(reason)
    cache = Path(os.environ.get(CACHE_VARIABLE) or _DEFAULT_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    made = Userland(release, cache / release)
    with open(cache / f"{release}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be making the same one
        if not made.folder.is_dir():
            _unpack(release, made.folder)
        _install(made)
    return made


def _unpack(release: str, folder: Path) -> None:
    # Only unpacked: configuring the packages would run ARM programs, slowly, for nothing that is needed here.
    partial = folder.with_name(f"{release}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    merged = 'mkdir -p "$1/usr/lib" && ln -sfn usr/lib "$1/lib"'
    options = ["--variant=extract", "--architectures=arm64", f"--include={_PACKAGES}", "--skip=check/qemu"]
    _succeed(["mmdebstrap", *options, f"--setup-hook={merged}", release, str(partial)], f"{release}: mmdebstrap")
    partial.rename(folder)


def _install(target: Userland) -> None:
    """Installs the wheel, and what it asks for with the first: the registry's wheels for that Python and for ARM.

    The pip of this machine unpacks them; the userland's own would take minutes under QEMU to put the same files there.
    """
    fingerprint, stamp = _fingerprint(), target.folder / "wheel.sha256"
    with contextlib.suppress(FileNotFoundError):
        if stamp.read_text("utf-8") == fingerprint:
            return
    wanted = hashlib.sha256((ROOT / "setup.cfg").read_bytes()).hexdigest()
    requirements = target.folder / "requirements.sha256"
    known = requirements.is_file() and requirements.read_text("utf-8") == wanted
    with TemporaryDirectory() as scratch:
        wheel = _build_wheel(Path(scratch))
        dependencies = ["--no-deps"] if known else []
        platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in _GLIBC_MINORS]
        python = ["--implementation=cp", f"--python-version={RELEASES[target.release]}", "--only-binary=:all:"]
        where = ["--upgrade", "--no-compile", "--no-warn-script-location", "--target", str(target.site)]
        install = [sys.executable, "-m", "pip", "install", "--quiet", *where, *python, *platforms, *dependencies]
        _succeed([*install, str(wheel)], f"{target.release}: pip")
    requirements.write_text(wanted, "utf-8")
    stamp.write_text(fingerprint, "utf-8")


def _build_wheel(folder: Path) -> Path:
    source = folder / "source"
    source.mkdir()
    for name in _WHEEL_PARTS:  # a copy, so that the build leaves nothing in the checkout
        origin = ROOT / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    _succeed(build, "the wheel: pip")
    (wheel,) = folder.glob("*.whl")
    return wheel


def _fingerprint() -> str:
    """SHA-256 over what the wheel is made of."""
    digest = hashlib.sha256()
    for name in _WHEEL_PARTS:
        origin = ROOT / name
        files = sorted(origin.rglob("*")) if origin.is_dir() else [origin]
        for path in files:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _succeed(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise UserlandError(f"{what} failed: {_last_line(done.stderr)}; check the network and the disk")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
