"""What could be measured of this node's CPUs: RAPL and why not, and the estimate instead.

Owns: the facts of ``sweeper energy probe`` about CPUs. Must not import other rooms, Ray or pynvml.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sweeper.energy.cpu_load import CPU_W_PER_CORE
from sweeper.energy.rapl import POWERCAP, readable_memory, readable_packages

__all__ = ["CpuProbe", "Zone", "probe_cpu"]


@dataclass(frozen=True, slots=True)
class Zone:
    """A RAPL domain: ``package-0``, ``dram``, ...; and whether this process may read it."""

    path: str
    name: str
    readable: bool


@dataclass(frozen=True, slots=True)
class CpuProbe:
    """What could be measured of the CPUs.

    Attributes:
        source: Label of the source that a sweep would have.
        packages: CPU packages that count; none: estimated.
        mirrored: Packages that were left out, because they show another one's counter.
        dram: Memory domains that count.
        zones: All domains of packages and memory.
        zones_at: Where the kernel shows them.
        w_per_core: Watts of one busy core, for the estimate.
        cores: CPUs that this process may use.
    """

    source: str
    packages: int
    mirrored: int
    dram: int
    zones: tuple[Zone, ...]
    zones_at: str
    w_per_core: float
    cores: int


def probe_cpu(w_per_core: float | None = None, root: Path = POWERCAP) -> CpuProbe:
    """Look at RAPL.

    Args:
        w_per_core: Watts of one busy core; None: the default of the estimate.
        root: The folder of the powercap zones.
    """
    zones = tuple(
        zone
        for folder in sorted(root.glob("intel-rapl:*"))
        if (zone := _zone(folder)).name.startswith(("package-", "dram"))
    )
    packages = len(readable_packages(root))
    listed = sum(zone.name.startswith("package-") for zone in zones)
    return CpuProbe(
        source="measured:rapl" if packages else "estimated:cpu_load",
        packages=packages,
        mirrored=listed - packages if packages else 0,
        dram=len(readable_memory(root)),
        zones=zones,
        zones_at=str(root),
        w_per_core=CPU_W_PER_CORE if w_per_core is None else w_per_core,
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
    )


def _zone(folder: Path) -> Zone:
    counter = folder / "energy_uj"
    try:
        name = (folder / "name").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    try:
        readable = counter.read_text(encoding="ascii").strip().isdecimal()
    except (OSError, UnicodeDecodeError):
        readable = False
    return Zone(str(counter), name, readable)
