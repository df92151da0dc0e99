from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import event, update

from sweeper.model import SweepState
from sweeper.store.engine import Store
from sweeper.store.schema import sweep
from sweeper.store.sweep_list import SweepFilter, list_sweeps, read_outlines
from sweeper.testing.store_bench import Driver, driver, key_of, record_of

from .conftest import SqlBench

UIDS = [UUID(int=(0xABC0 + n) << 112 | n) for n in range(3)]


@pytest.fixture
def known(sql_bench: SqlBench) -> Store:
    """Three sweeps with uids of our choice, oldest first: ann's digits twice, bob's my-net."""
    sweeps = [("ann", "digits", "1"), ("ann", "digits", "2"), ("bob", "my-net", "3")]
    for uid, (who, name, digest) in zip(UIDS, sweeps, strict=True):
        made = driver(sql_bench, who=who, name=name, digest=digest)
        with sql_bench.store.write() as connection:
            connection.execute(update(sweep).where(sweep.c.uid == made.sweep).values(uid=uid))
        sql_bench.advance(1)
    return sql_bench.store


def test_sweeps_are_listed_newest_first(known: Store) -> None:
    """A user's sweeps, or everybody's."""
    assert [one.sweep.uid for one in list_sweeps(known, SweepFilter(who="ann"))] == [
        UIDS[1],
        UIDS[0],
    ]
    assert [one.sweep.uid for one in list_sweeps(known, SweepFilter(who=None))] == UIDS[::-1]
    assert list_sweeps(known, SweepFilter(who="eve")) == []


def test_a_listing_counts_trials(sql_bench: SqlBench) -> None:
    """Settled are the told ones, trained those of them that were no hits."""
    ann, bob = driver(sql_bench), driver(sql_bench, who="bob")
    _train_and_use(ann, bob)
    (theirs,) = list_sweeps(sql_bench.store, SweepFilter(who="bob"))
    assert (theirs.settled, theirs.trained) == (2, 1)
    assert theirs.sweep == bob.ledger.load(bob.sweep).sweep


def test_a_listing_counts_a_trial_of_replicates_once(sql_bench: SqlBench) -> None:
    """A trial is settled when one row tells it, and trained if any part of it was."""
    ann, bob = driver(sql_bench), driver(sql_bench, who="bob")
    keys = [key_of(0.1, replicate=replicate) for replicate in range(3)]
    record = ann.train(0, keys[2])
    for replicate in range(2):
        settled = bob.trained(
            bob.attempt(0, keys[replicate], replicate=replicate), record_of(keys[replicate])
        )
        bob.ledger.settle(replace(settled, told=None))
    (going,) = list_sweeps(sql_bench.store, SweepFilter(who="bob"))
    assert (going.settled, going.trained) == (0, 0)
    bob.ledger.settle(bob.answered(bob.attempt(0, keys[2], replicate=2), record, steps=2))
    (theirs,) = list_sweeps(sql_bench.store, SweepFilter(who="bob"))
    assert (theirs.settled, theirs.trained) == (1, 1)


def test_a_sweep_without_trials_is_listed(sql_bench: SqlBench) -> None:
    """Nothing settled is 0."""
    driver(sql_bench)
    (listed,) = list_sweeps(sql_bench.store, SweepFilter(who="ann"))
    assert (listed.settled, listed.trained) == (0, 0)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (SweepFilter(most=1), [2]),
        (SweepFilter(most=0), []),
        (SweepFilter(name="dig*"), [1, 0]),
        (SweepFilter(name="dig*", most=1), [1]),
        (SweepFilter(name="*-abc0"), [0]),
        (SweepFilter(name="DIG*"), []),
        (SweepFilter(states=frozenset({SweepState.RUNNING})), [2, 1, 0]),
        (SweepFilter(states=frozenset({SweepState.COMPLETE, SweepState.FAILED})), []),
    ],
)
def test_a_list_can_be_narrowed(known: Store, wanted: SweepFilter, found: list[int]) -> None:
    """By name or handle, by state, by number."""
    assert [one.sweep.uid for one in list_sweeps(known, wanted)] == [UIDS[n] for n in found]


def test_the_number_of_statements_does_not_grow(sql_bench: SqlBench) -> None:
    """One statement for the sweeps and one for all of their attempts, however many there are."""
    for n in range(3):
        ann = driver(sql_bench, digest=str(n))
        ann.train(0, key_of(0.1 * (n + 1)))
    asked: list[str] = []
    with sql_bench.store.read() as connection:
        engine = connection.engine

    def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT") and "FROM" in statement and "PRAGMA" not in statement:
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        counts = []
        for most in (1, 3):
            asked.clear()
            assert len(list_sweeps(sql_bench.store, SweepFilter(most=most))) == most
            counts.append(len(asked))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert counts[0] == counts[1]


def test_outlines_are_attempts_without_their_heavy_parts(sql_bench: SqlBench) -> None:
    """Values and joules are there, curves and accounts are left in the store."""
    ann = driver(sql_bench)
    ann.train(0, key_of(0.1))
    (whole,) = ann.ledger.load(ann.sweep).attempts
    (outline,) = read_outlines(sql_bench.store, [ann.sweep])[ann.sweep]
    assert outline == replace(whole, curve=(), decisions=(), energy=None)


def _train_and_use(ann: Driver, bob: Driver) -> None:
    """Let bob train one trial, be answered in another and begin a third."""
    record = ann.train(0, key_of(0.1))
    bob.train(0, key_of(0.2))
    bob.ledger.settle(bob.answered(bob.attempt(1, key_of(0.1)), record, steps=2))
    bob.claim(2, key_of(0.3))
