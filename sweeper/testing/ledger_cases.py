"""What every ledger must do: derive a test class from ``LedgerCases`` and give it a ``bench``.

class TestMyLedger(LedgerCases):
    @pytest.fixture
    def bench(self) -> StoreBench: ...
"""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from sweeper.errors import CacheError, Deposed, SweepBusy
from sweeper.model import (
    Cause,
    CauseKind,
    Mine,
    Outcome,
    Progress,
    RecordStatus,
    Settled,
    Source,
    SweepState,
    TrialState,
)
from sweeper.store.mode import CacheMode
from sweeper.testing.store_bench import (
    TTL_S,
    Driver,
    StoreBench,
    attempt_on,
    driver,
    energy_of,
    identity,
    key_of,
    record_of,
)

__all__ = ["LedgerCases"]


class LedgerCases:
    """The contract of ``seams.Ledger``."""

    def test_a_first_sweep_is_new(self, bench: StoreBench) -> None:
        """Without a past there is nothing to resume and nobody to follow."""
        begun = driver(bench).begun
        assert (begun.resumed, begun.own, begun.leader, begun.followed) == (False, (), None, ())
        assert (begun.elapsed_s, begun.overhead_j) == (0.0, None)

    def test_a_sweep_can_be_read_back(self, bench: StoreBench) -> None:
        """The sweep's row says what it is, whose, and that it runs."""
        ann = driver(bench)
        row = ann.ledger.load(ann.sweep).sweep
        assert (row.name, row.who, row.host, row.digest) == (
            "digits",
            "ann",
            "n1",
            "d".ljust(64, "0"),
        )
        assert (row.state, row.stopped_by, row.ended_at) == (SweepState.RUNNING, None, None)
        assert row.config == identity().config

    @pytest.mark.parametrize("parked", [False, True], ids=["running", "parked"])
    def test_a_started_attempt_is_durable(self, bench: StoreBench, parked: bool) -> None:
        """After start the row is there, with its parameters; starting twice is harmless."""
        ann, key = driver(bench), key_of(0.1)
        attempt = ann.attempt(0, key, parked=parked)
        ann.ledger.start(attempt)
        ann.ledger.start(attempt)
        (row,) = ann.rows()
        assert row.state is (TrialState.PARKED if parked else TrialState.RUNNING)
        assert row.source is (None if parked else Source.RUN)
        assert (row.params, row.asked, row.told) == (attempt.params, attempt.asked, None)
        assert (row.run_key, row.config_key) == (key.run_key, key.config_key)

    def test_an_uncacheable_attempt_says_why(self, bench: StoreBench) -> None:
        """Without a key the row has the reason."""
        ann = driver(bench)
        ann.ledger.start(ann.attempt(0))
        (row,) = ann.rows()
        assert (row.run_key, row.config_key) == (None, None)
        assert row.uncached == "params.token: looks like a secret"

    def test_settling_writes_everything(self, bench: StoreBench) -> None:
        """Row, record and the end of the claim are there after one call."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        attempt, claim = ann.claim(0, key)
        record = record_of(key, claim=claim)
        settled = ann.trained(attempt, record, claim)
        ann.ledger.settle(settled)
        (row,) = ann.rows()
        assert (row.state, row.told, row.source) == (TrialState.COMPLETE, 2, Source.RUN)
        assert (row.curve, row.final, row.energy) == (record.curve, record.final, record.energy)
        assert (row.energy_j, row.elapsed_s) == (record.energy.total_j, record.elapsed_s)
        assert (row.node, row.gpus, row.record_uid) == ("n1", ("GPU-1",), record.uid)
        assert row.ended_at is not None
        assert bob.cache.lookup([key])[key.run_key].record == record
        assert ann.cache.renew({claim: Progress(1, None, None, 0.0)}) == {claim}

    def test_settling_twice_is_settling_once(self, bench: StoreBench) -> None:
        """A repeated settlement changes nothing, and what was told is never told otherwise."""
        ann, key = driver(bench), key_of(0.1)
        attempt, claim = ann.claim(0, key)
        settled = ann.trained(attempt, record_of(key, claim=claim), claim)
        ann.ledger.settle(settled)
        once = ann.ledger.load(ann.sweep)
        ann.ledger.settle(settled)
        other = replace(settled.outcome, state=TrialState.FAILED)
        ann.ledger.settle(replace(settled, outcome=other, told=9, claim=None))
        again = ann.ledger.load(ann.sweep)
        assert (again.attempts, again.uses) == (once.attempts, once.uses)

    def test_settling_makes_the_row_if_need_be(self, bench: StoreBench) -> None:
        """A hit is settled without having been started; its use names the producer."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        record = ann.train(0, key, steps=5)
        bob.ledger.settle(bob.answered(bob.attempt(0, key), record, steps=2))
        history = bob.ledger.load(bob.sweep)
        (row,), (use,) = history.attempts, history.uses
        assert (row.state, row.source) == (TrialState.PRUNED, Source.CACHE)
        assert (row.record_uid, row.steps) == (record.uid, 2)
        assert (use.producer, use.producer_host, use.steps_used) == ("ann", "n1", 2)
        assert use.avoided_j == record.curve[1].energy_j

    def test_a_use_is_booked_once(self, bench: StoreBench) -> None:
        """Settling a hit twice avoids its joules once."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        settled = bob.answered(bob.attempt(0, key), ann.train(0, key), steps=2)
        bob.ledger.settle(settled)
        once = bob.ledger.load(bob.sweep).uses
        bob.ledger.settle(settled)
        assert bob.ledger.load(bob.sweep).uses == once
        assert len(once) == 1

    def test_a_hit_has_the_figures_up_to_where_it_was_used(self, bench: StoreBench) -> None:
        """A trial that a record answered did not spend the record's whole energy."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        record = ann.train(0, key, steps=5)
        bob.ledger.settle(bob.answered(bob.attempt(0, key), record, steps=2))
        (row,) = bob.rows()
        assert row.energy_j == record.curve[1].energy_j
        assert row.elapsed_s == record.curve[1].elapsed_s

    def test_a_use_needs_its_record(self, bench: StoreBench) -> None:
        """What no record answered cannot be booked as avoided."""
        ann, key = driver(bench), key_of(0.1)
        with pytest.raises(CacheError):
            ann.ledger.settle(ann.answered(ann.attempt(0, key), record_of(key), steps=2))

    def test_a_failed_attempt_has_its_cause_and_may_be_retried(self, bench: StoreBench) -> None:
        """An untold attempt keeps what it cost, and the next attempt is a row of its own."""
        ann = driver(bench)
        first = attempt_on(0, None, asked=0)
        second = attempt_on(0, None, asked=0, attempt=1)
        cause = Cause(CauseKind.WORKER, "the node went away")
        outcome = Outcome(TrialState.FAILED, (), energy=energy_of(4.0), elapsed_s=2.0, cause=cause)
        ann.ledger.start(first)
        ann.ledger.settle(Settled(first, outcome, Source.RUN, told=None))
        ann.ledger.start(second)
        lost, running = ann.rows()
        assert (lost.state, lost.told, lost.energy_j) == (TrialState.FAILED, None, 4.0)
        assert lost.cause == "worker: the node went away"
        assert (running.id.attempt, running.state) == (1, TrialState.RUNNING)

    def test_attempts_come_in_the_order_of_their_asks(self, bench: StoreBench) -> None:
        """The rows' order and their told positions are the sweep's order of events."""
        ann = driver(bench)
        attempts = [ann.attempt(number, key_of(0.1 * number)) for number in range(3)]
        for attempt in attempts:
            ann.ledger.start(attempt)
        for attempt in reversed(attempts):
            assert attempt.key is not None
            ann.ledger.settle(ann.trained(attempt, record_of(attempt.key)))
        assert [(row.id.number, row.asked, row.told) for row in ann.rows()] == [
            (0, 1, 6),
            (1, 2, 5),
            (2, 3, 4),
        ]

    def test_a_live_sweep_is_refused_to_others(self, bench: StoreBench) -> None:
        """A second driver of the same sweep hears who drives it, and changes nothing."""
        ann, key = driver(bench), key_of(0.1)
        attempt, claim = ann.claim(0, key)
        with pytest.raises(SweepBusy, match="ann"):
            driver(bench, host="n2")
        ann.ledger.settle(ann.trained(attempt, record_of(key), claim))

    def test_a_heartbeat_keeps_a_sweep(self, bench: StoreBench) -> None:
        """A driver that flushes is alive, however long its sweep takes."""
        ann = driver(bench)
        for _ in range(3):
            bench.advance(TTL_S * 0.8)
            ann.ledger.flush({}, elapsed_s=1.0, overhead_j=None)
        with pytest.raises(SweepBusy):
            driver(bench)

    def test_a_dead_drivers_sweep_goes_on(self, bench: StoreBench) -> None:
        """What ran is lost but keeps its joules, what was told stays, its claims are free."""
        dead, bob, key, told = driver(bench), driver(bench, who="bob"), key_of(0.1), key_of(0.2)
        dead.train(0, told)
        running, _ = dead.claim(1, key)
        dead.ledger.start(dead.attempt(2, told, parked=True))
        dead.ledger.flush({running.id: Progress(2, 30, 6.5, 1.5)}, elapsed_s=12.5, overhead_j=3.25)
        bench.advance(TTL_S + 1)
        bob.ledger.flush({}, elapsed_s=0.0, overhead_j=None)
        heir = driver(bench)
        assert (heir.sweep, heir.begun.resumed) == (dead.sweep, True)
        assert (heir.begun.elapsed_s, heir.begun.overhead_j) == (12.5, 3.25)
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
            old.ledger.flush({attempt.id: Progress(1, None, 9.0, 9.0)}, elapsed_s=9, overhead_j=9)
        old.ledger.finish(SweepState.FAILED, "stop", elapsed_s=9, overhead_j=9)
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
        ann.ledger.finish(SweepState.STOPPED, "interrupt", elapsed_s=7.5, overhead_j=1.25)
        history = ann.ledger.load(ann.sweep)
        assert (history.sweep.state, history.sweep.stopped_by) == (SweepState.STOPPED, "interrupt")
        assert (history.sweep.elapsed_s, history.sweep.overhead_j) == (7.5, 1.25)
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
        ann.ledger.finish(state, "budget.trials", elapsed_s=7.5, overhead_j=None)
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
        second.ledger.finish(SweepState.COMPLETE, "space", elapsed_s=0.0, overhead_j=None)
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

    def test_nobody_follows_a_sweep_that_told_nothing(self, bench: StoreBench) -> None:
        """An attempt that only began is nothing to follow."""
        ann = driver(bench)
        ann.claim(0, key_of(0.1))
        begun = driver(bench, who="bob").begun
        assert (begun.leader, begun.followed) == (None, ())

    def test_a_request_to_stop_is_heard_at_the_next_flush(self, bench: StoreBench) -> None:
        """Flush says so until the sweep is begun again."""
        ann = driver(bench)
        assert not ann.ledger.flush({}, elapsed_s=1.0, overhead_j=None)
        bench.request_stop(ann.sweep)
        assert ann.ledger.flush({}, elapsed_s=2.0, overhead_j=None)
        assert ann.ledger.flush({}, elapsed_s=3.0, overhead_j=None)
        ann.ledger.finish(SweepState.STOPPED, "stop", elapsed_s=3.0, overhead_j=None)
        assert not driver(bench).ledger.flush({}, elapsed_s=3.0, overhead_j=None)

    def test_a_flush_leaves_ended_attempts_alone(self, bench: StoreBench) -> None:
        """A flush that comes late does not change what was settled."""
        ann, key = driver(bench), key_of(0.1)
        ann.train(0, key)
        (before,) = ann.rows()
        ann.ledger.flush({before.id: Progress(1, None, 999.0, 999.0)}, elapsed_s=0, overhead_j=None)
        assert ann.rows() == [before]

    def test_an_unknown_sweep_cannot_be_read(self, bench: StoreBench) -> None:
        """The message names what was asked for."""
        uid = uuid4()
        with pytest.raises(CacheError, match=str(uid)):
            driver(bench).ledger.load(uid)

    def test_a_ledger_begins_first(self, bench: StoreBench) -> None:
        """Nothing can be written before there is a sweep."""
        ledger = bench.ledger(holder=uuid4(), who="ann", host="n1", mode=CacheMode.RW)
        with pytest.raises(CacheError, match="begun"):
            ledger.start(attempt_on(0, None, asked=1))

    def test_parameters_must_be_json(self, bench: StoreBench) -> None:
        """What cannot be read back exactly is refused, not bent."""
        ann = driver(bench)
        attempt = replace(ann.attempt(0), params={"lr": float("nan")})
        with pytest.raises(CacheError):
            ann.ledger.start(attempt)

    def test_one_driver_may_ask_twice_for_its_sweep(self, bench: StoreBench) -> None:
        """Begin is repeatable by the same driver after an unknown outcome."""
        ann = driver(bench)
        again = ann.ledger.begin(identity())
        assert (again.uid, again.resumed) == (ann.sweep, True)
        key = key_of(0.1)
        assert isinstance(ann.cache.acquire(key, ann.attempt(0, key)), Mine)


def _taken_over(bench: StoreBench) -> Driver:
    """Let the first driver's lease run out and start a second one on its sweep."""
    bench.advance(TTL_S + 1)
    heir = driver(bench)
    assert heir.begun.resumed
    return heir
