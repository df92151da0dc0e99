"""Small builders of ledger rows: a test names what it is about, the rest has plain defaults.

Owns: the defaults. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sweeper.model import (
    AttemptId,
    Curve,
    Decision,
    Energy,
    Params,
    Point,
    Source,
    SweepHistory,
    SweepRow,
    SweepState,
    TrialRow,
    TrialState,
    UseRow,
    Value,
)

__all__ = ["curve_of", "history_of", "measured", "record_uid", "sweep_row", "trial_row", "use_row"]

SWEEP_UID = UUID("7f3a0000-0000-4000-8000-000000000001")
START = 1_767_225_600.0  # 2026-01-01 00:00 UTC

# A report: the value of the one metric, or one value per metric, None where it is not reported.
Reported = float | tuple[float | None, ...]


def record_uid(n: int) -> UUID:
    """Return the uid of the n-th made-up record."""
    return UUID(int=n)


def measured(
    energy_j: float | None,
    *,
    source: str = "measured:counter",
    scope: str = "gpu",
    coverage: float = 1.0,
) -> Energy:
    """Return an account with these joules; None: unknown, whatever the source."""
    return Energy(total_j=energy_j, source=source, scope=scope, coverage=coverage)


def curve_of(
    values: Sequence[Reported], *, energy_j: float | None = None, step_s: float = 1.0
) -> Curve:
    """Return a curve of steps 1, 2, ... whose joules grow evenly up to ``energy_j``."""
    return tuple(
        Point(
            step=step,
            values=value if isinstance(value, tuple) else (value,),
            energy_j=None if energy_j is None else energy_j * step / len(values),
            elapsed_s=step_s * step,
        )
        for step, value in enumerate(values, start=1)
    )


def trial_row(
    number: int,
    values: Sequence[Reported] = (),
    *,
    final: tuple[float, ...] | None = None,
    state: TrialState = TrialState.COMPLETE,
    source: Source | None = Source.RUN,
    energy: Energy | float | None = None,
    attempt: int = 0,
    replicate: int = 0,
    params: Params | None = None,
    elapsed_s: float | None = 10.0,
    record: UUID | None = None,
    cause: str | None = None,
    told: int | None = -1,
    decisions: tuple[Decision, ...] = (),
) -> TrialRow:
    """Return one attempt.

    Args:
        number: The trial's.
        values: Its reports at steps 1, 2, ...
        final: Its values at the end; None: the last report, if it is complete.
        state: How it stands.
        source: Where its outcome came from.
        energy: An account, or joules that ``measured:counter`` saw; None: unknown.
        attempt: Which try.
        replicate: Which repetition.
        params: Default: one ``lr``.
        elapsed_s: Seconds of training.
        record: What answered, or was made.
        cause: Why it did not complete.
        told: -1: right after it was asked, if it is settled.
        decisions: What early stopping decided.
    """
    account = energy if isinstance(energy, Energy) else measured(energy)
    curve = curve_of(values, energy_j=account.total_j)
    if told == -1:
        told = 2 * number + 1 if state.settled else None
    if final is None:
        last = curve[-1].values if curve and state is TrialState.COMPLETE else ()
        final = tuple(value for value in last if value is not None)
    return TrialRow(
        id=AttemptId(number, replicate, attempt),
        params={"lr": 0.1 / (number + 1)} if params is None else params,
        config_key=None,
        run_key=None,
        uncached=None,
        state=state,
        asked=2 * number,
        told=told,
        source=source,
        record_uid=record,
        curve=curve,
        final=final,
        energy_j=account.total_j,
        energy=account,
        elapsed_s=elapsed_s,
        node="node1",
        gpus=(),
        cause=cause,
        started_at=START + number,
        ended_at=None if elapsed_s is None else START + number + elapsed_s,
        decisions=decisions,
    )


def use_row(
    number: int,
    avoided_j: float | None,
    *,
    kind: Source = Source.CACHE,
    replicate: int = 0,
    record: UUID | None = None,
    producer: str = "alice",
    producer_host: str = "node9",
    comparable: bool = True,
    hardware: Mapping[str, Value] | None = None,
) -> UseRow:
    """Return what one hit avoided."""
    return UseRow(
        number=number,
        replicate=replicate,
        record_uid=record or record_uid(number),
        kind=kind,
        steps_used=1,
        avoided_j=avoided_j,
        comparable=comparable,
        producer=producer,
        producer_host=producer_host,
        stored_at=START - 86_400.0,
        hardware=hardware or {"class": {"gpu": "NVIDIA H200", "count": 1}, "gpus": []},
        producer_trial="vit-7f3a/12",
    )


def sweep_row(
    *,
    name: str = "digits-mlp",
    state: SweepState = SweepState.COMPLETE,
    stopped_by: str | None = "budget.trials",
    overhead_j: float | None = 0.0,
    overhead: Energy | None = None,
    elapsed_s: float = 93.4,
) -> SweepRow:
    """Return one sweep.

    Args:
        name: From its file.
        state: How it stands.
        stopped_by: Why it ended.
        overhead_j: What a store of an older version has of the overhead; not with ``overhead``.
        overhead: The overhead's account.
        elapsed_s: Time with a driver.
    """
    return SweepRow(
        uid=SWEEP_UID,
        name=name,
        config="{}",
        digest="0" * 64,
        state=state,
        stopped_by=stopped_by,
        who="bob",
        host="node1",
        pid=1,
        heartbeat_at=START + elapsed_s,
        overhead_j=overhead_j if overhead is None else overhead.total_j,
        overhead=overhead,
        elapsed_s=elapsed_s,
        started_at=START,
        ended_at=None if state is SweepState.RUNNING else START + elapsed_s,
    )


def history_of(
    *attempts: TrialRow, uses: Sequence[UseRow] = (), sweep: SweepRow | None = None
) -> SweepHistory:
    """Return a sweep with these attempts and uses."""
    return SweepHistory(sweep=sweep or sweep_row(), attempts=attempts, uses=tuple(uses))
