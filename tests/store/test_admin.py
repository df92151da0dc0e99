from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from sweeper.errors import CacheError
from sweeper.model import UNAVAILABLE, RecordStatus, SweepState
from sweeper.store.admin import find_sweep, request_stop, store_status
from sweeper.store.engine import Store
from sweeper.store.schema import sweep
from sweeper.testing.store_bench import TTL_S, driver, key_of

from .conftest import SqlBench

UIDS = [
    UUID("7f3a0000000040008000000000000001"),
    UUID("7f3a0000000040008000000000000002"),
    UUID("abcd1234000040008000000000000003"),
]


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


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("my-net-abcd", 2),
        ("my-net-abcd1234", 2),
        ("abcd", 2),
        ("ABCD1234", 2),
        ("abcd1234-0000-4000-8000-000000000003", 2),
        (UIDS[0].hex, 0),
        ("digits-7f3a0000000040008000000000000002", 1),
        ("last", 1),
    ],
)
def test_a_sweep_has_several_names(known: Store, text: str, which: int) -> None:
    """Handle, longer handle, uid with and without hyphens, its beginning, and ``last``."""
    assert find_sweep(known, text, who="ann") == UIDS[which]


def test_the_last_sweep_is_ones_own(known: Store) -> None:
    """``last`` is the newest sweep of who asks."""
    assert find_sweep(known, "last", who="bob") == UIDS[2]
    with pytest.raises(CacheError, match="eve has no sweep"):
        find_sweep(known, "last", who="eve")


def test_an_ambiguous_name_lists_what_it_may_mean(known: Store) -> None:
    """Both sweeps are named with more digits, so that one can be chosen."""
    with pytest.raises(CacheError, match="more digits") as caught:
        find_sweep(known, "digits-7f3a", who="ann")
    assert str(caught.value).count("digits-7f3a00000000 (ann)") == 2


@pytest.mark.parametrize("text", ["my-nte-abcd", "my-net-abce", "my-net"])
def test_a_mistyped_name_gets_a_hint(known: Store, text: str) -> None:
    """The nearest handle is offered."""
    with pytest.raises(CacheError, match=rf"no sweep {text}; did you mean my-net-abcd"):
        find_sweep(known, text, who="ann")


@pytest.mark.parametrize("text", ["abc", "zzzz", "", "%", "last-"])
def test_what_names_nothing_is_an_error(known: Store, text: str) -> None:
    """Fewer than four digits, and text that is no handle, name no sweep."""
    with pytest.raises(CacheError, match="there is no sweep"):
        find_sweep(known, text, who="ann")


def test_a_stop_is_asked_for_once(sql_bench: SqlBench) -> None:
    """The driver hears it at its next flush; asking again changes nothing."""
    ann = driver(sql_bench)
    assert request_stop(sql_bench.store, ann.sweep) is SweepState.RUNNING
    assert request_stop(sql_bench.store, ann.sweep) is SweepState.RUNNING
    assert ann.ledger.flush({}, elapsed_s=0.0, overhead=UNAVAILABLE)


def test_a_sweep_that_ended_cannot_be_stopped(sql_bench: SqlBench) -> None:
    """The answer is how it ended, and no request is left behind."""
    ann = driver(sql_bench)
    ann.ledger.finish(SweepState.COMPLETE, "space", elapsed_s=0.0, overhead=UNAVAILABLE)
    assert request_stop(sql_bench.store, ann.sweep) is SweepState.COMPLETE
    with sql_bench.store.read() as connection:
        assert connection.execute(sweep.select()).one().stop_at is None


def test_an_unknown_sweep_cannot_be_stopped(store: Store) -> None:
    """The message names it."""
    uid = uuid4()
    with pytest.raises(CacheError, match=str(uid)):
        request_stop(store, uid)


def test_the_status_counts_what_is_there(sql_bench: SqlBench) -> None:
    """Records by status, tainted ones, sweeps, and claims that are still good."""
    ann = driver(sql_bench)
    ann.train(0, key_of(0.1))
    ann.train(1, key_of(0.2), status=RecordStatus.PRUNED)
    ann.train(2, key_of(0.3), tainted="odd")
    ann.claim(3, key_of(0.4))
    sql_bench.advance(TTL_S + 1)
    ann.claim(4, key_of(0.5))
    status = store_status(sql_bench.store)
    assert {kind.value: count for kind, count in status.records.items() if count} == {
        "complete": 2,
        "pruned": 1,
    }
    assert set(status.records) == set(RecordStatus)
    assert (status.tainted, status.live_claims, status.sweeps) == (1, 1, 1)
    assert status.url == sql_bench.store.url
