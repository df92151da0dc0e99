"""Results that the store could not take, in a file beside it, until it can.

Owns: the file ``<state>/spool/<sweep>.jsonl``: one settled attempt per line, each with its
checksum, written through to the disk. Talks to no database.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sweeper.model import (
    Attempt,
    AttemptId,
    Cause,
    Claim,
    Key,
    Outcome,
    Record,
    RecordStatus,
    Settled,
    Source,
    TrialState,
    Use,
)
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
)

__all__ = ["Spool", "SpoolFile", "spool_of", "spools"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """One file that waits.

    Attributes:
        path: Where it is.
        sweep: Whose results.
        results: How many can be read.
    """

    path: Path
    sweep: UUID
    results: int


class Spool:
    """The waiting results of one sweep; used by one thread at a time.

    Args:
        path: Of the file; made when something is appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unwritten: list[Settled] = []

    def append(self, settled: Settled) -> None:
        """Keep a result; in memory where the disk refuses it, too.

        Raises:
            OSError: If it is only in memory now.
        """
        try:
            _append(self.path, _line(settled))
        except OSError:
            self._unwritten.append(settled)
            raise

    def waiting(self) -> tuple[Settled, ...]:
        """Return what waits, in order; a line that is torn or damaged is left out and logged."""
        return (*_read(self.path), *self._unwritten)

    def keep(self, rest: tuple[Settled, ...]) -> None:
        """Let everything go that was delivered, and keep what was not.

        Where the file cannot be changed it stays as it is: delivering twice is harmless.
        """
        self._unwritten.clear()
        try:
            if not rest:
                self.path.unlink(missing_ok=True)
                return
            fresh = self.path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            for settled in rest:
                _append(fresh, _line(settled))
            fresh.replace(self.path)
        except OSError as error:
            self._unwritten = list(rest)
            _log.warning("%s could not be shortened: %s", self.path, error)


def _line(settled: Settled) -> bytes:
    body = settled_text(settled)
    line = json.dumps([hashlib.sha256(body.encode()).hexdigest(), body]) + "\n"
    return line.encode("ascii")


def spool_of(state: Path, sweep: UUID) -> Spool:
    """Return the spool of a sweep in a state folder."""
    return Spool(state / "spool" / f"{sweep}.jsonl")


def spools(state: Path) -> list[SpoolFile]:
    """List the files that wait in a state folder."""
    found = []
    for path in sorted((state / "spool").glob("*.jsonl")):
        try:
            found.append(SpoolFile(path, UUID(path.stem), len(_read(path))))
        except ValueError:
            continue  # somebody else's file
    return found


def _append(path: Path, line: bytes) -> None:
    """Append to a file so that it survives a loss of power; half a line is taken back."""
    fresh = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(0, "only a part could be written", str(path))
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if fresh:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read(path: Path) -> list[Settled]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    found = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            digest, body = json.loads(line)
            if hashlib.sha256(body.encode()).hexdigest() != digest:
                raise ValueError("its checksum does not match")
            found.append(read_settled(body))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            _log.warning("%s:%d is damaged and left out: %s", path, number, error)
    return found


def settled_text(settled: Settled) -> str:
    """Write a settled attempt as JSON; ``read_settled`` gives back an equal one.

    Raises:
        CacheError: If its parameters or its provenance are no JSON.
    """
    attempt, use = settled.attempt, settled.use
    document = {
        "attempt": _attempt(attempt),
        "outcome": _outcome(settled.outcome),
        "source": settled.source.value,
        "told": settled.told,
        "record": None if settled.record is None else _record(settled.record),
        "claim": None if settled.claim is None else [settled.claim.run_key, settled.claim.fence],
        "use": None
        if use is None
        else [use.record_uid.hex, use.kind.value, use.steps_used, use.avoided_j, use.comparable],
    }
    return json_text(document, f"trial {attempt.id.number}")


def read_settled(text: str) -> Settled:
    """Read what ``settled_text`` wrote.

    Raises:
        ValueError: And other errors of reading, if it is something else.
    """
    found = json.loads(text)
    claim, use = found["claim"], found["use"]
    return Settled(
        attempt=_read_attempt(found["attempt"]),
        outcome=_read_outcome(found["outcome"]),
        source=Source(found["source"]),
        told=found["told"],
        record=None if found["record"] is None else _read_record(found["record"]),
        claim=None if claim is None else Claim(*claim),
        use=None if use is None else Use(UUID(use[0]), Source(use[1]), *use[2:]),
    )


def _attempt(attempt: Attempt) -> dict[str, Any]:
    key, name = attempt.key, attempt.id
    return {
        "id": [name.number, name.replicate, name.attempt],
        "params": dict(attempt.params),
        "seed": attempt.seed,
        "key": None
        if key is None
        else [key.config_key, key.run_key, key.seed, [list(part) for part in key.sections]],
        "uncached": clean(attempt.uncached),
        "asked": attempt.asked,
        "parked": attempt.parked,
    }


def _read_attempt(found: Mapping[str, Any]) -> Attempt:
    key = found["key"]
    return Attempt(
        id=AttemptId(*found["id"]),
        params=found["params"],
        seed=found["seed"],
        key=None
        if key is None
        else Key(key[0], key[1], key[2], tuple((name, text) for name, text in key[3])),
        uncached=found["uncached"],
        asked=found["asked"],
        parked=found["parked"],
    )


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "state": outcome.state.value,
        "curve": curve_text(outcome.curve),
        "final": final_text(outcome.final),
        "energy": energy_text(outcome.energy),
        "elapsed_s": outcome.elapsed_s,
        "cause": None if outcome.cause is None else cause_text(str(outcome.cause)),
        "node": clean(outcome.node),
        "gpus": list(outcome.gpus),
        "decisions": decisions_text(outcome.decisions),
    }


def _read_outcome(found: Mapping[str, Any]) -> Outcome:
    return Outcome(
        state=TrialState(found["state"]),
        curve=read_curve(found["curve"]),
        final=read_final(found["final"]),
        energy=read_energy(found["energy"]),
        elapsed_s=found["elapsed_s"],
        cause=None if found["cause"] is None else Cause.parse(found["cause"]),
        node=found["node"],
        gpus=tuple(found["gpus"]),
        decisions=read_decisions(found["decisions"]),
    )


def _record(record: Record) -> dict[str, Any]:
    return {
        "uid": record.uid.hex,
        "run_key": record.run_key,
        "config_key": record.config_key,
        "seed": record.seed,
        "status": record.status.value,
        "curve": curve_text(record.curve),
        "final": final_text(record.final),
        "energy": energy_text(record.energy),
        "elapsed_s": record.elapsed_s,
        "hw": dict(record.hw),
        "tainted": clean(record.tainted),
        "cause": cause_text(record.cause),
        "host": clean(record.host),
        "prov": dict(record.prov),
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "fence": record.fence,
    }


def _read_record(found: Mapping[str, Any]) -> Record:
    plain = {
        **found,
        "uid": UUID(found["uid"]),
        "status": RecordStatus(found["status"]),
        "curve": read_curve(found["curve"]),
        "final": read_final(found["final"]),
        "energy": read_energy(found["energy"]),
    }
    return Record(**plain)
