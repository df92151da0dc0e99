"""Values to columns and back, exactly.

Owns: which field is which column, and the checksum of a record. Talks to no database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row

from sweeper.errors import CacheError
from sweeper.model import (
    AttemptId,
    Energy,
    Outcome,
    Record,
    RecordStatus,
    Source,
    SweepRow,
    SweepState,
    TrialRow,
    TrialState,
    UseRow,
)
from sweeper.store.key import NotCanonical, canonical
from sweeper.store.texts import (
    cause_text,
    clean,
    curve_text,
    decisions_text,
    energy_text,
    final_text,
    json_text,
    read_curve,
    read_decisions,
    read_energy,
    read_final,
    real,
)

__all__ = [
    "DOC_COLUMNS",
    "doc_sha",
    "outcome_columns",
    "overhead_columns",
    "record_columns",
    "record_of",
    "sweep_of",
    "trial_in",
    "trial_of",
    "use_of",
]

_T = TypeVar("_T")

# What doc_sha covers: all that the writer says, not what the store adds to it.
DOC_COLUMNS = (
    "uid",
    "run_key",
    "config_key",
    "seed",
    "fence",
    "status",
    "steps_done",
    "curve",
    "final",
    "energy_j",
    "elapsed_s",
    "energy",
    "hw",
    "tainted",
    "cause",
    "host",
    "prov",
    "started_at",
    "ended_at",
)
_LONGEST_CURVE = 2**20  # characters; a record is read whole by everybody who asks


def record_columns(record: Record) -> dict[str, Any]:
    """Turn a record into the columns of ``DOC_COLUMNS`` and their checksum.

    A curve of more than 1 MiB is kept, but marked as never to be served.

    Raises:
        CacheError: If a number is not finite, or hardware or provenance is no JSON.
    """
    curve = curve_text(record.curve)
    tainted = record.tainted
    if tainted is None and len(curve) > _LONGEST_CURVE:
        tainted = "the curve is longer than 1 MiB; report less often"
    columns: dict[str, Any] = {
        "uid": record.uid,
        "run_key": record.run_key,
        "config_key": record.config_key,
        "seed": record.seed,
        "fence": record.fence,
        "status": record.status.value,
        "steps_done": record.steps_done,
        "curve": curve,
        "final": final_text(record.final),
        "energy_j": real(record.energy.total_j),
        "elapsed_s": float(record.elapsed_s),
        "energy": energy_text(record.energy),
        "hw": json_text(dict(record.hw), "a record's hardware"),
        "tainted": clean(tainted),
        "cause": cause_text(record.cause),
        "host": clean(record.host),
        "prov": json_text(dict(record.prov), "a record's provenance"),
        "started_at": float(record.started_at),
        "ended_at": float(record.ended_at),
    }
    try:
        return {**columns, "doc_sha": doc_sha(columns)}
    except NotCanonical as error:
        raise CacheError(f"store: a record cannot be stored: {error}") from error


def doc_sha(columns: Mapping[str, Any]) -> str:
    """Digest the columns of ``DOC_COLUMNS`` as the database gives them back.

    Raises:
        NotCanonical: If a column holds what ``record_columns`` never writes.
    """
    document = {name: columns[name] for name in DOC_COLUMNS}
    document["uid"] = str(columns["uid"]).replace("-", "")
    return hashlib.sha256(canonical(document).encode("ascii")).hexdigest()


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """Turn a trial's end into columns of ``trial``, apart from what it cost."""
    return {
        "state": outcome.state.value,
        "steps": outcome.steps,
        "curve": curve_text(outcome.curve),
        "final": final_text(outcome.final),
        "energy": energy_text(outcome.energy),
        "node": clean(outcome.node),
        "gpus": json_text(list(outcome.gpus), "the GPUs of a trial"),
        "cause": None if outcome.cause is None else cause_text(str(outcome.cause)),
        "decisions": decisions_text(outcome.decisions),
    }


def overhead_columns(overhead: Energy) -> dict[str, Any]:
    """Turn what workers used outside attempts into columns of ``sweep``."""
    return {"overhead_j": real(overhead.total_j), "overhead": energy_text(overhead)}


