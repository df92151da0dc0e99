"""Random histories of several drivers: the SQL store does what the store in memory does.

The model is ``MemoryStore``, which the shipped cases hold to the same seams; its clock is a number.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from sweeper.errors import Deposed, SweepBusy
from sweeper.model import (
    Attempt,
    Busy,
    Claim,
    Hit,
    Mine,
    Progress,
    RecordStatus,
    Source,
)
from sweeper.store.engine import Store, open_store
from sweeper.testing.store_bench import TTL_S, Driver, StoreBench, driver, key_of, record_of
from tests.postgres import PostgresServer
from tests.store.conftest import MemoryBench, SqlBench

SLOTS, KEYS = 3, 4
slots, keys = st.integers(0, SLOTS - 1), st.integers(0, KEYS - 1)


@dataclass
class Held:
    """A training in a driver's hands, in both stores."""

    number: int
    key: int
    attempts: tuple[Attempt, Attempt]
    claims: tuple[Claim | None, Claim | None]


@dataclass
class Twin:
    """One driver in the model and in the store."""

    drivers: tuple[Driver, Driver]
    held: list[Held] = field(default_factory=list)


class Histories(RuleBasedStateMachine):
    """The same calls on both; what they answer must be the same."""

    new_store: Callable[[], Store]

    def __init__(self) -> None:
        super().__init__()
        self.store = self.new_store()
        self.benches: tuple[StoreBench, StoreBench] = (MemoryBench(), SqlBench(self.store))
        self.twins: list[Twin | None] = [None] * SLOTS
        self.numbers = [0] * SLOTS

    def teardown(self) -> None:
        """Close the store."""
        self.store.close()

    def both(self, calls: tuple[Callable[[], Any], Callable[[], Any]]) -> tuple[Any, Any]:
        """Make a call on each; a refusal of one must be the other's, too."""
        answers = []
        for call in calls:
            try:
                answers.append(call())
            except (Deposed, SweepBusy) as error:
                answers.append(type(error))
        refused = [answer if isinstance(answer, type) else None for answer in answers]
        assert refused[0] is refused[1], answers
        return answers[0], answers[1]

    @rule(slot=slots)
    def begin(self, slot: int) -> None:
        """Somebody starts a driver of this sweep, while the old one lives, hangs or is dead."""
        who, digest = f"who{slot}", f"{slot}" * 64
        made = self.both(
            tuple(
                lambda bench=bench: driver(bench, who=who, name=f"s{slot}", digest=digest)
                for bench in self.benches
            )  # type: ignore[arg-type]
        )
        if isinstance(made[0], type):
            return
        ours, theirs = made
        assert ours.begun.resumed == theirs.begun.resumed
        assert [(a.id, a.state, a.told) for a in ours.begun.own] == [
            (a.id, a.state, a.told) for a in theirs.begun.own
        ]
        self.numbers[slot] = max([row.id.number for row in ours.begun.own], default=-1) + 1
        for one in made:
            one.clock = 1000 * (1 + self.numbers[slot])
        self.twins[slot] = Twin(made)

    @precondition(lambda self: any(self.twins))
    @rule(slot=slots, key=keys, beyond=st.sampled_from([-1, 1, 2]))
    def acquire(self, slot: int, key: int, beyond: int) -> None:
        """Ask for a key."""
        twin = self.twins[slot]
        if twin is None or any(held.key == key for held in twin.held):
            return
        number, question = self.numbers[slot], key_of(0.1 * (key + 1))
        self.numbers[slot] += 1
        attempts = tuple(one.attempt(number, question) for one in twin.drivers)
        ours, theirs = self.both(
            tuple(
                lambda one=one, attempt=attempt: one.cache.acquire(question, attempt, beyond=beyond)
                for one, attempt in zip(twin.drivers, attempts, strict=True)
            )  # type: ignore[arg-type]
        )
        assert type(ours) is type(theirs)
        match ours, theirs:
            case Hit(), Hit():
                assert ours.record.uid == theirs.record.uid
            case Busy(), Busy():
                assert ours.who == theirs.who
            case Mine(), Mine():
                twin.held.append(
                    Held(number, key, attempts, (ours.claim, theirs.claim))  # type: ignore[arg-type]
                )

    @rule(
        slot=slots,
        steps=st.integers(1, 3),
        status=st.sampled_from([RecordStatus.COMPLETE, RecordStatus.PRUNED, RecordStatus.ERROR]),
        tainted=st.booleans(),
    )
    def settle(self, slot: int, steps: int, status: RecordStatus, tainted: bool) -> None:
        """A training ends; its driver may have lost claim and sweep meanwhile."""
        twin = self.twins[slot]
        if twin is None or not twin.held:
            return
        held = twin.held.pop(0)
        record = record_of(key_of(0.1 * (held.key + 1)), status=status, steps=steps,
                           tainted="edited" if tainted else None)  # fmt: skip
        settled = tuple(
            one.trained(
                attempt, replace(record, fence=None if claim is None else claim.fence), claim
            )
            for one, attempt, claim in zip(twin.drivers, held.attempts, held.claims, strict=True)
        )
        assert settled[0].source is Source.RUN
        for _ in range(2):  # a reply may be lost
            self.both(
                tuple(
                    lambda one=one, it=it: one.ledger.settle(it)
                    for one, it in zip(twin.drivers, settled, strict=True)
                )  # type: ignore[arg-type]
            )

    @rule(slot=slots)
    def renew(self, slot: int) -> None:
        """Renew everything that a driver holds; what is lost is lost in both."""
        twin = self.twins[slot]
        if twin is None:
            return
        lost = []
        for at, one in enumerate(twin.drivers):
            held = {claim: it.number for it in twin.held if (claim := it.claims[at]) is not None}
            gone = one.cache.renew({claim: Progress(1, 3, 1.0, 1.0) for claim in held})
            lost.append({held[claim] for claim in gone})
        assert lost[0] == lost[1]

    @rule(slot=slots)
    def release(self, slot: int) -> None:
        """Give a training up."""
        twin = self.twins[slot]
        if twin is not None and twin.held:
            held = twin.held.pop()
            for one, claim in zip(twin.drivers, held.claims, strict=True):
                if claim is not None:
                    one.cache.release(claim)

    @rule(slot=slots)
    def crash(self, slot: int) -> None:
        """A driver is gone; what it held stays until its leases end."""
        self.twins[slot] = None

    @rule(share=st.sampled_from([0.3, 0.6, 1.1]))
    def wait(self, share: float) -> None:
        """Let time pass."""
        for bench in self.benches:
            bench.advance(share * TTL_S)

    @invariant()
    def the_same_answers(self) -> None:
        """Whoever looks finds the same records; a tainted or failed one never."""
        twin = next(filter(None, self.twins), None)
        if twin is None:
            return
        questions = [key_of(0.1 * (key + 1)) for key in range(KEYS)]
        found: list[dict[str, UUID]] = [
            {run_key: hit.record.uid for run_key, hit in one.cache.lookup(questions).items()}
            for one in twin.drivers
        ]
        assert found[0] == found[1]
        for hit in twin.drivers[1].cache.lookup(questions).values():
            assert hit.record.tainted is None
            assert hit.record.status is not RecordStatus.ERROR


def check(new_store: Callable[[], Store]) -> None:
    """Run 25 histories of forty calls."""
    machine = type("OfThisStore", (Histories,), {"new_store": staticmethod(new_store)})
    run_machine(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_histories_on_a_file(tmp_path: Path) -> None:
    """SQLite, a new file for each history."""

    def new_store() -> Store:
        folder = tempfile.mkdtemp(dir=tmp_path)
        return open_store(f"sqlite:///{folder}/store.db", env={})

    check(new_store)


@pytest.mark.postgres
def test_histories_on_a_server(postgres_server: PostgresServer) -> None:
    """PostgreSQL, a new database for each history."""
    check(lambda: open_store(postgres_server.url(postgres_server.database()), env={}))
