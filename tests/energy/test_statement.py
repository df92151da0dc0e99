from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from sweeper.energy.board import Assigned, AssignedBoard
from sweeper.energy.books import At, Used
from sweeper.energy.cpu_load import LoadBook
from sweeper.energy.meter import Sources, WorkerMeter
from sweeper.model import Energy
from sweeper.testing.scripted_meter import HandClock

from .fakes import LIMIT_W, FakeCounter, FakeCpu, board, meter_on


class Bench:
    """One worker whose counters are moved by hand."""

    def __init__(self, root: Path, *, rapl: bool = False) -> None:
        self.cpu = FakeCpu(HandClock(), root)
        self.rapl = rapl
        self.meter: WorkerMeter

    def begin(
        self, boards: Sequence[AssignedBoard], share: float = 1.0, flags: tuple[str, ...] = ()
    ) -> None:
        """Begin with these boards assigned."""
        self.meter = meter_on(Assigned(tuple(boards), flags), self.cpu, rapl=self.rapl)
        self.meter.begin(["0"], share)

    def trial(self, elapsed_s: float, counter: FakeCounter, more_j: float | None) -> Energy:
        """Run a trial during which the counter moves, or cannot be read at the end."""
        self.meter.open()
        self.pass_time(elapsed_s)
        last_j = counter.total_j or 0.0
        counter.total_j = None if more_j is None else last_j + more_j
        return self.meter.close()

    def pass_time(self, elapsed_s: float) -> None:
        """Let time go by on all clocks of the CPU."""
        self.cpu.clock.advance(elapsed_s)
        self.cpu.write_zones()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_long_trial_on_its_own_board_has_tight_bounds(bench: Bench) -> None:
    """An exclusive trial of a minute or more is known: least, most and total agree."""
    counter = FakeCounter()
    bench.begin([board(counter)])
    energy = bench.trial(60.0, counter, 9000.0)
    assert (energy.lo_j, energy.total_j, energy.hi_j) == (9000.0, 9000.0, 9000.0)
    assert (energy.source, energy.scope, energy.attribution, energy.flags) == (
        "measured:counter",
        "gpu",
        "exclusive",
        (),
    )
    assert energy.gpus[0].energy_j == energy.gpus[0].device_j == 9000.0


def test_a_short_trial_is_off_by_one_counter_step_at_most(bench: Bench) -> None:
    """Below a minute the bounds are one update period at the power limit apart from the total."""
    counter = FakeCounter()
    bench.begin([board(counter)])
    energy = bench.trial(5.0, counter, 1000.0)
    assert (energy.lo_j, energy.total_j, energy.hi_j) == (930.0, 1000.0, 1070.0)
    assert energy.flags == ("unsettled",)


def test_bounds_are_unknown_without_a_power_limit(bench: Bench) -> None:
    """What may be misplaced at the edges of a short trial is not made up."""
    counter = FakeCounter()
    bench.begin([board(counter, limit_w=None)])
    energy = bench.trial(5.0, counter, 1000.0)
    assert (energy.lo_j, energy.total_j, energy.hi_j) == (None, 1000.0, None)


def test_a_shared_board_bounds_from_above_only(bench: Bench) -> None:
    """A lease gets its share, could have used the whole board, or nothing."""
    counter = FakeCounter()
    bench.begin([board(counter)], share=0.25)
    energy = bench.trial(100.0, counter, 8000.0)
    assert (energy.lo_j, energy.total_j, energy.hi_j) == (0.0, 2000.0, 8000.0)
    assert energy.attribution == "lease"


@pytest.mark.parametrize(("elapsed_s", "most_j"), [(0.05, 0.1 * LIMIT_W), (2.0, 2.0 * LIMIT_W)])
def test_a_counter_that_did_not_move_is_unknown_and_the_books_close(
    bench: Bench, elapsed_s: float, most_j: float
) -> None:
    """Shorter than the counter's step: None with a most; the joules come in with overhead."""
    counter = FakeCounter()
    bench.begin([board(counter)])
    energy = bench.trial(elapsed_s, counter, 0.0)
    assert (energy.total_j, energy.lo_j) == (None, None)
    assert energy.hi_j == pytest.approx(most_j)
    assert "counter_unchanged" in energy.flags
    counter.total_j = 33.0
    bench.pass_time(1.0)
    assert bench.meter.overhead().total_j == 33.0


