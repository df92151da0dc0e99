"""Devices of constant draw for the books: boards, RAPL zones, CPU clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.energy.board import Assigned, AssignedBoard, GpuProcess, ProcessSample
from sweeper.energy.books import At, Book
from sweeper.energy.cpu_load import LoadBook
from sweeper.energy.meter import Sources, WorkerMeter
from sweeper.energy.rapl import RaplBook, readable_packages
from sweeper.seams import Meter
from sweeper.testing.scripted_meter import HandClock

LIMIT_W = 700.0


class FakeCounter:
    """An energy counter that is moved by hand; None: it cannot be read."""

    def __init__(self, total_j: float | None = 0.0) -> None:
        self.total_j = total_j

    def __call__(self) -> float | None:
        """Read the counter."""
        return self.total_j


@dataclass
class CounterBoard:
    """A board that has a counter and a power limit, and tells nothing else."""

    counter: Callable[[], float | None]
    limit: float | None = LIMIT_W
    uuid: str = "GPU-1"
    name: str = "Fake GPU"
    scope: str = "gpu"

    def counter_j(self) -> float | None:
        """Read the counter."""
        return self.counter()

    def limit_w(self) -> float | None:
        """Return the limit."""
        return self.limit

    def average_w(self) -> float | None:
        """Return nothing."""
        return None

    def instant_w(self) -> float | None:
        """Return nothing."""
        return None

    def legacy_w(self) -> float | None:
        """Return nothing."""
        return None

    def utilisation(self) -> float | None:
        """Return nothing."""
        return None

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Return nothing."""
        return None

    def process_utilisation(self, since_us: int) -> tuple[ProcessSample, ...] | None:
        """Return nothing."""
        return None

    def temperature_c(self) -> float | None:
        """Return nothing."""
        return None

    def memory_bytes(self) -> int | None:
        """Return nothing."""
        return None


def board(
    counter: Callable[[], float | None],
    *,
    limit_w: float | None = LIMIT_W,
    slices: int | None = None,
    uuid: str = "GPU-1",
) -> AssignedBoard:
    """Return a board on a counter, or a MIG slice of it."""
    return AssignedBoard(CounterBoard(counter, limit_w, uuid), slices)


@dataclass
class FakeCpu:
    """CPU clocks and RAPL zones of a machine whose load does not change.

    ``cores`` are those that the process tree keeps busy, ``busy`` all that are.
    """

    clock: HandClock
    root: Path
    cores: float = 2.0
    busy: float = 8.0
    package_w: float = 100.0
    range_uj: int = 262_143_328_850
    packages: int = 1
    energy_uj: dict[int, int] = field(default_factory=dict)

    def tree_s(self, at: At = At.EDGE) -> float:
        """Return the CPU seconds of the tree."""
        return self.cores * self.clock()

    def busy_s(self, at: At = At.EDGE) -> float:
        """Return the busy CPU seconds of the machine."""
        return self.busy * self.clock()

    def write_zones(self) -> Path:
        """Write the packages' counters as they stand."""
        for number in range(self.packages):
            start_uj = self.energy_uj.setdefault(number, 1_000_000 * (number + 1))
            used_uj = round(self.package_w * self.clock() * 1e6)
            zone(
                self.root / f"intel-rapl:{number}",
                f"package-{number}",
                (start_uj + used_uj) % (self.range_uj + 1),
                self.range_uj,
            )
        return self.root

    def rapl_book(self, now_s: float) -> Book:
        """Open a book on the packages."""
        packages = readable_packages(self.write_zones())
        return RaplBook(packages, self.tree_s, self.busy_s, now_s)

    def load_book(self, now_s: float) -> Book:
        """Open a book on the estimate, 12 W per core."""
        return LoadBook(self.tree_s, 12.0, now_s)


def zone(folder: Path, name: str, energy_uj: int, range_uj: int = 262_143_328_850) -> Path:
    """Write one powercap zone."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return folder


def meter_on(
    assigned: Assigned, cpu: FakeCpu, *, rapl: bool = False, agent: Meter | None = None
) -> WorkerMeter:
    """Return a meter on these boards and this CPU, beside an agent or without."""
    book = cpu.rapl_book if rapl else cpu.load_book
    return WorkerMeter(Sources(lambda gpus: assigned, book), cpu.clock, agent)
