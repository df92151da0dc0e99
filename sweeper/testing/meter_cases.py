"""What every meter must do: derive a test class from ``MeterCases`` and give it a ``bench``.

    class TestMyMeter(MeterCases):
        @pytest.fixture
        def bench(self) -> MeterBench: ...

Imports only the values and seams; pytest collects the derived class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from sweeper.model import UNAVAILABLE
from sweeper.seams import Meter

__all__ = ["MeterBench", "MeterCases"]


class MeterBench(Protocol):
    """A meter on devices whose draw is known."""

    gpus: Sequence[str]

    def meter(self) -> Meter:
        """Return a new meter on the same devices, before ``begin``."""

    def run_for(self, elapsed_s: float) -> None:
        """Let the devices run at their draw; a multiple of 0.1 s, for real counters have steps."""

    def power_w(self, share: float) -> float:
        """Return the draw that belongs to a worker with this share."""


class MeterCases:
    """The contract of ``seams.Meter``, on devices of constant draw."""

    def test_closed_accounts_and_overhead_are_all_that_was_used(self, bench: MeterBench) -> None:
        """The books close: trials and overhead sum to the worker's share since begin."""
        meter = begun(bench)
        trials_j = []
        for idle_s, busy_s in [(1.0, 70.0), (0.5, 2.0), (3.0, 90.0)]:
            bench.run_for(idle_s)
            meter.open()
            bench.run_for(busy_s)
            trials_j.append(meter.close().total_j)
        bench.run_for(4.0)
        booked_j = [*trials_j, meter.overhead().total_j]
        same(total(booked_j), 170.5 * bench.power_w(1.0))

    def test_an_account_has_what_was_used_while_it_was_open(self, bench: MeterBench) -> None:
        """A trial's joules are its draw times its time."""
        meter = begun(bench)
        bench.run_for(5.0)
        meter.open()
        bench.run_for(80.0)
        same(meter.close().total_j, 80.0 * bench.power_w(1.0))

    def test_overhead_leaves_out_what_trials_used(self, bench: MeterBench) -> None:
        """Overhead has the time before, between and after trials, and no other."""
        meter = begun(bench)
        bench.run_for(2.0)
        meter.open()
        bench.run_for(30.0)
        meter.close()
        bench.run_for(3.0)
        same(meter.overhead().total_j, 5.0 * bench.power_w(1.0))

    def test_an_account_that_is_still_open_counts_as_overhead(self, bench: MeterBench) -> None:
        """At any moment closed accounts and overhead are everything."""
        meter = begun(bench)
        meter.open()
        bench.run_for(10.0)
        same(meter.overhead().total_j, 10.0 * bench.power_w(1.0))
        bench.run_for(10.0)
        same(meter.close().total_j, 20.0 * bench.power_w(1.0))
        same(meter.overhead().total_j, 0.0)

    def test_an_account_that_was_never_closed_is_overhead(self, bench: MeterBench) -> None:
        """Opening again forgets the open account, but not its joules."""
        meter = begun(bench)
        meter.open()
        bench.run_for(10.0)
        meter.open()
        bench.run_for(5.0)
        same(meter.close().total_j, 5.0 * bench.power_w(1.0))
        same(meter.overhead().total_j, 10.0 * bench.power_w(1.0))

    def test_read_ascends_to_what_close_says(self, bench: MeterBench) -> None:
        """Readings of an open account never fall, and the last one is the account's total."""
        meter = begun(bench)
        meter.open()
        readings_j = []
        for _ in range(5):
            bench.run_for(1.0)
            readings_j.append(known(meter.read()))
        assert readings_j == sorted(readings_j)
        same(readings_j[0], 1.0 * bench.power_w(1.0))
        same(readings_j[-1], known(meter.close().total_j))

    def test_each_account_begins_at_nothing(self, bench: MeterBench) -> None:
        """Closing resets: the next trial does not inherit the last one's joules."""
        meter = begun(bench)
        for busy_s in (20.0, 3.0):
            meter.open()
            bench.run_for(busy_s)
            same(meter.read(), busy_s * bench.power_w(1.0))
            same(meter.close().total_j, busy_s * bench.power_w(1.0))

    def test_two_begins_open_new_books(self, bench: MeterBench) -> None:
        """A second begin forgets all that was booked."""
        meter = begun(bench)
        bench.run_for(10.0)
        meter.open()
        bench.run_for(10.0)
        meter.begin(bench.gpus, 1.0)
        bench.run_for(2.0)
        same(meter.overhead().total_j, 2.0 * bench.power_w(1.0))

    def test_two_workers_have_what_the_devices_used(self, bench: MeterBench) -> None:
        """However two workers with half of the devices share them, no joule is lost or doubled."""
        left, right = bench.meter(), bench.meter()
        left.begin(bench.gpus, 0.5)
        right.begin(bench.gpus, 0.5)
        left.open()
        bench.run_for(10.0)
        right.open()
        bench.run_for(10.0)
        trials_j = [left.close().total_j, right.close().total_j]
        bench.run_for(10.0)
        booked_j = [*trials_j, left.overhead().total_j, right.overhead().total_j]
        same(total(booked_j), 2 * 30.0 * bench.power_w(0.5))

    def test_without_an_account_nothing_is_known(self, bench: MeterBench) -> None:
        """Unknown is None, never 0, and asking too early or too often does no harm."""
        meter = bench.meter()
        assert (meter.read(), meter.close(), meter.overhead()) == (None, UNAVAILABLE, UNAVAILABLE)
        meter.begin(bench.gpus, 1.0)
        assert (meter.read(), meter.close()) == (None, UNAVAILABLE)
        meter.open()
        bench.run_for(1.0)
        meter.close()
        assert (meter.read(), meter.close()) == (None, UNAVAILABLE)

    def test_an_account_says_what_it_is(self, bench: MeterBench) -> None:
        """A known total has a source, a scope and a way of sharing, and lies in its bounds."""
        meter = begun(bench)
        meter.open()
        bench.run_for(10.0)
        energy = meter.close()
        assert energy.source.split(":")[0] in {"measured", "estimated", "declared"}
        assert energy.scope in {"gpu", "cpu", "gpu+cpu"}
        assert energy.attribution != "none"
        total_j = known(energy.total_j)
        assert energy.lo_j is None or 0.0 <= energy.lo_j <= total_j
        assert energy.hi_j is None or energy.hi_j >= total_j
        assert energy.coverage == 1.0
        assert energy.u_rel is None or energy.u_rel > 0
        assert energy.idle_j is None or 0.0 <= energy.idle_j <= total_j


def begun(bench: MeterBench) -> Meter:
    """Return a meter of a worker that owns the devices, with its books open."""
    meter = bench.meter()
    meter.begin(bench.gpus, 1.0)
    return meter


def known(energy_j: float | None) -> float:
    """Return joules that must be known."""
    assert energy_j is not None, "joules are unknown"
    return energy_j


def total(terms_j: Sequence[float | None]) -> float:
    """Add up joules that must all be known."""
    return sum(known(term_j) for term_j in terms_j)


def same(energy_j: float | None, expected_j: float) -> None:
    """Compare joules up to the rounding of sums and of millijoule counters."""
    assert math.isclose(known(energy_j), expected_j, rel_tol=1e-9, abs_tol=0.002), (
        f"{energy_j} J, expected {expected_j} J"
    )
