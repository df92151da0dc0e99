from __future__ import annotations

from dataclasses import replace

import pytest

from sweeper.model import Key, RecordStatus, Uncacheable
from sweeper.store.costs import Cost, recorded_costs
from sweeper.store.key import SECTION_NAMES, derive
from sweeper.store.schema import verdict
from sweeper.testing.store_bench import driver, energy_of, record_of

from .conftest import SqlBench


def key_with(lr: float, **sections: object) -> Key:
    """Make the key of one learning rate, with other sections than usual."""
    documents = {name: {"policy": "test"} for name in SECTION_NAMES}
    key = derive({**documents, "params": {"lr": lr}, **sections}, seed=None)
    assert not isinstance(key, Uncacheable)
    return key


ASKED = key_with(9.0)


def test_nothing_is_known_of_a_new_objective(sql_bench: SqlBench) -> None:
    """An empty store has no costs to tell."""
    assert recorded_costs(sql_bench.store, ASKED) == ()


def test_costs_are_those_of_the_records(sql_bench: SqlBench) -> None:
    """Whatever the parameters, newest first: how it ended, steps, joules with source, seconds."""
    ann = driver(sql_bench)
    whole = ann.train(0, key_with(0.1), steps=4)
    part = ann.train(1, key_with(0.2), status=RecordStatus.PRUNED, steps=2)
    assert recorded_costs(sql_bench.store, ASKED) == tuple(
        Cost(
            status=record.status,
            steps=steps,
            energy_j=record.energy.total_j,
            source="measured:counter",
            elapsed_s=record.elapsed_s,
            same_horizon=True,
            same_code=True,
        )
        for record, steps in ((part, 2), (whole, 4))
    )


def test_unknown_joules_are_unknown(sql_bench: SqlBench) -> None:
    """None is not 0."""
    ann, key = driver(sql_bench), key_with(0.1)
    ann.ledger.settle(
        ann.trained(ann.attempt(0, key), replace(record_of(key), energy=energy_of(None)))
    )
    assert [cost.energy_j for cost in recorded_costs(sql_bench.store, ASKED)] == [None]


@pytest.mark.parametrize(
    ("section", "seen"),
    [("horizon", (False, True)), ("code", (True, False)), ("env", (True, True))],
)
def test_other_trainings_of_the_objective_are_told_apart(
    sql_bench: SqlBench, section: str, seen: tuple[bool, bool]
) -> None:
    """Another horizon or other code is said; what else differs does not matter for a forecast."""
    ann = driver(sql_bench)
    ann.train(0, key_with(0.1, **{section: {"policy": "other"}}))
    (cost,) = recorded_costs(sql_bench.store, ASKED)
    assert (cost.same_horizon, cost.same_code) == seen


@pytest.mark.parametrize("section", ["objective", "namespace"])
def test_other_objectives_and_namespaces_do_not_count(sql_bench: SqlBench, section: str) -> None:
    """What another objective costs says nothing, and a namespace is an island."""
    driver(sql_bench).train(0, key_with(0.1, **{section: {"policy": "other"}}))
    assert recorded_costs(sql_bench.store, ASKED) == ()


@pytest.mark.parametrize(
    "status", [RecordStatus.DIVERGED, RecordStatus.OOM, RecordStatus.ERROR], ids=lambda s: s.value
)
def test_failures_do_not_count(sql_bench: SqlBench, status: RecordStatus) -> None:
    """How long it took to fail is no cost of a training."""
    driver(sql_bench).train(0, key_with(0.1), status=status)
    assert recorded_costs(sql_bench.store, ASKED) == ()


def test_records_that_may_not_be_served_do_not_count(sql_bench: SqlBench) -> None:
    """Tainted and revoked ones are left out."""
    ann = driver(sql_bench)
    ann.train(0, key_with(0.1), tainted="odd")
    revoked = ann.train(1, key_with(0.2))
    with sql_bench.store.write() as connection:
        connection.execute(
            verdict.insert().values(
                record_uid=revoked.uid, verdict="revoked", reason="test", who="ann", at=1.0
            )
        )
    assert recorded_costs(sql_bench.store, ASKED) == ()


def test_as_many_as_are_enough(sql_bench: SqlBench) -> None:
    """The newest ones are kept."""
    ann = driver(sql_bench)
    for number in range(4):
        ann.train(number, key_with(0.1 * number), steps=number + 1)
    assert [cost.steps for cost in recorded_costs(sql_bench.store, ASKED, limit=2)] == [4, 3]


@pytest.mark.parametrize(
    "damage", ["energy = '{}'", "energy = 'x'", "energy_j = 'x'"], ids=["no source", "text", "word"]
)
def test_a_damaged_record_is_left_out(sqlite_bench: SqlBench, damage: str) -> None:
    """One bad row does not stop a forecast."""
    ann = driver(sqlite_bench)
    ann.train(0, key_with(0.1), steps=2)
    with sqlite_bench.store.write() as connection:
        connection.exec_driver_sql(f"UPDATE record SET {damage}")
    ann.train(1, key_with(0.2), steps=3)
    assert [cost.steps for cost in recorded_costs(sqlite_bench.store, ASKED)] == [3]
