"""Four GPUs on the fake library, for the tests that test_nvml.py runs where pynvml finds it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from sweeper.energy.meter import Sources, WorkerMeter
from sweeper.energy.nvml import Nvml
from sweeper.energy.nvml_board import NvmlBoard
from sweeper.model import Energy
from sweeper.seams import Meter
from sweeper.testing.scripted_meter import HandClock

from .fakes import FakeCpu

GPU = "GPU-{0:08x}-fa4e-fa4e-fa4e-{0:012x}"
MIG = "MIG-{0:08x}-fa4e-fa4e-fa4e-{0:012x}"
WATTS = (300.0, 75.0, 400.0, 50.0)


Answer = TypeVar("Answer")


def known(answer: Answer | None) -> Answer:
    """Return an answer that there must be."""
    assert answer is not None
    return answer


class FakeGpus:
    """Four GPUs of constant draw whose time is set by hand."""

    gpus: Sequence[str] = ("0", "1")

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cpu = FakeCpu(HandClock(), root)
        self.monkeypatch = monkeypatch
        self.clock_file = root / "clock"
        self.clock_file.write_text("0")
        self.set("CLOCK", str(self.clock_file))
        self.set("WATTS", ",".join(map(str, WATTS)))

    def set(self, name: str, value: str) -> None:
        """Set a variable that the fake library reads at each call."""
        self.monkeypatch.setenv(f"FAKE_NVML_{name}", value)

    def meter(self) -> Meter:
        """Return a new meter on these devices."""
        return WorkerMeter(Sources(Nvml().assigned, self.cpu.load_book), self.cpu.clock)

    def run_for(self, elapsed_s: float) -> None:
        """Let time go by."""
        self.cpu.clock.advance(elapsed_s)
        self.clock_file.write_text(repr(self.cpu.clock()))

    def power_w(self, share: float) -> float:
        """Return the draw that belongs to a share."""
        return share * (WATTS[0] + WATTS[1])

    def now_s(self) -> float:
        """Return the time."""
        return self.cpu.clock()

    def board(self) -> NvmlBoard:
        """Return the first board, newly found."""
        return Nvml().boards()[0]

    def process(self, line: str) -> None:
        """Let a process use a GPU: time, GPU, pid, per cent of its SMs, MiB."""
        file = self.clock_file.with_name("processes")
        with file.open("a", encoding="utf-8") as processes:
            processes.write(f"{line}\n")
        self.set("PROCESSES", str(file))

    def trial(self, gpus: Sequence[str], elapsed_s: float = 5.0) -> Energy:
        """Meter one trial of a worker that was given these GPUs."""
        meter = self.meter()
        meter.begin(gpus, 1.0)
        meter.open()
        self.run_for(elapsed_s)
        return meter.close()
