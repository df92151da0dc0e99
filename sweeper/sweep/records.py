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
    Ended,
    Energy,
    Goals,
    Hit,
    NodeFacts,
    Outcome,
    Record,
    RecordStatus,
    Source,
    TrialState,
    Use,
    Value,
)
from sweeper.places import make_private
from sweeper.sweep.budget import over_own_limit
from sweeper.sweep.finals import final_values, last_reported
from sweeper.sweep.judging import Judging, decided, is_last

__all__ = ["keep_files", "record_of", "refusal", "replay", "served", "use_of"]

_FAILED_AS = {
    CauseKind.ERROR: RecordStatus.ERROR,
    CauseKind.MISSING: RecordStatus.ERROR,
    CauseKind.CRASH: RecordStatus.ERROR,
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
    facts: NodeFacts | None = None,
) -> Record | None:
    """Make the record of an attempt that was trained here; None: there is nothing to keep.

    A prefix is worth keeping whyever the trial ended; a lost worker says nothing about the
    configuration.
    """
    status = _status(outcome)
    if attempt.key is None or status is None:
        return None
    hw: dict[str, Value] = {
        "gpus": [gpu.name for gpu in outcome.energy.gpus],
        "gpu_uuids": list(outcome.gpus),
    }
    if facts is not None:
        hw["class"] = dict(facts.hardware)
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
        hw=hw,
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


def keep_files(folder: str, outcome: Outcome, ended: Ended) -> OSError | None:
    """Write the whole story of a failure into the trial's folder; the store keeps one line.

    What a worker sent that does not see this disk is written there too.

    Returns:
        Why it could not be written; None: it was.
    """
    files = dict(ended.logs)
    if outcome.state is TrialState.FAILED:
        files["error.txt"] = f"{outcome.cause}\n\n{ended.traceback or ''}"
    try:
        for name, text in files.items():
            make_private(Path(folder))
            Path(folder, Path(name).name).write_text(text, encoding="utf-8")
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
    prefix_safe: bool = False,
) -> Outcome | None:
    """Feed a record through this study's pruner, step by step.

    Args:
        judging: Of this study.
        attempt: Whose answer it may be.
        record: What is known.
        max_steps: This sweep's horizon; what was trained past it is left out.
        trial_energy_j: The most joules that a training of this sweep may use.
        prefix_safe: The record may be of another horizon.

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
        if last and prefix_safe:
            return _ended(judging, record, record.curve[: index + 1], decisions)
    if record.status is not RecordStatus.COMPLETE:
        return None
    if prefix_safe and record.prov.get("max_steps") != max_steps:
        return None  # it ended at its own horizon, which came first
    return _ended(judging, record, record.curve, decisions)


def _ended(
    judging: Judging, record: Record, curve: Curve, decisions: tuple[Decision, ...]
) -> Outcome:
    """Say how a trial ended whose training is known up to the end of ``curve``."""
    energy, elapsed_s = record.energy, record.elapsed_s
    if len(curve) < len(record.curve):
        energy, elapsed_s = _prefix(energy, curve), curve[-1].elapsed_s
    final = final_values(judging.goals, curve, energy, elapsed_s, judging.factors)
    if isinstance(final, Cause):
        return served(record, TrialState.FAILED, curve, cause=final, decisions=decisions)
    return served(record, TrialState.COMPLETE, curve, final=final, decisions=decisions)


def refusal(record: Record) -> Outcome:
    """Make the outcome of a trial that is not trained because it failed so more than once."""
    known = Cause.parse(record.cause or "error: unknown")
    cause = Cause(known.kind, f"{known.text} (known from the store: cache.refuse)")
    return served(record, TrialState.FAILED, record.curve, cause=cause)


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


def use_of(hit: Hit, outcome: Outcome, kind: Source, own: Mapping[str, Value] | None) -> Use:
    """Say what a hit avoided: the joules of the prefix that this study would have trained.

    Args:
        hit: The answer.
        outcome: What became of it here.
        kind: How it was found.
        own: The class of this sweep's hardware; None: unknown.
    """
    return Use(
        record_uid=hit.record.uid,
        kind=kind,
        steps_used=outcome.steps,
        avoided_j=outcome.energy.total_j,
        comparable=_is_comparable(hit.record, own),
    )


# What of a class makes its joules another kind of joules; how many there were does not.
_KIND = ("gpu", "memory_mib", "power_cap_w", "mig", "cpu")


def _is_comparable(record: Record, own: Mapping[str, Value] | None) -> bool:
    """Tell whether a record's joules are what this sweep would have used.

    Older records do not say what trained them; those of CPUs count as comparable.
    """
    theirs = record.hw.get("class")
    if not isinstance(theirs, Mapping) or own is None:
        return not record.energy.gpus and not (own or {}).get("gpu")
    return all(theirs.get(name) == own.get(name) for name in _KIND)
