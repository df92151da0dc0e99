"""The store, broken on purpose: if the judge does not notice, the judge is no good.

Each mutant replaces one function wherever the store's modules have it, before drivers are forked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Delete, delete, update

from sweeper.model import Claim, Settled
from sweeper.store import answers, settlement
from sweeper.store.postgres_engine import PostgresStore
from sweeper.store.schema import NOW, claim, sweep
from sweeper.store.sqlite_engine import SqliteStore

__all__ = ["MUTANTS", "break_store"]

_writing: ContextVar[bool] = ContextVar("_writing", default=False)


def break_store(mutant: str) -> None:
    """Break the store in this process, and in those that it forks, for good."""
    MUTANTS[mutant]()


def _no_second_look() -> None:
    """Grant a claim without looking for an answer again."""
    for kind in (SqliteStore, PostgresStore):
        kind.write = _noticed(kind.write)  # type: ignore[method-assign,assignment]
    honest = answers.find

    def find(*args: Any, **options: Any) -> answers.Found:
        return answers.Found({}, frozenset()) if _writing.get() else honest(*args, **options)

    _everywhere("find", find)


def _noticed(honest: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Know, while a transaction that writes is open, that it is."""

    @contextmanager
    def write(store: Any) -> Iterator[Connection]:
        with honest(store) as connection:
            token = _writing.set(True)
            try:
                yield connection
            finally:
                _writing.reset(token)

    return write


def _claims_without_fence() -> None:
    """End whatever claim there is on a key, also a successor's."""

    def drop_claim(held: Claim, _holder: UUID) -> Delete:
        return delete(claim).where(claim.c.run_key == held.run_key)

    _everywhere("drop_claim", drop_claim)


def _no_ownership() -> None:
    """Let a driver that was deposed write on."""

    def own_sweep(connection: Connection, uid: UUID, _holder: UUID) -> bool | None:
        connection.execute(update(sweep).where(sweep.c.uid == uid).values(heartbeat_at=NOW))
        return False

    _everywhere("own_sweep", own_sweep)


def _new_uid_on_retry() -> None:
    """Give a record another name each time that it is written."""
    honest = settlement.Settlement._write_record

    def write_record(desk: Any, settled: Settled, **options: Any) -> UUID | None:
        if settled.record is not None:
            settled = replace(settled, record=replace(settled.record, uid=uuid4()))
        return honest(desk, settled, **options)

    settlement.Settlement._write_record = write_record  # type: ignore[method-assign, assignment]


def _everywhere(name: str, replacement: Callable[..., Any]) -> None:
    """Replace a function in every module of the store that has it."""
    modules = [module for key, module in sys.modules.items() if key.startswith("sweeper.store.")]
    having = [module for module in modules if hasattr(module, name)]
    if len(having) < 2:
        raise LookupError(f"the store has no function {name} in use any more: mend this mutant")
    for module in having:
        setattr(module, name, replacement)


MUTANTS: dict[str, Callable[[], None]] = {
    "no second look": _no_second_look,
    "claims without fence": _claims_without_fence,
    "no ownership": _no_ownership,
    "new uid on retry": _new_uid_on_retry,
}
