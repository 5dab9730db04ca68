"""What a number cannot be read without: the machine, its state and the versions on it."""

import inspect
import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from edge_runtime.classifier import DEFAULT_MODEL, Classifier

Fact = str | int | float | None

_BOARD = "/proc/device-tree/model"
_CPUS = "/proc/cpuinfo"
_GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
_TEMPERATURE = "/sys/class/thermal/thermal_zone0/temp"
_CLOCK = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"
# A bit mask: under-voltage, capped, throttled, soft limit now (0-3) and since boot (16-19); Raspberry Pi firmware.
_THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
_KERNEL_FEATURES = frozenset({"asimd", "asimddp", "i8mm", "fphp", "sve", "avx2", "avx512vl", "avx512_vnni", "avx_vnni"})
# x86 and Raspberry Pi OS name the model in different keys; plain ARM kernels give only the part's number.
_CPU_KEYS = ("model name", "Model", "CPU part")
_PACKAGES = ("edge-classify", "ai-edge-litert", "tflite-runtime", "opencv-python-headless", "numpy")


def machine_facts(load_at_start: float) -> dict[str, Fact]:
    """Gathers the facts; None for what this machine does not tell.

    Args:
        load_at_start: 1-minute load average before the first benchmark.
    """
    classifier = Classifier.from_file(DEFAULT_MODEL)
    contract = classifier.contract
    return {
        "board": _text(_BOARD),
        "cpu": cpu_model(_text(_CPUS) or ""),
        "cpu_features": cpu_features(_text(_CPUS) or ""),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "memory_mb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6),
        "governor": _text(_GOVERNOR),
        "load_at_start": round(load_at_start, 2),
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
        "runtime": classifier.interpreter.runtime,
        "default_threads": inspect.signature(Classifier).parameters["threads"].default,
        "model": f"{contract.name}, {contract.model.bytes:,} bytes, SHA-256 {contract.model.sha256[:12]}",
    }


def machine_state() -> dict[str, Fact]:
    """What changes while it works, where the board tells: hot or starved Pis slow down and say so here."""
    temperature, clock = _text(_TEMPERATURE), _text(_CLOCK)
    return {
        "temperature_c": None if temperature is None else int(temperature) / 1000,
        "clock_mhz": None if clock is None else int(clock) / 1000,
        "throttled": _text(_THROTTLED),
        "load": round(os.getloadavg()[0], 2),
    }


def board_slug(facts: Mapping[str, object]) -> str:
    """A file name for the machine: its board, or else its processor, in small letters and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", str(facts["board"] or facts["cpu"]).lower()).strip("-")


def cpu_model(cpuinfo: str) -> str | None:
    """Finds the processor's name in the text of `/proc/cpuinfo`."""
    pairs = [line.partition(":") for line in cpuinfo.splitlines()]
    names = {key.strip(): value.strip() for key, _, value in pairs}
    return next((names[key] for key in _CPU_KEYS if names.get(key)), None)


def cpu_features(cpuinfo: str) -> str | None:
    """Those of the processor's features in `/proc/cpuinfo` that the kernels of LiteRT choose by."""
    lines = [line.partition(":") for line in cpuinfo.splitlines()]
    told = next((value.split() for key, _, value in lines if key.strip() in ("flags", "Features")), [])
    return " ".join(feature for feature in told if feature in _KERNEL_FEATURES) or None


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ") or None  # the device tree ends its strings with NUL
    except OSError:
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
