"""What the ledger knows of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sweeper.model.energy import NOTHING, Energy
from sweeper.model.space import Params, Value
from sweeper.model.states import Source, SweepState, TrialState
from sweeper.model.trials import AttemptId, Curve, Decision


@dataclass(frozen=True, slots=True)
class SweepIdentity:
    """What a sweep is called and what makes it the same sweep.

    Attributes:
        name: From the file.
        config: The resolved file as JSON text.
        digest: 64 hex digits over everything that decides proposals or results.
    """

    name: str
    config: str
    digest: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One attempt as the ledger knows it."""

    id: AttemptId
    params: Params
    config_key: str | None
    run_key: str | None
    uncached: str | None
    state: TrialState
    asked: int
    told: int | None
    source: Source | None
    record_uid: UUID | None
    curve: Curve
    final: tuple[float, ...]
    energy_j: float | None
    energy: Energy | None
    elapsed_s: float | None
    node: str | None
    gpus: tuple[str, ...]
    cause: str | None
    started_at: float
    ended_at: float | None
    decisions: tuple[Decision, ...] = ()

    @property
    def steps(self) -> int:
        """Return the last step that counted; 0 before the first report."""
        return self.curve[-1].step if self.curve else 0

    @property
    def trained(self) -> bool:
        """Tell whether a worker of this sweep trained it, however it ended."""
        never_started = self.energy is not None and self.energy.source == NOTHING.source
        return self.source is Source.RUN and not never_started


@dataclass(frozen=True, slots=True)
class UseRow:
    """What one hit of a sweep avoided, and who had trained it.

    Attributes:
        number: Of the trial that was answered.
        replicate: Of that trial.
        record_uid: What answered.
        kind: How.
        steps_used: How far this sweep would have trained.
        avoided_j: The record's joules up to there; None: unknown.
        comparable: Trained on the kind of hardware that this sweep would have used.
        producer: Who trained it.
        producer_host: Where.
        stored_at: When, by the store's clock, seconds since 1970 UTC.
        hardware: What on, as in ``Record.hw``.
        producer_trial: Handle of that sweep and number of that trial, ``vit-7f3a/12``; None: the
            record does not say.
    """

    number: int
    replicate: int
    record_uid: UUID
    kind: Source
    steps_used: int
    avoided_j: float | None
    comparable: bool
    producer: str
    producer_host: str
    stored_at: float
    hardware: Mapping[str, Value] = field(default_factory=dict)
    producer_trial: str | None = None


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One sweep as the ledger knows it; times are by the store's clock, in seconds since 1970 UTC.

    Attributes:
        uid: Its name for machines.
        overhead_j: Joules of the workers outside trials; None: unknown.
        overhead: The whole account of that, with a line per GPU; None: an older store, or never
            written. Flag ``cut_short``: a driver died before it could close the books.
        elapsed_s: Time with a driver, over all continuations.
    """

    uid: UUID
    name: str
    config: str
    digest: str
    state: SweepState
    stopped_by: str | None
    who: str
    host: str
    pid: int
    heartbeat_at: float
    overhead_j: float | None
    elapsed_s: float
    started_at: float
    ended_at: float | None
    overhead: Energy | None = None

    @property
    def handle(self) -> str:
        """Return what people type: name and first hex digits of the uid."""
        return sweep_handle(self.name, self.uid)


def sweep_handle(name: str, uid: UUID) -> str:
    """Return what people type for a sweep: name and first four hex digits of the uid."""
    return f"{name}-{uid.hex[:4]}"


@dataclass(frozen=True, slots=True)
class SweepHistory:
    """Everything that the ledger knows about one sweep."""

    sweep: SweepRow
    attempts: tuple[TrialRow, ...]
    uses: tuple[UseRow, ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """A sweep was opened.

    Attributes:
        uid: The sweep's.
        resumed: The same sweep goes on; False: it is new.
        own: Its attempts so far, in order of ``asked``; empty when new.
        leader: Handle of the earlier sweep of the same digest that a new one follows; None: none.
        followed: That sweep's attempts; empty without one.
        elapsed_s: Time with a driver before now.
        overhead: Overhead booked before now.
    """

    uid: UUID
    resumed: bool
    own: tuple[TrialRow, ...] = ()
    leader: str | None = None
    followed: tuple[TrialRow, ...] = ()
    elapsed_s: float = 0.0
    overhead: Energy = NOTHING
