"""Devices of constant draw for the books: boards, RAPL zones, CPU clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sweeper.energy.books import Assigned, At, Board, Book
from sweeper.energy.cpu_load import LoadBook
from sweeper.energy.meter import Sources, WorkerMeter
from sweeper.energy.rapl import RaplBook, readable_packages
from sweeper.testing.scripted_meter import HandClock

LIMIT_W = 700.0


class FakeCounter:
    """An energy counter that is moved by hand; None: it cannot be read."""

    def __init__(self, total_j: float | None = 0.0) -> None:
        self.total_j = total_j

    def __call__(self) -> float | None:
        """Read the counter."""
        return self.total_j


def board(counter: FakeCounter, *, limit_w: float | None = LIMIT_W, whole: bool = True) -> Board:
    """Return a board on a counter."""
    return Board("GPU-1", "Fake GPU", limit_w, counter, whole=whole)


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


def meter_on(assigned: Assigned, cpu: FakeCpu, *, rapl: bool = False) -> WorkerMeter:
    """Return a meter on these boards and this CPU."""
    book = cpu.rapl_book if rapl else cpu.load_book
    return WorkerMeter(Sources(lambda gpus: assigned, book), cpu.clock)
