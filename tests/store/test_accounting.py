"""Two ledgers of joules: consumed and avoided, never netted (docs/store.md, "Energy")."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from sweeper.model import Direction, Factors, Goals, Hit, Metric, RecordStatus, SweepHistory
from sweeper.reporting.summary import Asked, Summary, summarize
from sweeper.store.bundle import export_bundle, import_bundle
from sweeper.store.engine import open_store
from sweeper.store.listing import RecordFilter, list_records
from sweeper.store.overview import overview
from sweeper.store.schema import record, use
from sweeper.testing.store_bench import Driver, driver, key_of
from tests.store.conftest import SqlBench

GOALS = Goals.of(Metric("a", Direction.MINIMIZE))


def summary_of(history: SweepHistory) -> Summary:
    """Summarize a sweep as the command does."""
    factors = Factors(481.0, "world average")
    return summarize(history, goals=GOALS, factors=factors, asked=Asked(), ray_started=False)


def worked(bench: SqlBench, seed: int) -> tuple[Driver, Driver]:
    """Ann trains ten points; Bob uses some of them, as far as his pruner lets him, and trains."""
    draw = random.Random(seed)
    ann, bob = driver(bench, who="ann"), driver(bench, who="bob", name="other", digest="e")
    for number in range(10):
        status = draw.choice([RecordStatus.COMPLETE, RecordStatus.PRUNED, RecordStatus.ERROR])
        ann.train(number, key_of(0.1 * number), status=status, steps=draw.randrange(1, 5))
    for number, point in enumerate(draw.sample(range(14), 10)):
        key = key_of(0.1 * point)
        attempt = bob.attempt(number, key)
        answer = bob.cache.acquire(key, attempt)
        if isinstance(answer, Hit):
            steps = draw.randrange(1, len(answer.record.curve) + 1)
            bob.ledger.settle(bob.answered(attempt, answer.record, steps))
        else:
            bob.cache.release(answer.claim)  # type: ignore[union-attr, arg-type]
            bob.train(100 + number, key)
    return ann, bob


@pytest.mark.parametrize("seed", range(5))
def test_avoided_is_never_netted(sql_bench: SqlBench, seed: int) -> None:
    """R1, R2: without any note of what was avoided every consumed figure is the same."""
    ann, bob = worked(sql_bench, seed)
    before = [summary_of(one.ledger.load(one.sweep)) for one in (ann, bob)]
    assert before[1].energy.avoided_store.energy_j
    with sql_bench.store.write() as connection:
        connection.execute(delete(use))
    after = [summary_of(one.ledger.load(one.sweep)) for one in (ann, bob)]
    for then, now in zip(before, after, strict=True):
        for figure in ("spent_j", "overhead_j", "missing", "coverage", "source", "avoided_pruning"):
            assert getattr(now.energy, figure) == getattr(then.energy, figure), figure
        assert (now.co2e_g, now.cost) == (then.co2e_g, then.cost)
    assert not after[1].energy.avoided_store.energy_j


@pytest.mark.parametrize("seed", range(5))
def test_a_use_claims_at_most_its_prefix(sql_bench: SqlBench, seed: int) -> None:
    """R2: the record's own joules at the step where the replay ended, never more than its whole."""
    _, bob = worked(sql_bench, seed)
    records = {one.record.uid: one.record for one in list_records(sql_bench.store, RecordFilter())}
    uses = bob.ledger.load(bob.sweep).uses
    assert uses
    for one in uses:
        found = records[one.record_uid]
        at = {point.step: point.energy_j for point in found.curve}
        assert one.avoided_j == at[one.steps_used]
        assert found.energy.total_j is not None
        assert one.avoided_j is not None
        assert one.avoided_j <= found.energy.total_j


@pytest.mark.parametrize("seed", range(3))
def test_a_reuse_is_the_users_alone(sql_bench: SqlBench, seed: int) -> None:
    """R3, R9: once per trial; the producer is credited with a count, not with joules."""
    ann, bob = worked(sql_bench, seed)
    numbers = [(one.number, one.replicate) for one in bob.ledger.load(bob.sweep).uses]
    assert len(numbers) == len(set(numbers))
    assert ann.ledger.load(ann.sweep).uses == ()
    counted = sum(one.uses for one in list_records(sql_bench.store, RecordFilter()))
    assert counted == len(numbers)
    assert not summary_of(ann.ledger.load(ann.sweep)).energy.avoided_store.energy_j


def test_an_import_consumes_nothing(sql_bench: SqlBench, tmp_path: Path) -> None:
    """R9: it adds records; nobody has spent their joules here, and twice is once."""
    worked(sql_bench, 1)
    export_bundle(sql_bench.store, RecordFilter(), tmp_path / "a.jsonl")
    there = open_store(f"sqlite:///{tmp_path}/there.db", env={})
    before = overview(there, who="cat")
    for _ in range(2):
        import_bundle(there, tmp_path / "a.jsonl")
        after = overview(there, who="cat")
        assert (after.consumed, after.avoided) == (before.consumed, before.avoided)
    with there.read() as connection:
        assert len(connection.execute(select(record.c.uid)).all()) == sum(after.records.values())
    there.close()


def test_the_whole_store_adds_up_to_its_sweeps(sql_bench: SqlBench) -> None:
    """What ``cache status`` says is the sum of what each sweep says."""
    sweeps = [summary_of(one.ledger.load(one.sweep)) for one in worked(sql_bench, 2)]
    found = overview(sql_bench.store, who="ann")
    spent = sum(one.energy.spent_j or 0.0 for one in sweeps)
    avoided = sum(one.energy.avoided_store.energy_j or 0.0 for one in sweeps)
    assert found.consumed.known_j == pytest.approx(spent, rel=1e-12)
    assert found.avoided.known_j == pytest.approx(avoided, rel=1e-12)
