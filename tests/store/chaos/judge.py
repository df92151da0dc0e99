"""What the drivers noted against what the store says. Every finding is a broken promise.

Where two orders of events are possible the judge believes the store: it reports only what no order
explains.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from sweeper.store.collect import collect
from sweeper.store.engine import Store, open_store
from sweeper.store.rows import doc_sha
from sweeper.store.schema import claim, record, sweep, trial, use
from tests.store.chaos.driver import TTL_S, Plan
from tests.store.chaos.journal import read_journals

__all__ = ["Case", "judge", "load"]

_MARGIN_S = 0.02  # the clock of SQLite counts milliseconds
Notes = list[dict[str, Any]]


@dataclass
class Case:
    """All that is known of a round.

    Attributes:
        by: Notes by event, in order of time.
        trials: Rows of the round's sweeps.
        records: Rows that they made, by uid.
        uses: Rows of the round's sweeps.
        left: Claims on the round's keys once all leases are over and were reaped.
        kept: Claims that drivers which ended well have left.
    """

    by: dict[str, Notes]
    trials: list[Row[Any]]
    records: dict[str, Row[Any]]
    uses: list[Row[Any]]
    left: int = 0
    kept: int = 0
    rows: dict[tuple[str, int, int], Row[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = {(row.sweep_uid.hex, row.number, row.attempt): row for row in self.trials}

    def row(self, note: dict[str, Any]) -> Row[Any] | None:
        """Return the attempt that a note is about."""
        return self.rows.get((note["sweep"], note["number"], note["attempt"]))


def judge(case: Case) -> list[str]:
    """Return every violation, each in a line that begins with its kind."""
    return [f"{kind}: {found}" for kind, rule in RULES for found in rule(case)]


def load(plan: Plan, folder: Path) -> Case:
    """Read the journals and the store, and let the last leases run out."""
    by: dict[str, Notes] = defaultdict(list)
    for note in sorted(read_journals(folder), key=lambda note: note["at"]):
        by[note["event"]].append(note)
    store = open_store(plan.url, env={})
    ended = [UUID(note["holder"]) for note in by["done"]]
    with store.read() as connection:
        held = connection.execute(select(claim.c.holder)).scalars().all()
    kept = sum(holder in ended for holder in held)
    time.sleep(TTL_S + 0.1)
    collect(store, dry_run=False)
    uids = _sweeps(store, plan.name)
    with store.read() as connection:
        rows = [
            row for uid in uids
            for row in connection.execute(select(trial).where(trial.c.sweep_uid == uid)).all()
        ]  # fmt: skip
        uses = [
            row for uid in uids
            for row in connection.execute(select(use).where(use.c.sweep_uid == uid)).all()
        ]  # fmt: skip
        found = connection.execute(select(record)).all()
        left = len(connection.execute(select(claim.c.fence)).all())
    mine = {uid.hex for uid in uids}
    records = {
        row.uid.hex: row for row in found
        if str(json.loads(row.prov).get("training", "")).partition("/")[0] in mine
    }  # fmt: skip
    store.close()
    return Case(by, rows, records, uses, left=left, kept=kept)


def _sweeps(store: Store, name: str) -> list[UUID]:
    with store.read() as connection:
        prefixed = sweep.c.name.startswith(f"{name}-", autoescape=True)
        return list(connection.execute(select(sweep.c.uid).where(prefixed)).scalars())


def _lost_tells(case: Case) -> Iterator[str]:
    """An acknowledged settlement is in the store as it was acknowledged."""
    for note in case.by["settled"]:
        row = case.row(note)
        same = row is not None and (row.told, row.state, row.steps) == (
            note["told"], note["state"], note["steps"],
        )  # fmt: skip
        if not same:
            yield f"{note} is {row}"


def _lost_records(case: Case) -> Iterator[str]:
    """An acknowledged record is there, and is what was written."""
    for note in itertools.chain(case.by["settled"], case.by["delivered"]):
        row = case.records.get(note["record"] or "")
        if note["record"] and (row is None or doc_sha(row._asdict()) != row.doc_sha):
            yield str(note)


def _lost_starts(case: Case) -> Iterator[str]:
    """An attempt that was acknowledged has its row, with its parameters."""
    for note in itertools.chain(case.by["grant"], case.by["parked"], case.by["settled"]):
        row = case.row(note)
        if row is None:
            yield str(note)
        elif json.loads(row.params) != {"x": note["x"]}:
            yield f"{note} has {row.params}"


def _changed_params(case: Case) -> Iterator[str]:
    """All attempts of a trial have the same parameters."""
    params = defaultdict(set)
    for row in case.trials:
        params[row.sweep_uid, row.number].add(row.params)
    yield from (f"{trial} {seen}" for trial, seen in params.items() if len(seen) > 1)


def _told_twice(case: Case) -> Iterator[str]:
    """A number is told once, by one attempt, and each position is used once."""
    told = [row for row in case.trials if row.told is not None]
    yield from _repeated((row.sweep_uid, row.number) for row in told)
    yield from _repeated((row.sweep_uid, row.told) for row in told)
    said = {(n["sweep"], n["number"], n["attempt"]) for n in case.by["settled"] if n["told"]}
    yield from _repeated((sweep_uid, number) for sweep_uid, number, _ in said)


def _skipped(case: Case) -> Iterator[str]:
    """The numbers of a sweep have no gaps, nor have the attempts of a number."""
    seen: dict[Any, set[int]] = defaultdict(set)
    for row in case.trials:
        seen[row.sweep_uid].add(row.number)
        seen[row.sweep_uid, row.number].add(row.attempt)
    yield from (f"{of} {got}" for of, got in seen.items() if got != set(range(len(got))))


def _twice_stored(case: Case) -> Iterator[str]:
    """A training has one record, and so has a lease."""
    yield from _repeated(json.loads(row.prov)["training"] for row in case.records.values())
    yield from _repeated(row.fence for row in case.records.values() if row.fence is not None)


def _answered_trained(case: Case) -> Iterator[str]:
    """Nobody is granted a key that has a complete record."""
    settling = {note["fence"]: note["at"] for note in reversed(case.by["settling"])}
    settled: dict[str, float] = {}
    for note in case.by["settled"]:
        if note["record"] and note["state"] == "complete":
            settled.setdefault(note["key"], note["at"])
    freed = {
        row.run_key: row.fence for row in case.records.values()
        if row.status == "complete" and not row.late and row.fence in settling
    }  # fmt: skip
    for note in case.by["granted"]:
        key, fence = note["key"], freed.get(note["key"])
        # Claims of a key have ascending fences: what came later came after the record.
        later = fence is not None and fence < note["fence"] and settling[fence] < note["at"]
        if later or note["call"] > settled.get(key, note["call"]):
            yield str(note)


def _stolen_leases(case: Case) -> Iterator[str]:
    """Nobody is granted a key while somebody else's lease on it certainly lives."""
    leases = _Leases(case)
    by_key = defaultdict(list)
    for note in case.by["granted"]:
        by_key[note["key"]].append(note)
    for grants in by_key.values():
        for held, other in itertools.permutations(grants, 2):
            if held["holder"] == other["holder"] or other["call"] < held["at"]:
                continue
            stolen = other["at"] < leases.until(held, other["call"]) - _MARGIN_S
            if stolen and not leases.over(held, other["at"]):
                yield f"{other} although {held}"


