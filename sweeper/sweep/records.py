"""What is worth keeping of an ended attempt, and what a record answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from sweeper.model import (
    UNAVAILABLE,
    Attempt,
    AttemptId,
    Cause,
    CauseKind,
    Claim,
    Curve,
    Decision,
    Energy,
    Goals,
    Hit,
    Outcome,
    Record,
    RecordStatus,
    Source,
    TrialState,
    Use,
    Value,
)
from sweeper.sweep.budget import over_own_limit
from sweeper.sweep.finals import final_values, last_reported
from sweeper.sweep.judging import Judging, decided, is_last

__all__ = ["keep_error", "record_of", "replay", "served", "use_of"]

_FAILED_AS = {
    CauseKind.ERROR: RecordStatus.ERROR,
    CauseKind.DIVERGED: RecordStatus.DIVERGED,
    CauseKind.OOM: RecordStatus.OOM,
    CauseKind.TIMEOUT: RecordStatus.PRUNED,
}


def record_of(
    attempt: Attempt,
    outcome: Outcome,
    *,
    goals: Goals,
    claim: Claim | None,
    tainted: str | None,
    prov: Mapping[str, Value],
    started_at: float,
) -> Record | None:
    """Make the record of an attempt that was trained here; None: there is nothing to keep.

    A prefix is worth keeping whyever the trial ended; a lost worker says nothing about the
    configuration.
    """
    status = _status(outcome)
    if attempt.key is None or status is None:
        return None
    names = [gpu.name for gpu in outcome.energy.gpus]
    return Record(
        uid=uuid.uuid4(),
        run_key=attempt.key.run_key,
        config_key=attempt.key.config_key,
        seed=attempt.key.seed,
        status=status,
        curve=outcome.curve,
        final=last_reported(goals, outcome.curve) if status is RecordStatus.COMPLETE else (),
        energy=outcome.energy,
        elapsed_s=outcome.elapsed_s,
        hw={"gpus": names, "gpu_uuids": list(outcome.gpus)},
        tainted=tainted,
        cause=None if outcome.cause is None else str(outcome.cause),
        host=outcome.node or "",
        prov=prov,
        started_at=started_at,
        ended_at=time.time(),
        fence=None if claim is None else claim.fence,
    )


def _status(outcome: Outcome) -> RecordStatus | None:
    match outcome.state:
        case TrialState.COMPLETE:
            return RecordStatus.COMPLETE
        case TrialState.PRUNED | TrialState.LOST:
            return RecordStatus.PRUNED if outcome.curve else None
        case _:
            kind = outcome.cause.kind if outcome.cause is not None else None
            status = None if kind is None else _FAILED_AS.get(kind)
            return None if status is RecordStatus.PRUNED and not outcome.curve else status


def keep_error(folder: str, outcome: Outcome, traceback: str | None) -> OSError | None:
    """Write the whole story of a failure into the trial's folder; the store keeps one line.

    Returns:
        Why it could not be written; None: it was.
    """
    file = Path(folder, "error.txt")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{outcome.cause}\n\n{traceback or ''}", encoding="utf-8")
    except OSError as error:
        return error
    return None


def replay(
    judging: Judging,
    attempt: AttemptId,
    record: Record,
    *,
    max_steps: int | None,
    trial_energy_j: float | None = None,
) -> Outcome | None:
    """Feed a record through this study's pruner, step by step.

    Returns:
        The attempt's outcome, its values by this sweep's factors; or None when the record ends
        before the pruner cuts and before the training did, so that it is no answer.
    """
    decisions: tuple[Decision, ...] = ()
    for index, point in enumerate(record.curve):
        last = is_last(point.step, record.curve[0].step, max_steps)
        verdict = judging.judge(attempt, point, last=last)
        decisions += decided(point.step, verdict)
        cut = Cause(CauseKind.PRUNER, str(verdict)) if verdict.prune else None
        if not last:  # there, nothing is left to save
            cut = cut or over_own_limit(point.energy_j, trial_energy_j)
        if cut is not None:
            curve = record.curve[: index + 1]
            return served(record, TrialState.PRUNED, curve, cause=cut, decisions=decisions)
    if record.status is not RecordStatus.COMPLETE:
        return None
    final = final_values(
        judging.goals, record.curve, record.energy, record.elapsed_s, judging.factors
    )
    if isinstance(final, Cause):
        state = TrialState.FAILED
        return served(record, state, record.curve, cause=final, decisions=decisions)
    state = TrialState.COMPLETE
    return served(record, state, record.curve, final=final, decisions=decisions)


def served(
    record: Record,
    state: TrialState,
    curve: Curve,
    *,
    final: tuple[float, ...] = (),
    cause: Cause | None = None,
    decisions: tuple[Decision, ...] = (),
) -> Outcome:
    """Make the outcome of a trial that a record answers up to the end of ``curve``."""
    whole = len(curve) == len(record.curve) and state is not TrialState.PRUNED
    energy = record.energy if whole else _prefix(record.energy, curve)
    return Outcome(
        state=state,
        curve=curve,
        final=final,
        energy=energy,
        elapsed_s=record.elapsed_s if whole else (curve[-1].elapsed_s if curve else 0.0),
        cause=cause,
        node=record.host or None,
        decisions=decisions,
    )


def _prefix(energy: Energy, curve: Curve) -> Energy:
    energy_j = curve[-1].energy_j if curve else None
    if energy_j is None:
        return UNAVAILABLE
    return Energy(
        total_j=energy_j,
        source=energy.source,
        scope=energy.scope,
        attribution=energy.attribution,
        coverage=energy.coverage,
    )


def use_of(hit: Hit, outcome: Outcome, kind: Source) -> Use:
    """Say what a hit avoided: the joules of the prefix that this study would have trained."""
    return Use(
        record_uid=hit.record.uid,
        kind=kind,
        steps_used=outcome.steps,
        avoided_j=outcome.energy.total_j,
        comparable=not hit.record.energy.gpus,
    )
