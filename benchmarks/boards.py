"""The Raspberry Pis whose processors QEMU can play."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Board:
    """A board as its kernel describes its processor.

    Attributes:
        name: what people call it.
        cpu: QEMU's name of the processor (`qemu-aarch64 -cpu help`).
        part: `CPU part` in `/proc/cpuinfo`: what LiteRT chooses its kernels by.
        variant: `CPU variant` there.
        revision: `CPU revision` there.
        features: `Features` there.
    """

    name: str
    cpu: str
    part: str
    variant: str
    revision: int
    features: str

    def cpuinfo(self) -> str:
        """The text of `/proc/cpuinfo` for its four cores."""
        return "".join(
            f"processor\t: {i}\nBogoMIPS\t: 108.00\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: 8\nCPU variant\t: {self.variant}\nCPU part\t: {self.part}\n"
            f"CPU revision\t: {self.revision}\n\n"
            for i in range(CORES)
        )


CORES = 4

# Parts from Arm's technical reference manuals (MIDR_EL1); features as Raspberry Pi OS 12 shows them.
BOARDS = MappingProxyType(
    {
        "pi4": Board("Raspberry Pi 4", "cortex-a72", "0xd08", "0x0", 3, "fp asimd evtstrm crc32 cpuid"),
        "pi5": Board(
            "Raspberry Pi 5",
            "cortex-a76",
            "0xd0b",
            "0x4",
            1,
            "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
        ),
    }
)
