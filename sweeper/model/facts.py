"""What the store knows: records, claims, and what an end writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sweeper.model.energy import Energy
from sweeper.model.space import Value
from sweeper.model.states import RecordStatus, Source
from sweeper.model.trials import Attempt, Curve, Outcome


@dataclass(frozen=True, slots=True)
class Record:
    """An immutable fact: the reports of one (configuration, seed), trained from zero.

    Attributes:
        uid: Made once by the writer, so that writing twice is harmless.
        run_key: What it answers.
        config_key: The same without the seed.
        seed: The training's seed.
        status: How the training ended.
        curve: Finite points only, as reported: nothing derived is a fact.
        final: The reported values at the end, None for what is derived; empty unless complete.
        energy: The whole account.
        elapsed_s: Seconds of training.
        hw: JSON-able facts about the hardware.
        tainted: Why it may not be served; None: it may.
        cause: Why it did not complete.
        host: Where it was trained.
        prov: JSON-able provenance: sweep, trial, versions, commit.
        started_at: Seconds since 1970 UTC by the driver's clock.
        ended_at: The same.
        fence: The lease it was trained under; None: none.
    """

    uid: UUID
    run_key: str
    config_key: str
    seed: int
    status: RecordStatus
    curve: Curve
    final: tuple[float | None, ...]
    energy: Energy
    elapsed_s: float
    hw: Mapping[str, Value]
    tainted: str | None
    cause: str | None
    host: str
    prov: Mapping[str, Value]
    started_at: float
    ended_at: float
    fence: int | None = None

    @property
    def steps_done(self) -> int:
        """Return the last step of the curve; 0 when there is none."""
        return self.curve[-1].step if self.curve else 0


@dataclass(frozen=True, slots=True)
class Hit:
    """The store knows the answer, or a prefix of it.

    Attributes:
        record: The fact.
        who: Whose training it was.
        stored_at: When it was stored, by the store's clock, seconds since 1970 UTC.
        refused: It failed so more than once and ``cache.refuse`` lists that: it is not to be
            trained again, and ``record.cause`` says why.
    """

    record: Record
    who: str
    stored_at: float
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to train one key until the lease runs out."""

    run_key: str
    fence: int


@dataclass(frozen=True, slots=True)
class Mine:
    """Nobody knows the answer: train it. Without a store the claim is None."""

    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else trains exactly this now."""

    who: str
    host: str
    steps: int
    steps_total: int | None
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt is; energy and time are absolute, so that a repeated flush is harmless."""

    steps: int
    steps_total: int | None
    energy_j: float | None
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Use:
    """A stored record answered a trial.

    Attributes:
        record_uid: Whose answer.
        kind: cache, attached or duplicate.
        steps_used: How far this study would have trained.
        avoided_j: The record's joules up to there; None: unknown.
        comparable: Same kind of hardware as this sweep would have used.
    """

    record_uid: UUID
    kind: Source
    steps_used: int
    avoided_j: float | None
    comparable: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """One attempt's end, written in one commit.

    Attributes:
        attempt: Whose; its row is made if it is not there yet.
        outcome: How it ended.
        source: Where the outcome came from.
        told: Position of the tell in the sweep's order of events; None: not told (lost, retried).
        record: A new fact for the store; None: nothing to share.
        claim: The lease to give back; None: none.
        use: What a hit avoided; None: trained.
        record_uid: The record that answers or was made.
    """

    attempt: Attempt
    outcome: Outcome
    source: Source
    told: int | None
    record: Record | None = None
    claim: Claim | None = None
    use: Use | None = None

    @property
    def record_uid(self) -> UUID | None:
        """Return the record that was made or that answered."""
        if self.record is not None:
            return self.record.uid
        return self.use.record_uid if self.use is not None else None