def test_overhead_is_nothing_when_all_was_used_in_trials(bench: Bench) -> None:
    """The rest of the books may be 0: that is known, because the counter moved."""
    counter = FakeCounter()
    bench.begin([board(counter)])
    bench.trial(60.0, counter, 9000.0)
    overhead = bench.meter.overhead()
    assert (overhead.total_j, overhead.lo_j, overhead.hi_j) == (0.0, None, None)


def test_a_reset_makes_the_trial_unknown_and_not_negative(bench: Bench) -> None:
    """A counter that went down gives None with a flag; the next trial is measured again."""
    counter = FakeCounter(1_000_000.0)
    bench.begin([board(counter)])
    broken = bench.trial(70.0, counter, -999_200.0)
    assert (broken.total_j, broken.flags, broken.coverage) == (None, ("counter_reset",), 0.0)
    assert bench.trial(70.0, counter, 500.0).total_j == 500.0
    assert bench.meter.overhead().total_j == 0.0


def test_what_was_seen_before_a_reset_is_the_least(bench: Bench) -> None:
    """A report before the reset is a least; the most adds the power limit for the time unseen."""
    counter = FakeCounter(1000.0)
    bench.begin([board(counter)])
    bench.meter.open()
    bench.pass_time(60.0)
    counter.total_j = 7000.0
    assert bench.meter.read() == 6000.0
    bench.pass_time(20.0)
    counter.total_j = 3.0
    energy = bench.meter.close()
    assert (energy.total_j, energy.lo_j, energy.hi_j) == (None, 6000.0, 6000.0 + 20 * LIMIT_W)
    assert energy.coverage == 0.75


def test_an_edge_that_could_not_be_read_is_a_gap(bench: Bench) -> None:
    """A trial whose end was not read is unknown and says so."""
    counter = FakeCounter()
    bench.begin([board(counter)])
    energy = bench.trial(70.0, counter, None)
    assert (energy.total_j, energy.flags) == (None, ("counter_gap",))


def test_a_board_without_a_counter_is_unavailable_and_never_zero(bench: Bench) -> None:
    """An unsupported counter gives None; the CPU's estimate stays apart."""
    bench.begin([board(FakeCounter(None))])
    bench.meter.open()
    bench.pass_time(100.0)
    assert bench.meter.read() is None
    energy = bench.meter.close()
    assert (energy.total_j, energy.source, energy.scope) == (None, "unavailable", "gpu")
    assert (energy.attribution, energy.coverage) == ("none", 0.0)
    assert energy.flags == ("counter_unsupported",)
    assert (energy.cpu_j, energy.cpu_source) == (2400.0, "estimated:cpu_load")
    assert bench.meter.overhead().total_j is None


def test_one_unreadable_board_makes_the_sum_unknown(bench: Bench) -> None:
    """The known board keeps its own line, the sum over the boards does not pass for all."""
    counter = FakeCounter()
    bench.begin([board(counter), board(FakeCounter(None))])
    energy = bench.trial(70.0, counter, 700.0)
    assert (energy.total_j, energy.source) == (None, "unavailable")
    assert [gpu.energy_j for gpu in energy.gpus] == [700.0, None]


def test_boards_that_were_not_found_are_unavailable(bench: Bench) -> None:
    """GPUs were assigned and none could be found: unknown, with the reason as a flag."""
    bench.begin([], flags=("nvml_unavailable",))
    bench.meter.open()
    bench.pass_time(10.0)
    energy = bench.meter.close()
    assert (energy.total_j, energy.source, energy.scope) == (None, "unavailable", "gpu")
    assert (energy.lo_j, energy.hi_j, energy.gpus) == (None, None, ())
    assert energy.flags == ("nvml_unavailable",)


def test_a_slice_of_a_board_has_its_part_by_compute_slices(bench: Bench) -> None:
    """The counter is that of the whole board: so many sevenths, and the board as the most."""
    counter = FakeCounter()
    bench.begin([board(counter, slices=2)])
    energy = bench.trial(100.0, counter, 7000.0)
    assert energy.total_j == pytest.approx(2000.0)
    assert (energy.lo_j, energy.hi_j) == (0.0, 7000.0)
    assert (energy.source, energy.attribution) == ("measured:counter", "mig_slice")


