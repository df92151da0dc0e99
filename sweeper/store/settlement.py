"""How one attempt ends in the store: claim, record, row and use, in one transaction.

The order is the lock order of the store. Repeating a settlement changes nothing: a record is known
by its uid, a use by its trial, and a row that was told stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, update

from sweeper.model import Settled, Source, Use
from sweeper.store.rows import outcome_columns, record_columns
from sweeper.store.schema import NOW, insert_into, record, trial, use
from sweeper.store.shared_writes import drop_claim, is_attempt, write_attempt, write_key

__all__ = ["Settlement"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles within its caller's transaction.

    Attributes:
        connection: With the transaction.
        sweep: Whose attempts.
        holder: The driver.
        who: The user.
        keeps_records: False: the store gets no new records from this sweep.
    """

    connection: Connection
    sweep: UUID
    holder: UUID
    who: str
    keeps_records: bool

    def settle(self, settled: Settled) -> None:
        """Write everything; the driver owns the sweep."""
        lost = self._end_claim(settled)
        record_uid = self._write_record(settled, late=lost)
        attempt = settled.attempt
        write_attempt(self.connection, self.sweep, self.holder, attempt, parked=attempt.parked)
        self.connection.execute(
            update(trial)
            .where(is_attempt(self.sweep, attempt.id), trial.c.told.is_(None))
            .values(
                **outcome_columns(settled.outcome),
                **_spent(settled),
                source=settled.source.value,
                told=settled.told,
                record_uid=record_uid,
                ended_at=NOW,
            )
        )
        if settled.use is not None:
            self._write_use(settled, settled.use)

    def deliver(self, settled: Settled) -> None:
        """Write the facts alone, what was learned and what it cost; the sweep is another's.

        Its claims ended when the sweep was taken over.
        """
        self._write_record(settled, late=True)
        if settled.source is not Source.RUN:
            return
        self.connection.execute(
            update(trial)
            .where(is_attempt(self.sweep, settled.attempt.id), trial.c.told.is_(None))
            .where(trial.c.holder == self.holder)
            .values(**_spent(settled))
        )

    def _end_claim(self, settled: Settled) -> bool:
        """Give the claim back; True: it was lost before."""
        if settled.claim is None:
            return False
        return self.connection.execute(drop_claim(settled.claim, self.holder)).rowcount == 0

    def _write_record(self, settled: Settled, *, late: bool) -> UUID | None:
        """Store the new fact, once; return the record that answers the trial."""
        new = settled.record
        if new is None or not self.keeps_records:
            return settled.use.record_uid if settled.use else None
        if settled.attempt.key is not None:
            write_key(self.connection, settled.attempt.key)
        self.connection.execute(
            insert_into(self.connection, record)
            .values(**record_columns(new), late=late, who=self.who, stored_at=NOW)
            .on_conflict_do_nothing(index_elements=[record.c.uid])
        )
        return new.uid

    def _write_use(self, settled: Settled, avoided: Use) -> None:
        """Say what a hit avoided, once per trial and replicate."""
        self.connection.execute(
            insert_into(self.connection, use)
            .values(
                sweep_uid=self.sweep,
                trial_no=settled.attempt.id.number,
                replicate=settled.attempt.id.replicate,
                record_uid=avoided.record_uid,
                kind=avoided.kind.value,
                steps_used=avoided.steps_used,
                avoided_j=avoided.avoided_j,
                comparable=avoided.comparable,
                who=self.who,
                at=NOW,
            )
            .on_conflict_do_nothing()
        )


def _spent(settled: Settled) -> dict[str, float | None]:
    """Return joules and seconds: of this attempt, or of the answer up to where it was used."""
    outcome = settled.outcome
    if settled.source is Source.RUN:
        spent = {"energy_j": outcome.energy.total_j, "elapsed_s": outcome.elapsed_s}
        # What a heartbeat booked is known; an account that says nothing does not undo it.
        return {name: value for name, value in spent.items() if value is not None}
    last = outcome.curve[-1] if outcome.curve else None
    energy_j = last.energy_j if last else None
    if settled.use is not None:
        energy_j = settled.use.avoided_j
    return {"energy_j": energy_j, "elapsed_s": last.elapsed_s if last else None}
