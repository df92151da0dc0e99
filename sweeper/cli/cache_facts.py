"""What the store says about itself as plain JSON: the documents of ``sweeper cache ... --json``.

Owns: their keys, which are promised to users; reporting lays the same documents out for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeper.store.listing import ClaimRow, RecordUse, Said, StoredRecord
    from sweeper.store.overview import Joules, Overview

__all__ = ["claim_facts", "record_facts", "row_facts", "status_facts"]

Facts = dict[str, Any]


def status_facts(found: Overview, *, waiting: int) -> Facts:
    """Return the document of ``status``.

    Args:
        found: What the store says.
        waiting: Results that wait on this machine for a store.
    """
    answers = found.answers
    return {
        "store": found.url,
        "kind": found.kind,
        "schema": found.schema,
        "uuid": found.store_uuid,
        "who": found.who,
        "role": found.role,
        "sweeps": found.sweeps,
        "records": {status.value: number for status, number in found.records.items()},
        "tainted": found.tainted,
        "revoked": found.revoked,
        "suspect": found.suspect,
        "claims": {
            "live": found.live_claims,
            "yours": found.own_claims,
            "expired": found.expired_claims,
        },
        "days": answers.days,
        "answers": {source.value: number for source, number in answers.by_source.items()},
        "uncached": [{"reason": why, "trials": number} for why, number in answers.uncached],
        "consumed": _joules(found.consumed),
        "avoided": {**_joules(found.avoided), "comparable_j": found.avoided.comparable_j},
        "spooled": waiting,
    }


def _joules(found: Joules) -> Facts:
    return {"energy_j": found.known_j, "known": found.known, "terms": found.terms}


def row_facts(found: StoredRecord) -> Facts:
    """Return a record as ``ls`` lists it."""
    record = found.record
    return {
        "uid": record.uid.hex,
        "status": record.status.value,
        "steps": record.steps_done,
        "energy_j": record.energy.total_j,
        "who": found.who,
        "host": record.host,
        "hardware": dict(record.hw),
        "stored_at": found.stored_at,
        "trial": _trial(record.prov),
        "uses": found.uses,
        "served": found.is_served,
        "tainted": record.tainted,
        "verdict": None if found.verdict is None else found.verdict.value,
        "sound": found.sound,
        "origin": None if found.origin is None else str(found.origin),
    }


def _trial(prov: Mapping[str, Any]) -> str | None:
    from sweeper.store.rows import trial_in

    return trial_in(prov)


def record_facts(
    found: StoredRecord,
    *,
    uses: Sequence[RecordUse],
    verdicts: Sequence[Said],
    sections: Mapping[str, str],
) -> Facts:
    """Return everything about a record, as ``show`` shows it."""
    record = found.record
    return {
        **row_facts(found),
        "run_key": record.run_key,
        "config_key": record.config_key,
        "seed": record.seed,
        "final": list(record.final),
        "elapsed_s": record.elapsed_s,
        "source": record.energy.source,
        "cause": record.cause,
        "provenance": dict(record.prov),
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "curve": [[p.step, list(p.values), p.energy_j, p.elapsed_s] for p in record.curve],
        "used_by": [
            {
                "trial": f"{use.sweep}/{use.number}",
                "replicate": use.replicate,
                "kind": use.kind.value,
                "who": use.who,
                "at": use.at,
                "avoided_j": use.avoided_j,
                "comparable": use.comparable,
            }
            for use in uses
        ],
        "verdicts": [
            {"verdict": said.kind.value, "reason": said.reason, "who": said.who, "at": said.at}
            for said in verdicts
        ],
        "key": dict(sections),
    }


def claim_facts(found: ClaimRow) -> Facts:
    """Return a claim as ``claims`` lists it."""
    return {
        "run_key": found.run_key,
        "who": found.who,
        "host": found.host,
        "trial": None if found.sweep is None else f"{found.sweep}/{found.number}",
        "steps": found.steps,
        "steps_total": found.steps_total,
        "granted_at": found.granted_at,
        "expires_in_s": found.expires_in_s,
    }