@pytest.mark.parametrize(
    ("elapsed_s", "share", "expected"),
    [
        (100.0, 1.0, 0.05),
        (5.0, 1.0, math.hypot(0.05, 70 / 7000)),
        (100.0, 0.25, math.hypot(0.05, 7000 / (2 * math.sqrt(3) * 1750))),
    ],
    ids=["gain alone", "an edge", "a shared board"],
)
def test_the_uncertainty_is_the_budgets(
    bench: Bench, elapsed_s: float, share: float, expected: float
) -> None:
    """Gain, one step of the counter at the limit, and the rectangle of the least and the most."""
    counter = FakeCounter()
    bench.begin([board(counter)], share)
    assert bench.trial(elapsed_s, counter, 7000.0).u_rel == pytest.approx(expected)


def test_an_estimate_is_as_uncertain_as_it_is(bench: Bench) -> None:
    """CPU seconds times watts are off by half; what is unknown has no uncertainty."""
    bench.meter = meter_on(Assigned(), bench.cpu)
    bench.meter.begin([], 1.0)
    assert bench.trial(10.0, FakeCounter(), 0.0).u_rel == 0.5
    bench.begin([board(FakeCounter(None))])
    assert bench.trial(10.0, FakeCounter(), 0.0).u_rel is None


def test_a_window_shorter_than_a_step_is_unknown_though_the_counter_moved(bench: Bench) -> None:
    """Whether a step lies in 50 ms is chance: None, at most a step at the limit, and overhead."""
    counter = FakeCounter()
    bench.begin([board(counter)])
    energy = bench.trial(0.05, counter, 30.0)
    assert (energy.total_j, energy.lo_j) == (None, None)
    assert energy.hi_j == pytest.approx(0.1 * LIMIT_W)
    assert "too_short" in energy.flags
    assert bench.meter.overhead().total_j == 30.0


def test_memory_is_told_apart(bench: Bench) -> None:
    """Where the CPU's book counts memory, its joules are beside all others."""

    class WithMemory(LoadBook):
        def tick(self, now_s: float, at: At) -> None:
            """Count 5 W of memory."""
            super().tick(now_s, at)
            self.dram = Used(share_j=5.0 * now_s)

    meter = WorkerMeter(
        Sources(lambda gpus: Assigned(), lambda now_s: WithMemory(bench.cpu.tree_s, 12.0, now_s)),
        bench.cpu.clock,
    )
    meter.begin([], 1.0)
    bench.pass_time(2.0)
    meter.open()
    bench.pass_time(10.0)
    energy = meter.close()
    assert energy.total_j == pytest.approx(240.0)
    assert energy.dram_j == pytest.approx(50.0)
    assert energy.dram_source == "measured:rapl"


def test_measured_gpus_and_measured_packages_are_added(tmp_path: Path) -> None:
    """Scope gpu+cpu: one sum with the weaker label, the CPU inside it."""
    bench, counter = Bench(tmp_path, rapl=True), FakeCounter()
    bench.begin([board(counter)])
    energy = bench.trial(100.0, counter, 8000.0)
    assert energy.total_j == pytest.approx(8000.0 + 2500.0)
    assert (energy.source, energy.scope, energy.attribution) == (
        "measured:rapl",
        "gpu+cpu",
        "cpu_time",
    )
    assert energy.lo_j == 8000.0
    assert energy.hi_j == pytest.approx(8000.0 + 10000.0)
    assert (energy.cpu_j, energy.cpu_source) == (None, "measured:rapl")


def test_an_unknown_gpu_leaves_the_measured_packages_visible(tmp_path: Path) -> None:
    """A sum with an unknown term is unknown; its known term is told apart."""
    bench, counter = Bench(tmp_path, rapl=True), FakeCounter(1e6)
    bench.begin([board(counter)])
    energy = bench.trial(100.0, counter, -9e5)
    assert (energy.total_j, energy.scope) == (None, "gpu+cpu")
    assert energy.cpu_j == pytest.approx(2500.0)


def test_unreadable_gpus_keep_the_scope_gpu_beside_measured_packages(tmp_path: Path) -> None:
    """A worker with GPUs never reports its CPU as if that were all."""
    bench = Bench(tmp_path, rapl=True)
    bench.begin([board(FakeCounter(None))])
    energy = bench.trial(100.0, FakeCounter(), 0.0)
    assert (energy.total_j, energy.source, energy.scope) == (None, "unavailable", "gpu")
    assert energy.cpu_j == pytest.approx(2500.0)
    assert energy.cpu_source == "measured:rapl"
