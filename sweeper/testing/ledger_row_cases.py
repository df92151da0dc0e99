"""What every ledger must do with the rows of one sweep; a part of ``LedgerCases``."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from sweeper.errors import CacheError
from sweeper.model import (
    NOTHING,
    Cause,
    CauseKind,
    Mine,
    Outcome,
    Progress,
    Settled,
    Source,
    SweepState,
    TrialState,
)
from sweeper.store.mode import CacheMode
from sweeper.testing.store_bench import (
    DECISIONS,
    StoreBench,
    attempt_on,
    driver,
    energy_of,
    identity,
    key_of,
    record_of,
)

__all__ = ["LedgerRowCases"]


class LedgerRowCases:
    """Attempts, their ends, and what hits avoided."""

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
        assert (row.curve, row.energy) == (record.curve, record.energy)
        assert (row.final, row.decisions) == (settled.outcome.final, DECISIONS)
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

    def test_what_a_metric_did_not_report_stays_unknown(self, bench: StoreBench) -> None:
        """None in a curve or at a record's end comes back as None, beside numbers."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        record = ann.train(0, key, steps=3)
        assert [point.values[1:] for point in record.curve] == [
            (None, None),
            (-2 / 3, None),
            (None, None),
        ]
        (row,) = ann.rows()
        served = bob.cache.lookup([key])[key.run_key].record
        assert (row.curve, served.curve) == (record.curve, record.curve)
        assert served.final == (0.1 + 0.2, -1 / 3, None)
        assert row.final == (0.1 + 0.2, -1 / 3, record.elapsed_s)

    def test_decisions_are_kept(self, bench: StoreBench) -> None:
        """What early stopping decided comes back bit for bit, of a hit too; else there is none."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        record = ann.train(0, key)
        bob.ledger.settle(bob.answered(bob.attempt(0, key), record, steps=2))
        bob.ledger.start(bob.attempt(1))
        assert [row.decisions for row in ann.rows()] == [DECISIONS]
        assert [row.decisions for row in bob.rows()] == [DECISIONS[-1:], ()]

    def test_each_replicate_has_its_row_and_one_tells_the_trial(self, bench: StoreBench) -> None:
        """Only the row that completed the trial was told; the others keep their ends untold."""
        ann = driver(bench)
        keys = [key_of(0.1, replicate=replicate) for replicate in range(3)]
        attempts = [ann.attempt(0, keys[r], replicate=r) for r in range(3)]
        for attempt, key in zip(attempts, keys, strict=True):
            assert isinstance(ann.cache.acquire(key, attempt), Mine)
        for at, told in [(2, None), (0, None), (1, 7)]:
            settled = ann.trained(attempts[at], record_of(keys[at]))
            ann.ledger.settle(replace(settled, told=told))
            ann.ledger.settle(replace(settled, told=told))
        rows = ann.rows()
        assert [(row.id.replicate, row.told) for row in rows] == [(0, None), (1, 7), (2, None)]
        assert {row.state for row in rows} == {TrialState.COMPLETE}
        assert len({row.run_key for row in rows}) == len({row.record_uid for row in rows}) == 3
        assert len({row.config_key for row in rows}) == 1

    def test_each_replicate_avoids_for_itself(self, bench: StoreBench) -> None:
        """The uses of one trial are as many as its replicates that were answered."""
        ann, bob = driver(bench), driver(bench, who="bob")
        for replicate, steps in enumerate([2, 1]):
            key = key_of(0.1, replicate=replicate)
            record = ann.train(replicate, key)
            settled = bob.answered(bob.attempt(0, key, replicate=replicate), record, steps)
            bob.ledger.settle(replace(settled, told=settled.told if replicate else None))
        uses = bob.ledger.load(bob.sweep).uses
        assert [(use.number, use.replicate, use.steps_used) for use in uses] == [
            (0, 0, 2),
            (0, 1, 1),
        ]
        assert len({use.record_uid for use in uses}) == 2

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

    def test_a_flush_leaves_ended_attempts_alone(self, bench: StoreBench) -> None:
        """A flush that comes late does not change what was settled."""
        ann, key = driver(bench), key_of(0.1)
        ann.train(0, key)
        (before,) = ann.rows()
        ann.ledger.flush(
            {before.id: Progress(1, None, 999.0, 999.0)}, elapsed_s=0, overhead=NOTHING
        )
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