def _vanished_leases(case: Case) -> Iterator[str]:
    """A lease that is renewed in time is not lost."""
    leases = _Leases(case)
    for note in case.by["renewed"]:
        for fence in note["lost"]:
            held = leases.granted.get(fence)
            if held is None or leases.over(held, note["at"]):
                continue
            if note["at"] < leases.until(held, note["call"]) - _MARGIN_S:
                yield f"{note} of {held}"


def _zombies(case: Case) -> Iterator[str]:
    """A record is in time only if its lease was still there."""
    granted = defaultdict(list)
    for note in case.by["granted"]:
        granted[note["key"]].append(note)
    settling = {note["record"]: note["at"] for note in reversed(case.by["settling"])}
    for uid, row in case.records.items():
        if row.late or row.fence is None or uid not in settling:
            continue
        for note in granted[row.run_key]:
            if note["fence"] > row.fence and note["at"] < settling[uid]:
                yield f"{row.uid} under {row.fence}, when {note} had it"


def _deposed_deciding(case: Case) -> Iterator[str]:
    """Once a sweep is another driver's, nothing of the old one is accepted as a decision."""
    begun = defaultdict(list)
    for note in case.by["begun"]:
        begun[note["sweep"]].append(note)
    for note in itertools.chain(case.by["settled"], case.by["flushed"], case.by["granted"]):
        begins = begun[note["sweep"]]
        mine = max((b["at"] for b in begins if b["holder"] == note["holder"]), default=0.0)
        for other in begins:
            later = other["holder"] != note["holder"] and mine < other["call"]
            if later and other["at"] < note["call"]:
                yield f"{note} after {other}"