def _decoder(what: str) -> Callable[[Callable[[Row[Any]], _T]], Callable[[Row[Any]], _T]]:
    """Let a decoder say that a row is damaged, instead of how it stumbled over it."""

    def decorate(decode: Callable[[Row[Any]], _T]) -> Callable[[Row[Any]], _T]:
        @wraps(decode)
        def decoded(row: Row[Any]) -> _T:
            try:
                return decode(row)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                raise CacheError(
                    f"store: {what} is damaged: {error}; put a copy of the store in its place"
                ) from error

        return decoded

    return decorate


@_decoder("a record")
def record_of(row: Row[Any]) -> Record:
    """Read a record from a row of ``DOC_COLUMNS`` whose checksum was verified."""
    return Record(
        uid=UUID(str(row.uid)),
        run_key=row.run_key,
        config_key=row.config_key,
        seed=row.seed,
        status=RecordStatus(row.status),
        curve=read_curve(row.curve),
        final=read_final(row.final),
        energy=read_energy(row.energy),
        elapsed_s=row.elapsed_s,
        hw=json.loads(row.hw),
        tainted=row.tainted,
        cause=row.cause,
        host=row.host,
        prov=json.loads(row.prov),
        started_at=row.started_at,
        ended_at=row.ended_at,
        fence=row.fence,
    )


@_decoder("an attempt in the ledger")
def trial_of(row: Row[Any]) -> TrialRow:
    """Read one attempt from a row of ``trial``."""
    return TrialRow(
        id=AttemptId(row.number, row.replicate, row.attempt),
        params=json.loads(row.params),
        config_key=row.config_key,
        run_key=row.run_key,
        uncached=row.uncached,
        state=TrialState(row.state),
        asked=row.asked,
        told=row.told,
        source=None if row.source is None else Source(row.source),
        record_uid=row.record_uid,
        curve=() if row.curve is None else read_curve(row.curve),
        final=read_final(row.final),
        energy_j=row.energy_j,
        energy=None if row.energy is None else read_energy(row.energy),
        elapsed_s=row.elapsed_s,
        node=row.node,
        gpus=() if row.gpus is None else tuple(json.loads(row.gpus)),
        cause=row.cause,
        started_at=row.started_at,
        ended_at=row.ended_at,
        decisions=read_decisions(row.decisions),
    )


@_decoder("a sweep in the ledger")
def sweep_of(row: Row[Any]) -> SweepRow:
    """Read a sweep from a row of ``sweep``."""
    return SweepRow(
        uid=row.uid,
        name=row.name,
        config=row.config,
        digest=row.digest,
        state=SweepState(row.state),
        stopped_by=row.stopped_by,
        who=row.who,
        host=row.host,
        pid=row.pid,
        heartbeat_at=row.heartbeat_at,
        overhead_j=row.overhead_j,
        elapsed_s=row.elapsed_s,
        started_at=row.started_at,
        ended_at=row.ended_at,
        overhead=_overhead_of(row),
    )


def _overhead_of(row: Row[Any]) -> Energy | None:
    """Read the overhead's account; None: only its joules are known.

    A driver of version 2, which may go on with a sweep, leaves the account as it found it.
    """
    overhead = None if row.overhead is None else read_energy(row.overhead)
    return overhead if overhead is not None and overhead.total_j == row.overhead_j else None


@_decoder("a use in the ledger")
def use_of(row: Row[Any]) -> UseRow:
    """Read a use from a row of ``use`` with the record's who, host, stored_at, hw and prov."""
    return UseRow(
        number=row.trial_no,
        replicate=row.replicate,
        record_uid=row.record_uid,
        kind=Source(row.kind),
        steps_used=row.steps_used,
        avoided_j=row.avoided_j,
        comparable=row.comparable,
        producer=row.producer,
        producer_host=row.producer_host,
        stored_at=row.stored_at,
        hardware=_mapping(row.hw),
        producer_trial=trial_in(_mapping(row.prov)),
    )


def trial_in(prov: Mapping[str, Any]) -> str | None:
    """Return which trial a record's provenance names, ``vit-7f3a/12``; None: it does not say."""
    if "sweep" not in prov or "trial" not in prov:
        return None
    replicate = prov.get("replicate")
    return f"{prov['sweep']}/{prov['trial']}" + (f"-r{replicate}" if replicate else "")


def _mapping(text: str) -> Mapping[str, Any]:
    """Read a JSON mapping; a damaged one is empty: it is shown, nothing follows from it."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
