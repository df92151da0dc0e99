"""Why a trial missed: the nearest record and the very leaf that differs."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from sweeper.model import Key, Mine, RecordStatus, Uncacheable
from sweeper.store.connection import Store
from sweeper.store.explain import explain_key, explain_trial
from sweeper.store.key import derive
from sweeper.store.listing import RecordFilter
from sweeper.store.schema import VerdictKind
from sweeper.store.verdicts import say_verdict
from sweeper.testing.store_bench import Driver, driver, key_of
from tests.store.conftest import SqlBench

Documents = dict[str, Any]


def documents(draw: random.Random) -> Documents:
    """Make the nine sections of some question."""
    files = [
        [f"m{n}.py", f"{draw.getrandbits(256):064x}", draw.randrange(1, 9999)] for n in range(5)
    ]
    return {
        "objective": {"entry": "train.py:train", "api": 1},
        "params": {
            "policy": "all",
            "values": {
                "lr": draw.random(),
                "layers": [draw.randrange(1, 64) for _ in range(3)],
                "net": {"act": draw.choice(["relu", "tanh"]), "norm": None, "bias": True},
            },
            "ignored": [],
        },
        "code": {"policy": "imports", "roots": [[".", files]], "command": None},
        "data": {"items": [["a.csv", "content", f"{draw.getrandbits(256):064x}", 17]]},
        "env": {
            "policy": "core", "python": "3.11", "cuda": None,
            "dists": [["numpy", "2.1.0"], ["torch", "2.9.0"]], "vars": [["OMP_NUM_THREADS", "2"]],
        },
        "hw": {"policy": "class", "gpu": "NVIDIA H200", "count": 1.0, "cpu": None},
        "metric": {"names": ["loss"], "meter": None},
        "horizon": {"policy": "fixed", "total": 30},
        "namespace": {"name": "default", "salt": ""},
    }  # fmt: skip


def mutated(draw: random.Random, whole: Documents) -> tuple[Documents, str]:
    """Change exactly one leaf, and return its name."""
    other = copy.deepcopy(whole)
    which = draw.randrange(10)
    if which == 0:
        other["params"]["values"]["lr"] += 0.5
        return other, "params.lr"
    if which == 1:
        at = draw.randrange(3)
        other["params"]["values"]["layers"][at] += 100
        return other, f"params.layers[{at}]"
    if which == 2:
        name = draw.choice(["act", "norm", "bias"])
        other["params"]["values"]["net"][name] = "other"
        return other, f"params.net.{name}"
    if which == 3:
        at = draw.randrange(5)
        other["code"]["roots"][0][1][at][1] = f"{draw.getrandbits(256):064x}"
        return other, f"code.m{at}.py"
    if which == 4:
        other["code"]["roots"][0][1].append(["new.py", "0" * 64, 1])
        return other, "code.new.py"
    if which == 5:
        other["data"]["items"][0][2] = f"{draw.getrandbits(256):064x}"
        return other, "data.a.csv"
    if which == 6:
        at = draw.randrange(2)
        other["env"]["dists"][at][1] += "1"
        return other, f"env.{other['env']['dists'][at][0]}"
    if which == 7:
        other["env"]["vars"][0][1] = None
        return other, "env.OMP_NUM_THREADS"
    if which == 8:
        other["hw"]["count"] = 0.5
        return other, "hw.count"
    other["horizon"]["total"] += 1
    return other, "horizon.total"


def key(found: Documents) -> Key:
    made = derive(found, seed=None)
    assert not isinstance(made, Uncacheable)
    return made


def test_the_mutated_leaf_is_named(sqlite_bench: SqlBench) -> None:
    """500 of 500: whatever single leaf was changed, it is the one that is named."""
    draw, ann = random.Random(5), driver(sqlite_bench)
    bases = [documents(draw) for _ in range(10)]
    for number, base in enumerate(bases):
        ann.train(number, key(base))
    named = 0
    for attempt in range(500):
        other, leaf = mutated(draw, bases[attempt % 10])
        found = explain_key(sqlite_bench.store, key(other))
        assert found.nearest is not None
        told = [(one.path) for _, differing in found.differs for one in differing]
        assert told == [leaf], (attempt, told, leaf)
        assert len(found.equal) == 8
        named += 1
    assert named == 500


def test_a_trial_is_explained(sql_bench: SqlBench) -> None:
    """What was trained is a miss with its nearest record, a hit names its record."""
    draw = random.Random(1)
    base = documents(draw)
    ann = driver(sql_bench)
    first = ann.train(0, key(base))
    other, leaf = mutated(draw, base)
    sql_bench.advance(10)
    bob = driver(sql_bench, who="bob", name="bobs")
    bob.train(0, key(other))
    miss = explain_trial(sql_bench.store, bob.sweep, 0)
    assert miss.nearest is not None
    assert miss.nearest.record.uid == first.uid
    assert [one.path for _, differing in miss.differs for one in differing] == [leaf]
    again = bob.attempt(1, key(base))
    bob.ledger.settle(bob.answered(again, first, 3))
    hit = explain_trial(sql_bench.store, bob.sweep, 1)
    assert hit.answered_by is not None
    assert hit.answered_by.record.uid == first.uid


KNOWN = {
    "seed": "another seed",
    "pruned": "only 2 steps",
    "oom": "failed",
    "tainted": "tainted: edited",
    "revoked": "revoked",
}


@pytest.mark.parametrize("case", KNOWN)
def test_a_known_configuration_without_an_answer(sql_bench: SqlBench, case: str) -> None:
    """Each reason why what is there does not answer is said."""
    ann, asked = driver(sql_bench), key_of(0.1)
    other = key_of(0.1, seed=7) if case == "seed" else asked
    status = {"pruned": RecordStatus.PRUNED, "oom": RecordStatus.OOM}.get(
        case, RecordStatus.COMPLETE
    )
    ann.train(
        0, other, status=status, steps=2 if case == "pruned" else 3,
        tainted="edited" if case == "tainted" else None,
    )  # fmt: skip
    if case == "revoked":
        say_verdict(
            sql_bench.store, RecordFilter(who="ann"), VerdictKind.REVOKED, reason="x", who="ann"
        )
    found = explain_key(sql_bench.store, asked)
    assert len(found.known) == 1
    assert KNOWN[case] in found.known[0]


def test_who_trains_it_now_is_said(sql_bench: SqlBench) -> None:
    """A claim is the reason why there is no answer yet."""
    ann = driver(sql_bench)
    ann.claim(0, key_of(0.1))
    assert explain_key(sql_bench.store, key_of(0.1)).known == ("ann on n1 trains it now",)


def test_values_that_went_through_float32_are_noted(sql_bench: SqlBench) -> None:
    """The usual reason why 1e-08 misses 1e-08."""
    assert explain_key(sql_bench.store, key_of(9.99999993922529e-09)).notes == (
        "params.lr is 9.99999993922529e-09, that is 1e-08 rounded through float32",
    )
    assert explain_key(sql_bench.store, key_of(0.1)).notes == ()


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Collect the statements that are run."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def test_candidates_are_found_by_an_index(store: Store, statements: list[str]) -> None:
    """No statement of explain scans a table: the store may hold a million records."""
    ann: Driver = driver(SqlBench(store))
    base = documents(random.Random(1))
    ann.train(0, key(base))
    statements.clear()
    other, _ = mutated(random.Random(3), base)
    explain_key(store, key(other))
    plans = []
    with store.read() as connection:
        for statement in [one for one in statements if one.lstrip().startswith("SELECT")]:
            count = statement.count("?")
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("0",) * count)
            plans += [str(row[3]) for row in rows]
    scans = [plan for plan in plans if plan.startswith("SCAN") and "subquery" not in plan]
    assert [plan for plan in scans if "CONSTANT" not in plan] == []


def test_nothing_like_it(sql_bench: SqlBench) -> None:
    """An empty store has no nearest record."""
    found = explain_key(sql_bench.store, key_of(0.1))
    assert (found.nearest, found.known, found.differs) == (None, (), ())
    ann = driver(sql_bench)
    assert isinstance(ann.cache.acquire(key_of(0.1), ann.attempt(0, key_of(0.1))), Mine)
