"""CPU packages measured by RAPL, split by CPU time.

Owns the layout of /sys/class/powercap (Linux, Documentation/power/powercap/powercap.rst). Must not
import other rooms, Ray or pynvml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.energy.books import At, CounterBook, Used
from sweeper.energy.cpu_load import MIN_TICK_S, CpuClock

__all__ = ["POWERCAP", "Package", "RaplBook", "readable_memory", "readable_packages"]

MEASURED_RAPL = "measured:rapl"

POWERCAP = Path("/sys/class/powercap")

# More than one package draws: what a counter that is not read may have gone round at.
MAX_PACKAGE_W = 500.0


@dataclass(frozen=True, slots=True)
class Package:
    """One CPU package's counter in microjoules; it goes from ``range_uj`` back to 0."""

    counter: Path
    range_uj: int

    def read_uj(self) -> int | None:
        """Return the counter; None: cannot be read."""
        return _whole_number(self.counter)


def readable_packages(root: Path = POWERCAP) -> tuple[Package, ...]:
    """Find the CPU packages whose energy this process may read.

    Only package domains: cores, uncore and psys are parts or sums of them, and ``intel-rapl-mmio``
    is the same counter again. A package that mirrors another one's counter is left out.

    Args:
        root: The folder of the powercap zones.

    Returns:
        The packages; none if one of them cannot be read, for a part would pass for the whole.
    """
    return _readable(root, "package-")


def readable_memory(root: Path = POWERCAP) -> tuple[Package, ...]:
    """Find the memory domains whose energy this process may read, as ``readable_packages`` does.

    Package domains do not contain them, so the two may stand side by side.
    """
    return _readable(root, "dram")


def _readable(root: Path, kind: str) -> tuple[Package, ...]:
    """Return the domains whose names begin like this; none if one of them cannot be read."""
    packages: list[Package] = []
    for zone in sorted(root.glob("intel-rapl:*")):
        if not _text(zone / "name").startswith(kind):
            continue
        range_uj = _whole_number(zone / "max_energy_range_uj")
        package = Package(zone / "energy_uj", range_uj or 0)
        if not range_uj or package.read_uj() is None:
            return ()
        if not any(_mirrors(package, other) for other in packages):
            packages.append(package)
    return tuple(packages)


@dataclass(frozen=True, slots=True)
class RaplReading:
    """Counters and CPU seconds at one moment; of memory none if one cannot be read."""

    counters_uj: tuple[int, ...]
    memory_uj: tuple[int, ...]
    tree_s: float
    busy_s: float


class RaplBook(CounterBook[RaplReading]):
    """What the packages used, and of that the part of this process tree by CPU time.

    Args:
        packages: From ``readable_packages``.
        tree_s: CPU seconds of the process tree so far.
        busy_s: Busy CPU seconds of the whole machine so far.
        now_s: The clock at the first reading.
        memory: From ``readable_memory``; booked apart, by the same CPU time.
    """

    source = MEASURED_RAPL
    min_tick_s = MIN_TICK_S

    def __init__(
        self,
        packages: Sequence[Package],
        tree_s: CpuClock,
        busy_s: CpuClock,
        now_s: float,
        *,
        memory: Sequence[Package] = (),
    ) -> None:
        self._packages = tuple(packages)
        self._memory = tuple(memory)
        self.dram = Used() if memory else None
        self._tree_s = tree_s
        self._busy_s = busy_s
        self._wrap_s = min(package.range_uj for package in packages) / 1e6 / MAX_PACKAGE_W
        super().__init__(now_s)

    def _read(self, at: At) -> RaplReading | None:
        counters_uj, memory_uj = _read_all(self._packages), _read_all(self._memory)
        if len(counters_uj) < len(self._packages):
            return None
        return RaplReading(counters_uj, memory_uj, self._tree_s(at), self._busy_s(at))

    def _between(self, last: RaplReading, now: RaplReading, elapsed_s: float) -> Used:
        device_uj = _used_uj(self._packages, last.counters_uj, now.counters_uj)
        tree_s = max(0.0, now.tree_s - last.tree_s)
        # The machine's clock has ticks of 10 ms, that of the tree is finer.
        busy_s = max(now.busy_s - last.busy_s, tree_s)
        part = tree_s / busy_s if busy_s > 0 else 0.0
        if self.dram is not None:
            self.dram += self._memory_between(last, now, part)
        return Used(
            share_j=part * device_uj / 1e6,
            device_j=device_uj / 1e6,
            seen_s=elapsed_s,
            wraps=int(elapsed_s > self._wrap_s),
        )

    def _memory_between(self, last: RaplReading, now: RaplReading, part: float) -> Used:
        if not last.memory_uj or not now.memory_uj:
            return Used(gaps=1)
        used_uj = _used_uj(self._memory, last.memory_uj, now.memory_uj)
        return Used(share_j=part * used_uj / 1e6, device_j=used_uj / 1e6)


def _read_all(packages: Sequence[Package]) -> tuple[int, ...]:
    """Read all counters; none if one of them cannot be read."""
    counters_uj = [package.read_uj() for package in packages]
    known_uj = tuple(counter for counter in counters_uj if counter is not None)
    return known_uj if len(known_uj) == len(counters_uj) else ()


def _used_uj(packages: Sequence[Package], last: Sequence[int], now: Sequence[int]) -> int:
    """Return what the counters went up by, once round at most."""
    return sum(
        (new - old) % (package.range_uj + 1)
        for package, old, new in zip(packages, last, now, strict=True)
    )


def _mirrors(package: Package, other: Package) -> bool:
    """Tell whether two counters are one: read in turn, the value lies between two of the other."""
    before_uj, between_uj, after_uj = other.read_uj(), package.read_uj(), other.read_uj()
    if before_uj is None or between_uj is None or after_uj is None:
        return False
    return before_uj <= between_uj <= after_uj


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _whole_number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None