def _over_booked(case: Case) -> Iterator[str]:
    """No attempt is booked more than it had spent, no hit more than its record, once."""
    spent: dict[tuple[str, int, int], float] = defaultdict(float)
    for note in case.by["spent"]:
        of = note["sweep"], note["number"], note["attempt"]
        spent[of] = max(spent[of], note["joules"])
    for of, row in case.rows.items():
        if row.source == "run" and (row.energy_j or 0.0) > spent[of]:
            yield f"{row} spent {spent[of]}"
    for row in case.uses:
        answer = case.records.get(row.record_uid.hex)
        if answer is None or (row.avoided_j or 0.0) > answer.energy_j:
            yield f"{row} of {answer}"


def _left_claims(case: Case) -> Iterator[str]:
    """Who ends well leaves no claim, and who does not leaves none past its expiry."""
    if case.left or case.kept:
        yield f"{case.left} after reaping, {case.kept} by drivers that ended well"


def _broken_drivers(case: Case) -> Iterator[str]:
    """No driver raised what it must not, or waited in vain."""
    for note in itertools.chain(case.by["crash"], case.by["gave_up"]):
        yield str(note["why"])


class _Leases:
    """Until when a lease is certainly alive."""

    def __init__(self, case: Case) -> None:
        self.granted = {note["fence"]: note for note in case.by["granted"]}
        self._renewed = defaultdict(list)
        for note in case.by["renewed"]:
            for fence in note["kept"]:
                self._renewed[fence].append(note)
        self._given = {note["fence"]: note["at"] for note in reversed(case.by["giving"])}
        for note in reversed(case.by["settling"]):
            if note["fence"] is not None:
                at = self._given.get(note["fence"], note["at"])
                self._given[note["fence"]] = min(note["at"], at)
        self._again = defaultdict(list)
        for note in case.by["granted"]:
            self._again[note["holder"], note["key"]].append(note)
        self._names = {note["sweep"]: note["name"] for note in case.by["begun"]}
        self._beginning = defaultdict(list)
        for note in case.by["beginning"]:
            self._beginning[note["name"]].append(note)

    def until(self, held: dict[str, Any], seen: float) -> float:
        """Return until when it lives by what its holder had heard at ``seen``."""
        heard = [note["call"] for note in self._renewed[held["fence"]] if note["at"] <= seen]
        return float(max([held["call"], *heard])) + TTL_S

    def over(self, held: dict[str, Any], at: float) -> bool:
        """Tell whether its holder, or a successor in its sweep, may have ended it by ``at``."""
        if self._given.get(held["fence"], at + 1) <= at:
            return True
        again = self._again[held["holder"], held["key"]]
        if any(note["fence"] != held["fence"] and held["at"] < note["at"] for note in again):
            return True
        name = self._names.get(held["sweep"], "")
        return any(
            note["at"] <= at and note["holder"] != held["holder"]
            # An attempt to begin lasts until it succeeds or is refused: a moment.
            and note["at"] > held["at"] - 4 * TTL_S
            for note in self._beginning[name]
        )  # fmt: skip


def _repeated(items: Iterable[Any]) -> Iterator[str]:
    return (f"{item} {count} times" for item, count in Counter(items).items() if count > 1)


RULES: tuple[tuple[str, Callable[[Case], Iterator[str]]], ...] = (
    ("acknowledged tell lost", _lost_tells),
    ("acknowledged record lost", _lost_records),
    ("acknowledged start lost", _lost_starts),
    ("params changed", _changed_params),
    ("number told twice", _told_twice),
    ("number skipped", _skipped),
    ("record stored twice", _twice_stored),
    ("answered key trained", _answered_trained),
    ("live lease stolen", _stolen_leases),
    ("live lease lost", _vanished_leases),
    ("zombie accepted", _zombies),
    ("deposed driver deciding", _deposed_deciding),
    ("joules over-booked", _over_booked),
    ("claim left behind", _left_claims),
    ("driver broken", _broken_drivers),
)
