"""The statements that the cache and the ledger have in common.

Both write an attempt's row, and both may do so only while their driver owns the sweep. Each
function is a part of its caller's transaction; the order of tables is sweep, claim, record, trial,
use everywhere, so that no two transactions can wait for each other.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, Delete, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from sweeper.errors import Deposed
from sweeper.model import Attempt, AttemptId, Claim, Key, Source, TrialState
from sweeper.store.key import section_digest
from sweeper.store.schema import (
    KEY_VERSION,
    NOW,
    claim,
    component,
    config,
    insert_into,
    sweep,
    trial,
)
from sweeper.store.texts import json_text

__all__ = [
    "OPEN",
    "deposed",
    "drop_claim",
    "is_attempt",
    "own_sweep",
    "write_attempt",
    "write_key",
]

# The states of an attempt that has not ended.
OPEN = (TrialState.PARKED.value, TrialState.RUNNING.value)


def own_sweep(connection: Connection, uid: UUID, holder: UUID) -> bool | None:
    """Give a sign of life, with which every transaction of a driver begins.

    Returns:
        Whether somebody asked the sweep to stop; None: it belongs to another driver now.
    """
    beat = (
        update(sweep)
        .where(sweep.c.uid == uid, sweep.c.holder == holder)
        .values(heartbeat_at=NOW)
        .returning(sweep.c.stop_at)
    )
    row = connection.execute(beat).one_or_none()
    return None if row is None else row.stop_at is not None


def deposed(uid: UUID) -> Deposed:
    """Make the error of a driver that lost its sweep."""
    return Deposed(
        f"store: sweep {uid} was taken over by another driver; this one ends, and what it has "
        "trained is kept"
    )


def write_key(connection: Connection, key: Key) -> None:
    """Store the nine sections of a key once, so that ``explain`` can show them."""
    known = select(config.c.config_key).where(config.c.config_key == key.config_key)
    if connection.execute(known).first() is not None:
        return
    digests = {name: section_digest(name, text).hex() for name, text in key.sections}
    parts = sorted(
        ({"digest": digests[name], "kind": name, "doc": text} for name, text in key.sections),
        key=lambda part: part["digest"],
    )
    connection.execute(insert_into(connection, component).on_conflict_do_nothing(), parts)
    row = {f"{name}_h": digest for name, digest in digests.items()}
    connection.execute(
        insert_into(connection, config)
        .values(config_key=key.config_key, key_version=KEY_VERSION, created_at=NOW, **row)
        .on_conflict_do_nothing()
    )


def write_attempt(
    connection: Connection, uid: UUID, holder: UUID, attempt: Attempt, *, parked: bool
) -> None:
    """Make an attempt's row, or move it between parked and running while it is open."""
    key = attempt.key
    now = {
        "state": (TrialState.PARKED if parked else TrialState.RUNNING).value,
        "source": None if parked else Source.RUN.value,
    }
    row = {
        "sweep_uid": uid,
        "number": attempt.id.number,
        "replicate": attempt.id.replicate,
        "attempt": attempt.id.attempt,
        "holder": holder,
        "params": json_text(dict(attempt.params), f"the parameters of trial {attempt.id.number}"),
        "config_key": key.config_key if key else None,
        "run_key": key.run_key if key else None,
        "uncached": attempt.uncached,
        "asked": attempt.asked,
        "started_at": NOW,
        **now,
    }
    connection.execute(
        insert_into(connection, trial)
        .values(**row)
        .on_conflict_do_update(
            index_elements=list(trial.primary_key),
            set_=now,
            where=trial.c.state.in_(OPEN),
        )
    )


def drop_claim(held: Claim, holder: UUID) -> Delete:
    """Build the end of a claim; it names holder and fence, so a successor's is never dropped."""
    return delete(claim).where(
        claim.c.run_key == held.run_key, claim.c.holder == holder, claim.c.fence == held.fence
    )


def is_attempt(uid: UUID, id_: AttemptId) -> ColumnElement[bool]:
    """Pick one attempt's row."""
    return (
        (trial.c.sweep_uid == uid)
        & (trial.c.number == id_.number)
        & (trial.c.replicate == id_.replicate)
        & (trial.c.attempt == id_.attempt)
    )
