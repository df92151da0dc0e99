"""What the command line asks of the store besides a sweep's own seams."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, update

from sweeper.errors import CacheError
from sweeper.model import RecordStatus, SweepState, sweep_handle
from sweeper.store.engine import Store
from sweeper.store.schema import NOW, claim, record, sweep

__all__ = [
    "StoreStatus",
    "find_sweep",
    "request_stop",
    "store_status",
]

_SHORTEST = 4  # hex digits that name a sweep; as many as a handle shows
_HANDLE = re.compile(rf"(?P<name>.+)-(?P<digits>[0-9a-f]{{{_SHORTEST},32}})", re.DOTALL)
_DIGITS = re.compile(rf"[0-9a-f]{{{_SHORTEST},32}}")


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What a store holds.

    Attributes:
        url: Which store.
        sweeps: In the ledger, everybody's.
        records: How many of each status; every status is there.
        tainted: Records that are kept but never served.
        live_claims: Trainings that somebody holds a lease on now.
    """

    url: str
    sweeps: int
    records: Mapping[RecordStatus, int]
    tainted: int
    live_claims: int


@dataclass(frozen=True, slots=True)
class _Named:
    """What a person may call a sweep by."""

    uid: UUID
    name: str
    who: str

    def answers_to(self, text: str) -> bool:
        """Tell whether a handle, a uid or the start of a uid means this sweep."""
        digits = text.lower().replace("-", "")
        if _DIGITS.fullmatch(digits) and self.uid.hex.startswith(digits):
            return True
        handle = _HANDLE.fullmatch(text)
        return (
            handle is not None
            and handle["name"] == self.name
            and self.uid.hex.startswith(handle["digits"])
        )


def find_sweep(store: Store, text: str, *, who: str) -> UUID:
    """Find the sweep that a person means.

    Args:
        store: Open.
        text: A handle, a uid, the first hex digits of a uid (four or more), or ``last``.
        who: Whose newest sweep ``last`` is.

    Raises:
        CacheError: If no sweep answers to it, or several do.
    """
    columns = select(sweep.c.uid, sweep.c.name, sweep.c.who).order_by(sweep.c.started_at.desc())
    with store.read() as connection:
        known = [_Named(*row) for row in connection.execute(columns)]
    if text == "last":
        mine = next((one.uid for one in known if one.who == who), None)
        if mine is None:
            raise CacheError(f"store: {who} has no sweep in {store.url}; `sweeper run` makes one")
        return mine
    meant = [one for one in known if one.answers_to(text)]
    if len(meant) == 1:
        return meant[0].uid
    if meant:
        full = ", ".join(f"{one.name}-{one.uid.hex[:12]} ({one.who})" for one in meant)
        raise CacheError(f"store: {text} may be any of {full}; give more digits")
    handles = [sweep_handle(one.name, one.uid) for one in known]
    near = difflib.get_close_matches(text, handles, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "`sweeper ls --all` lists what there is"
    raise CacheError(f"store: there is no sweep {text}; {hint}")


def request_stop(store: Store, uid: UUID) -> SweepState:
    """Ask a running sweep to start no more trials; its driver hears of it at its next flush.

    Returns:
        The sweep's state; unless it is running, nothing was asked.

    Raises:
        CacheError: If there is no such sweep, or the store cannot be written.
    """
    with store.write() as connection:
        state = connection.execute(select(sweep.c.state).where(sweep.c.uid == uid)).scalar()
        if state is None:
            raise CacheError(f"store: there is no sweep {uid}")
        connection.execute(
            update(sweep)
            .where(sweep.c.uid == uid, sweep.c.state == SweepState.RUNNING.value)
            .values(stop_at=func.coalesce(sweep.c.stop_at, NOW))
        )
    return SweepState(state)


def store_status(store: Store) -> StoreStatus:
    """Count what the store holds.

    Raises:
        CacheError: When the store cannot be read.
    """
    by_status = select(record.c.status, func.count(), func.count(record.c.tainted)).group_by(
        record.c.status
    )
    live = select(func.count()).select_from(claim).where(claim.c.expires_at > NOW)
    with store.read() as connection:
        counts = connection.execute(by_status).all()
        live_claims = connection.execute(live).scalar_one()
        sweeps = connection.execute(select(func.count()).select_from(sweep)).scalar_one()
    stored = {status: number for status, number, _ in counts}
    return StoreStatus(
        url=store.url,
        sweeps=sweeps,
        records={status: stored.get(status.value, 0) for status in RecordStatus},
        tainted=sum(tainted for *_, tainted in counts),
        live_claims=live_claims,
    )
