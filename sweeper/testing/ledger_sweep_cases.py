"""What every ledger must do with sweeps and their drivers; a part of ``LedgerCases``."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from sweeper.errors import CacheError, Deposed, SweepBusy
from sweeper.model import (
    CUT_SHORT,
    NOTHING,
    UNAVAILABLE,
    Energy,
    GpuEnergy,
    Mine,
    Outcome,
    Progress,
    RecordStatus,
    Settled,
    Source,
    SweepState,
    TrialState,
)
from sweeper.testing.store_bench import (
    DECISIONS,
    TTL_S,
    Driver,
    StoreBench,
    driver,
    energy_of,
    identity,
    key_of,
    record_of,
)

__all__ = ["LedgerSweepCases"]


# What the workers of two boards used outside attempts, and what other people used there.
OVERHEAD = Energy(
    total_j=0.1 + 0.2,
    source="measured:counter",
    scope="gpu",
    attribution="lease",
    coverage=0.97,
    gpus=(
        GpuEnergy("GPU-1", "A", 0.1, device_j=7.25, external_j=1 / 3, utilisation=0.4),
        GpuEnergy("GPU-2", "A", 0.2, external_j=None, update_s=0.1),
    ),
    flags=(CUT_SHORT,),
    idle_j=0.125,
    dram_j=2.5,
    dram_source="measured:rapl",
)


class LedgerSweepCases:
    """Whose a sweep is, who goes on with it, who follows it, how it ends."""

    def test_a_first_sweep_is_new(self, bench: StoreBench) -> None:
        """Without a past there is nothing to resume and nobody to follow."""
        begun = driver(bench).begun
        assert (begun.resumed, begun.own, begun.leader, begun.followed) == (False, (), None, ())
        assert (begun.elapsed_s, begun.overhead) == (0.0, NOTHING)

    def test_a_live_sweep_is_refused_to_others(self, bench: StoreBench) -> None:
        """A second driver of the same sweep hears who drives it, and changes nothing."""
        ann, key = driver(bench), key_of(0.1)
        attempt, claim = ann.claim(0, key)
        with pytest.raises(SweepBusy, match="ann"):
            driver(bench, host="n2")
        ann.ledger.settle(ann.trained(attempt, record_of(key), claim))

    @pytest.mark.parametrize(
        "overhead", [OVERHEAD, NOTHING, UNAVAILABLE], ids=["measured", "nothing", "unknown"]
    )
    def test_an_overhead_comes_back_whole(self, bench: StoreBench, overhead: Energy) -> None:
        """What a flush or the end wrote is in the sweep's row, and in the hand of who goes on."""
        ann = driver(bench)
        assert _overhead(ann) == (None, None)
        ann.ledger.flush({}, elapsed_s=1.0, overhead=overhead)
        assert _overhead(ann) == (overhead.total_j, overhead)
        ann.ledger.flush({}, elapsed_s=2.0, overhead=energy_of(4.0))
        ann.ledger.finish(SweepState.STOPPED, "stop", elapsed_s=3.0, overhead=overhead)
        assert _overhead(ann) == (overhead.total_j, overhead)
        again = driver(bench)
        assert (again.begun.overhead, _overhead(again)[1]) == (overhead, overhead)

    def test_an_overhead_that_nobody_wrote_is_unknown(self, bench: StoreBench) -> None:
        """A driver that died before its first flush had workers if it had trained: not nothing."""
        dead = driver(bench)
        dead.ledger.start(dead.attempt(0, parked=True))
        heir = _taken_over(bench)
        assert heir.begun.overhead == NOTHING
        heir.ledger.start(heir.attempt(1))
        assert _taken_over(bench).begun.overhead == UNAVAILABLE

    def test_a_new_sweep_has_no_overhead_of_the_one_it_follows(self, bench: StoreBench) -> None:
        """What another sweep spent is not spent again."""
        ann = driver(bench)
        ann.train(0, key_of(0.1))
        ann.ledger.finish(SweepState.COMPLETE, "space", elapsed_s=3.0, overhead=OVERHEAD)
        begun = driver(bench, who="bob").begun
        assert begun.leader is not None
        assert begun.overhead == NOTHING

    def test_a_heartbeat_keeps_a_sweep(self, bench: StoreBench) -> None:
        """A driver that flushes is alive, however long its sweep takes."""
        ann = driver(bench)
        for _ in range(3):
            bench.advance(TTL_S * 0.8)
            ann.ledger.flush({}, elapsed_s=1.0, overhead=UNAVAILABLE)
        with pytest.raises(SweepBusy):
            driver(bench)

    def test_a_dead_drivers_sweep_goes_on(self, bench: StoreBench) -> None:
        """What ran is lost but keeps its joules, what was told stays, its claims are free."""
        dead, bob, key, told = driver(bench), driver(bench, who="bob"), key_of(0.1), key_of(0.2)
        dead.train(0, told)
        running, _ = dead.claim(1, key)
        dead.ledger.start(dead.attempt(2, told, parked=True))
        done = {running.id: Progress(2, 30, 6.5, 1.5)}
        dead.ledger.flush(done, elapsed_s=12.5, overhead=OVERHEAD)
        bench.advance(TTL_S + 1)
        bob.ledger.flush({}, elapsed_s=0.0, overhead=UNAVAILABLE)
        heir = driver(bench)
        assert (heir.sweep, heir.begun.resumed) == (dead.sweep, True)
        assert (heir.begun.elapsed_s, heir.begun.overhead) == (12.5, OVERHEAD)
        states = [row.state for row in heir.begun.own]
        assert states == [TrialState.COMPLETE, TrialState.LOST, TrialState.LOST]
        assert (heir.begun.own[1].energy_j, heir.begun.own[1].elapsed_s) == (6.5, 1.5)
        assert heir.begun.own[1].source is Source.RUN
        bob.claim(0, key)

    def test_claims_of_a_dead_driver_are_free_at_once(self, bench: StoreBench) -> None:
        """Who resumes does not wait for leases of the driver that died."""
        dead, key = driver(bench), key_of(0.1)
        bench.advance(TTL_S - 1)
        dead.claim(0, key)
        bench.advance(2)
        with pytest.raises(SweepBusy):
            driver(bench)
        bench.advance(TTL_S - 1)
        driver(bench).claim(0, key)

    def test_a_deposed_driver_decides_nothing(self, bench: StoreBench) -> None:
        """It is told so by start, flush and settle; finishing does nothing."""
        old, key = driver(bench), key_of(0.1)
        attempt, _ = old.claim(0, key)
        heir = _taken_over(bench)
        before = heir.ledger.load(heir.sweep)
        with pytest.raises(Deposed):
            old.ledger.start(old.attempt(1, key))
        with pytest.raises(Deposed):
            old.ledger.flush(
                {attempt.id: Progress(1, None, 9.0, 9.0)}, elapsed_s=9, overhead=OVERHEAD
            )
        old.ledger.finish(SweepState.FAILED, "stop", elapsed_s=9, overhead=OVERHEAD)
        assert heir.ledger.load(heir.sweep) == before

    def test_a_deposed_driver_delivers_facts(self, bench: StoreBench) -> None:
        """Its record is kept and its joules are booked, but its trial is not told."""
        old, key = driver(bench), key_of(0.1)
        attempt, claim = old.claim(0, key)
        heir = _taken_over(bench)
        record = record_of(key, claim=claim)
        with pytest.raises(Deposed):
            old.ledger.settle(old.trained(attempt, record, claim))
        assert heir.cache.lookup([key])[key.run_key].record == record
        (row,) = heir.rows()
        assert (row.state, row.told) == (TrialState.LOST, None)
        assert (row.energy_j, row.elapsed_s) == (record.energy.total_j, record.elapsed_s)

    def test_a_deposed_driver_books_only_its_own_attempts(self, bench: StoreBench) -> None:
        """An attempt that the new driver pays for gets no joules from the old one."""
        old, key = driver(bench), key_of(0.1)
        heir = _taken_over(bench)
        attempt, _ = heir.claim(0, key)
        before = heir.rows()
        with pytest.raises(Deposed):
            old.ledger.settle(old.trained(attempt, record_of(key)))
        assert heir.rows() == before

    def test_an_attempt_that_ended_is_not_lost(self, bench: StoreBench) -> None:
        """What failed before its driver died stays failed, though it was not told."""
        dead = driver(bench)
        outcome = Outcome(TrialState.FAILED, (), energy=energy_of(4.0), elapsed_s=2.0)
        dead.ledger.settle(Settled(dead.attempt(0), outcome, Source.RUN, told=None))
        assert [row.state for row in _taken_over(bench).begun.own] == [TrialState.FAILED]

    def test_a_lost_claim_does_not_lose_the_record(self, bench: StoreBench) -> None:
        """Who settles after its lease was taken over still stores what it learned."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        attempt, stale = ann.claim(0, key)
        bench.advance(TTL_S + 1)
        _, claim = bob.claim(0, key)
        record = record_of(key, status=RecordStatus.PRUNED, claim=stale)
        ann.ledger.settle(ann.trained(attempt, record, stale))
        assert bob.cache.lookup([key])[key.run_key].record == record
        assert bob.cache.renew({claim: Progress(1, None, None, 0.0)}) == frozenset()

    def test_a_finished_sweep_says_how_it_ended(self, bench: StoreBench) -> None:
        """Finishing writes state and reason, and leaves nothing open."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        ann.claim(0, key)
        ann.ledger.finish(SweepState.STOPPED, "interrupt", elapsed_s=7.5, overhead=OVERHEAD)
        history = ann.ledger.load(ann.sweep)
        assert (history.sweep.state, history.sweep.stopped_by) == (SweepState.STOPPED, "interrupt")
        assert (history.sweep.elapsed_s, history.sweep.overhead) == (7.5, OVERHEAD)
        assert history.sweep.ended_at is not None
        assert [row.state for row in history.attempts] == [TrialState.LOST]
        bob.claim(0, key)

    @pytest.mark.parametrize(
        "state", [SweepState.COMPLETE, SweepState.STOPPED, SweepState.FAILED], ids=lambda s: s.value
    )
    def test_a_finished_sweep_goes_on_when_asked(
        self, bench: StoreBench, state: SweepState
    ) -> None:
        """Running the same file again continues it at once, as its budget may have grown."""
        ann = driver(bench)
        ann.train(0, key_of(0.1))
        ann.ledger.finish(state, "budget.trials", elapsed_s=7.5, overhead=UNAVAILABLE)
        again = driver(bench)
        assert (again.sweep, again.begun.resumed) == (ann.sweep, True)
        assert [row.told for row in again.begun.own] == [2]
        row = again.ledger.load(again.sweep).sweep
        assert (row.state, row.stopped_by, row.ended_at) == (SweepState.RUNNING, None, None)

    @pytest.mark.parametrize(
        "other",
        [{"name": "other"}, {"digest": "e"}, {"who": "bob"}, {"fresh": True}],
        ids=["name", "digest", "user", "fresh"],
    )
    def test_another_sweep_is_another_sweep(self, bench: StoreBench, other: dict[str, str]) -> None:
        """Name, digest and user make the identity; fresh starts a new one even so."""
        ann = driver(bench)
        bench.advance(1)
        new = driver(bench, **other)  # type: ignore[arg-type]
        assert new.sweep != ann.sweep
        assert not new.begun.resumed

    def test_the_newest_sweep_goes_on(self, bench: StoreBench) -> None:
        """After a fresh start the fresh one is continued."""
        first = driver(bench)
        bench.advance(1)
        second = driver(bench, fresh=True)
        second.ledger.finish(SweepState.COMPLETE, "space", elapsed_s=0.0, overhead=UNAVAILABLE)
        assert driver(bench).sweep == second.sweep != first.sweep

    def test_a_new_sweep_follows_the_one_that_came_furthest(self, bench: StoreBench) -> None:
        """Anybody's sweep of the same digest leads, if it told the most trials."""
        short, long = driver(bench), driver(bench, who="bob", name="theirs")
        other = driver(bench, who="eve", digest="e")
        for number in range(5):
            other.train(number, key_of(0.6 + 0.1 * number))
        short.train(0, key_of(0.1))
        for number in range(3):
            long.train(number, key_of(0.2 + 0.1 * number))
        begun = driver(bench, who="cat").begun
        assert begun.leader == long.ledger.load(long.sweep).sweep.handle
        assert begun.leader.startswith("theirs-")
        assert list(begun.followed) == long.rows()
        assert begun.own == ()

    def test_replicates_do_not_make_a_leader(self, bench: StoreBench) -> None:
        """Told trials are counted, not trainings: two trials lead one of three replicates."""
        many, two = driver(bench), driver(bench, who="bob", name="theirs")
        for replicate in range(3):
            key = key_of(0.1, replicate=replicate)
            settled = many.trained(many.attempt(0, key, replicate=replicate), record_of(key))
            many.ledger.settle(replace(settled, told=settled.told if replicate == 2 else None))
        for number in range(2):
            two.train(number, key_of(0.2 + 0.1 * number))
        begun = driver(bench, who="cat").begun
        assert begun.leader == two.ledger.load(two.sweep).sweep.handle

    def test_a_continued_sweep_has_the_ends_of_its_replicates(self, bench: StoreBench) -> None:
        """What ended untold stays ended when the driver dies; what ran is lost."""
        dead = driver(bench)
        first, second = (key_of(0.1, replicate=replicate) for replicate in range(2))
        settled = dead.trained(dead.attempt(0, first), record_of(first))
        dead.ledger.settle(replace(settled, told=None))
        dead.ledger.start(dead.attempt(0, second, replicate=1))
        own = _taken_over(bench).begun.own
        assert [(row.id.replicate, row.state, row.told) for row in own] == [
            (0, TrialState.COMPLETE, None),
            (1, TrialState.LOST, None),
        ]
        assert (own[0].final, own[0].decisions) == (settled.outcome.final, DECISIONS)

    def test_nobody_follows_a_sweep_that_told_nothing(self, bench: StoreBench) -> None:
        """An attempt that only began is nothing to follow."""
        ann = driver(bench)
        ann.claim(0, key_of(0.1))
        begun = driver(bench, who="bob").begun
        assert (begun.leader, begun.followed) == (None, ())

    def test_a_request_to_stop_is_heard_at_the_next_flush(self, bench: StoreBench) -> None:
        """Flush says so until the sweep is begun again."""
        ann = driver(bench)
        assert not ann.ledger.flush({}, elapsed_s=1.0, overhead=UNAVAILABLE)
        bench.request_stop(ann.sweep)
        assert ann.ledger.flush({}, elapsed_s=2.0, overhead=UNAVAILABLE)
        assert ann.ledger.flush({}, elapsed_s=3.0, overhead=UNAVAILABLE)
        ann.ledger.finish(SweepState.STOPPED, "stop", elapsed_s=3.0, overhead=UNAVAILABLE)
        assert not driver(bench).ledger.flush({}, elapsed_s=3.0, overhead=UNAVAILABLE)

    def test_one_driver_may_ask_twice_for_its_sweep(self, bench: StoreBench) -> None:
        """Begin is repeatable by the same driver after an unknown outcome."""
        ann = driver(bench)
        again = ann.ledger.begin(identity())
        assert (again.uid, again.resumed) == (ann.sweep, True)
        key = key_of(0.1)
        assert isinstance(ann.cache.acquire(key, ann.attempt(0, key)), Mine)

    def test_a_named_sweep_goes_on_with_other_code(self, bench: StoreBench) -> None:
        """With its uid it is opened whatever the digest is now; it keeps its own."""
        ann = driver(bench, digest="a")
        ann.train(0, key_of(0.1))
        ann.ledger.finish(SweepState.STOPPED, "stop", elapsed_s=1.0, overhead=NOTHING)
        again = driver(bench, digest="b", uid=ann.sweep)
        assert (again.sweep, again.begun.resumed) == (ann.sweep, True)
        assert [row.id.number for row in again.begun.own] == [0]
        assert again.ledger.load(again.sweep).sweep.digest == identity(digest="a").digest

    def test_a_named_sweep_must_be_ones_own(self, bench: StoreBench) -> None:
        """Somebody else's, or none, is refused."""
        ann = driver(bench)
        ann.ledger.finish(SweepState.STOPPED, "stop", elapsed_s=1.0, overhead=NOTHING)
        with pytest.raises(CacheError):
            driver(bench, who="bob", uid=ann.sweep)
        with pytest.raises(CacheError):
            driver(bench, uid=UUID(int=1))


def _overhead(ann: Driver) -> tuple[float | None, Energy | None]:
    """Read back a sweep's overhead."""
    row = ann.ledger.load(ann.sweep).sweep
    return row.overhead_j, row.overhead


def _taken_over(bench: StoreBench) -> Driver:
    """Let the first driver's lease run out and start a second one on its sweep."""
    bench.advance(TTL_S + 1)
    heir = driver(bench)
    assert heir.begun.resumed
    return heir
