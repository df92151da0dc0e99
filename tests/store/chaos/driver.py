"""One driver: a sweep on the real seams, whose trainings are sleeps.

Whatever it is told by the store goes into its journal before it acts on it. It repeats calls whose
reply it pretends to have lost, and now and then dies between a commit and the note about it.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from sweeper.errors import CacheError, Deposed, SweepBusy
from sweeper.model import (
    Attempt,
    AttemptId,
    Begun,
    Busy,
    Cause,
    CauseKind,
    Claim,
    Energy,
    Hit,
    Key,
    Mine,
    Outcome,
    Point,
    Progress,
    Record,
    RecordStatus,
    Settled,
    Source,
    SweepIdentity,
    SweepState,
    TrialState,
    Uncacheable,
    Use,
)
from sweeper.store.engine import Store, open_store
from sweeper.store.key import SECTION_NAMES, derive
from sweeper.store.process import proc_id
from sweeper.store.sql_cache import SqlCache
from sweeper.store.sql_ledger import SqlLedger
from tests.store.chaos.journal import Journal

__all__ = ["TTL_S", "Driver", "Plan", "key_of"]

_T = TypeVar("_T")

TTL_S = 0.5
STEPS = 6
WORKERS = 2
_STEP_S = 0.012
_GENERATION_S = 8.0  # a sweep lasts so long; its rows are read whole when it goes on
_NEW_KEYS_PER_S = 10
_HOT = 10
_EAGER = 5  # times as often a grant comes late
_PATIENCE_S = 20.0  # for a store that does not answer


@dataclass(frozen=True)
class Plan:
    """What all drivers of a round share.

    Attributes:
        url: Of the store.
        folder: Of the journals.
        name: The round's; enters every key, so that rounds may share a store.
        began_at: By the monotonic clock.
        lies: Share of commits whose reply is treated as lost.
        suicides: Share of commits after which the driver kills itself before noting them.
        hesitant: Share of transactions that begin late.
    """

    url: str
    folder: Path
    name: str
    began_at: float
    lies: float = 0.12
    suicides: float = 0.015
    hesitant: float = 0.06


@dataclass
class Job:
    """A trial in this driver's hands."""

    attempt: Attempt
    claim: Claim | None = None
    steps: int = 0
    goal: str = "complete"
    beyond: int = -1
    poll_at: float = 0.0
    began_at: float = field(default_factory=time.time)

    @property
    def id(self) -> AttemptId:
        """Return the attempt's name."""
        return self.attempt.id

    @property
    def joules(self) -> float:
        """Return what was spent so far: a joule a step."""
        return float(self.steps)


def key_of(name: str, x: int) -> Key:
    """Make the key of one point of a round."""
    documents: dict[str, object] = {section: {"policy": "chaos"} for section in SECTION_NAMES}
    key = derive({**documents, "params": {"values": {"x": x}, "round": name}}, seed=7)
    assert not isinstance(key, Uncacheable)
    return key


class Driver:
    """Runs sweeps of one slot until it is told to end, deposed or killed."""

    def __init__(self, plan: Plan, slot: int, seed: int) -> None:
        self._plan = plan
        self._slot = slot
        self._random = random.Random(seed)
        self._holder = uuid4()
        self._journal = Journal(plan.folder, self._holder)
        self._ending = self._acquiring = False
        signal.signal(signal.SIGTERM, self._end)

    def run(self) -> None:
        """Run one sweep after the other."""
        store = self._patiently(lambda: open_store(self._plan.url, env={}, busy_timeout_s=30.0))
        self._store = self._hesitating(store)
        try:
            while not self._ending:
                self._one_sweep()
        except Deposed:
            self._journal.note("deposed", call=self._call)
        finally:
            store.close()
        self._journal.note("done")

    def _hesitating(self, store: Store) -> Store:
        """Let writers wait before their turn, now and then longer than a training takes.

        What they read before their transaction is old by then; most of all a look for an answer.
        """
        honest, choose, share = store.write, self._random, self._plan.hesitant

        @contextmanager
        def write() -> Iterator[Connection]:
            if choose.random() < share * (_EAGER if self._acquiring else 1):
                time.sleep(choose.uniform(0.2, 0.9) * TTL_S)
            with honest() as connection:
                yield connection

        store.write = write  # type: ignore[method-assign]
        return store

    def _end(self, *_: object) -> None:
        self._ending = True

    def _one_sweep(self) -> None:
        """Begin or continue the sweep of now, and finish it when its time is over."""
        generation = self._generation()
        holder, host = self._holder, socket.gethostname()
        self._ledger = SqlLedger(
            self._store,
            holder=holder,
            who="chaos",
            host=host,
            pid=os.getpid(),
            proc_id=proc_id(),
            ttl_s=TTL_S,
        )
        name = f"{self._plan.name}-{self._slot}-{generation}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        self._journal.note("beginning", name=name)
        try:
            begun = self._told(lambda: self._ledger.begin(SweepIdentity(name, "{}", digest)))
        except SweepBusy:
            time.sleep(TTL_S / 5)
            return
        self._journal.note(
            "begun", call=self._call, name=name, sweep=begun.uid.hex, resumed=begun.resumed
        )
        self._sweep = begun.uid
        self._cache = SqlCache(
            self._store, sweep=begun.uid, holder=holder, who="chaos", host=host, ttl_s=TTL_S
        )
        self._take_up(begun)
        while not self._ending and self._generation() == generation:
            self._turn()
        self._finish()

    def _generation(self) -> int:
        return int((time.monotonic() - self._plan.began_at) / _GENERATION_S)

    def _take_up(self, begun: Begun) -> None:
        """Continue where the rows end."""
        self._running: dict[AttemptId, Job] = {}
        self._parked: list[Job] = []
        told = {row.id.number for row in begun.own if row.told is not None}
        last: dict[int, Any] = {}
        for row in begun.own:
            if row.id.number not in last or row.id.attempt > last[row.id.number].id.attempt:
                last[row.id.number] = row
        self._clock = max((max(row.asked, row.told or 0) for row in begun.own), default=0)
        self._next = max(last, default=-1) + 1
        self._again = [
            (number, row.id.attempt + 1, int(row.params["x"]), row.asked)
            for number, row in sorted(last.items())
            if number not in told
        ]
        self._renewed_at = time.monotonic()

    def _turn(self) -> None:
        """Do what is due, then let time pass."""
        if time.monotonic() - self._renewed_at > TTL_S / 6:
            self._heartbeat()
        for job in [job for job in self._parked if job.poll_at < time.monotonic()]:
            if len(self._running) < WORKERS:
                self._parked.remove(job)
                self._place(job)
        if len(self._running) < WORKERS and len(self._parked) < 2 * WORKERS:
            self._place(self._ask())
        time.sleep(self._random.uniform(0.5, 1.5) * _STEP_S)
        for job in list(self._running.values()):
            self._step(job)

    def _ask(self) -> Job:
        """Take up an untold trial, else ask for a new one among the hot keys."""
        if self._again:
            number, attempt, x, asked = self._again.pop(0)
            return self._job(number, attempt, x, asked)
        hot = int((time.monotonic() - self._plan.began_at) * _NEW_KEYS_PER_S)
        self._clock += 1
        self._next += 1
        return self._job(self._next - 1, 0, hot + self._random.randrange(_HOT), self._clock)

    def _job(self, number: int, attempt: int, x: int, asked: int) -> Job:
        key = key_of(self._plan.name, x)
        id_ = AttemptId(number, 0, attempt)
        goal = self._random.choices(["complete", "pruned", "transient"], [80, 12, 8])[0]
        return Job(Attempt(id_, {"x": x}, key.seed, key, None, asked), goal=goal)

    def _place(self, job: Job) -> None:
        """Look the trial up, acquire it, train it or park it."""
        key = _key(job)
        hit = self._told(lambda: self._cache.lookup([key])).get(key.run_key)
        answer: Hit | Busy | Mine
        if hit is not None and _serves(hit, job.beyond):
            answer = hit
        else:
            answer = self._told(lambda: self._granted(key, job))
        if isinstance(answer, Mine):
            self._note_start("grant", job)
            job.claim = answer.claim
            self._running[job.id] = job
        elif isinstance(answer, Busy):
            self._park(job)
        elif answer.record.status is RecordStatus.COMPLETE or self._random.random() < 0.5:
            self._use(job, answer)
        else:  # too short for this study
            job.beyond = answer.record.steps_done
            self._park(job)

    def _granted(self, key: Key, job: Job) -> Hit | Busy | Mine:
        """Acquire; every grant is noted, also one whose reply counts as lost."""
        called_at = time.monotonic()
        self._acquiring = True
        try:
            answer = self._cache.acquire(key, job.attempt, beyond=job.beyond)
        finally:
            self._acquiring = False
        if isinstance(answer, Mine):
            assert answer.claim is not None
            self._journal.note(
                "granted",
                call=called_at,
                sweep=self._sweep.hex,
                key=key.run_key,
                fence=answer.claim.fence,
            )
        return answer

    def _park(self, job: Job) -> None:
        """Let a trial wait for somebody else's training."""
        parked = Attempt(
            job.id, job.attempt.params, job.attempt.seed, job.attempt.key, None, job.attempt.asked,
            parked=True,
        )  # fmt: skip
        self._told(lambda: self._ledger.start(parked))
        self._note_start("parked", job)
        job.poll_at = time.monotonic() + self._random.uniform(0.02, 0.15)
        self._parked.append(job)

    def _note_start(self, event: str, job: Job) -> None:
        self._journal.note(event, sweep=self._sweep.hex, **_names(job), x=job.attempt.params["x"])

    def _heartbeat(self) -> None:
        """Renew the claims and book the joules."""
        self._renewed_at = time.monotonic()
        progress = {job.id: self._progress(job) for job in self._running.values()}
        held = {job.claim: progress[id_] for id_, job in self._running.items() if job.claim}
        lost = self._told(lambda: self._cache.renew(held))
        kept = [claim.fence for claim in held if claim not in lost]
        self._journal.note("renewed", call=self._call, kept=kept,
                           lost=[claim.fence for claim in lost])  # fmt: skip
        self._told(lambda: self._ledger.flush(progress, elapsed_s=1.0, overhead=_joules(0.0)))
        self._journal.note("flushed", call=self._call, sweep=self._sweep.hex)
        for job in [job for job in self._running.values() if job.claim in lost]:
            self._lose(job)

    def _progress(self, job: Job) -> Progress:
        return Progress(job.steps, STEPS, job.joules, job.steps * _STEP_S)

    def _step(self, job: Job) -> None:
        """Train one step, and end where the trial ends."""
        job.steps += 1
        self._journal.note("spent", sweep=self._sweep.hex, **_names(job), joules=job.joules)
        if job.steps >= STEPS:
            self._train_to_the_end(job)
        elif job.steps == STEPS // 2 and job.goal == "pruned":
            self._settle(job, TrialState.PRUNED, RecordStatus.PRUNED)
        elif job.steps == STEPS // 2 and job.goal == "transient":
            self._fail(job)

    def _train_to_the_end(self, job: Job) -> None:
        self._settle(job, TrialState.COMPLETE, RecordStatus.COMPLETE)

    def _fail(self, job: Job) -> None:
        """Give a training up as a lost worker's, half of the time with a release before."""
        held = job.claim
        if held is not None and self._random.random() < 0.5:
            self._journal.note("giving", fence=held.fence)
            self._told(lambda: self._cache.release(held))
        self._settle(job, TrialState.FAILED, None)
        self._again.append(_next_attempt(job))

    def _lose(self, job: Job) -> None:
        """Deliver the prefix of a training whose claim is another's by now."""
        self._settle(job, TrialState.LOST, RecordStatus.PRUNED)
        self._again.append(_next_attempt(job))

    def _settle(self, job: Job, state: TrialState, status: RecordStatus | None) -> None:
        """Settle a trained trial; only complete and pruned ones are told."""
        self._running.pop(job.id, None)
        record = None if status is None else self._record(job, status)
        outcome = Outcome(state, _curve(job.steps), (1.0,) if state is TrialState.COMPLETE else (),
                          _joules(job.joules), job.steps * _STEP_S,
                          None if state.settled else Cause(CauseKind.WORKER, "lost"))  # fmt: skip
        told = None
        if state in (TrialState.COMPLETE, TrialState.PRUNED):
            self._clock += 1
            told = self._clock
        self._commit(Settled(job.attempt, outcome, Source.RUN, told, record, job.claim))

    def _use(self, job: Job, hit: Hit) -> None:
        """Settle a trial that the store answered."""
        record = hit.record
        state = TrialState.COMPLETE if record.status is RecordStatus.COMPLETE else TrialState.PRUNED
        outcome = Outcome(state, record.curve, (1.0,) if state is TrialState.COMPLETE else (),
                          record.energy, record.elapsed_s)  # fmt: skip
        avoided_j = record.curve[-1].energy_j if record.curve else None
        use = Use(record.uid, Source.CACHE, record.steps_done, avoided_j, comparable=True)
        self._clock += 1
        self._commit(Settled(job.attempt, outcome, Source.CACHE, self._clock, use=use))

    def _commit(self, settled: Settled) -> None:
        """Settle, and note that the store took it."""
        id_, key, record = settled.attempt.id, settled.attempt.key, settled.record
        said = {
            "sweep": self._sweep.hex,
            "number": id_.number,
            "attempt": id_.attempt,
            "told": settled.told,
            "state": settled.outcome.state.value,
            "steps": settled.outcome.steps,
            "key": key.run_key if key else None,
            "fence": settled.claim.fence if settled.claim else None,
            "record": record.uid.hex if record else None,
            "x": settled.attempt.params["x"],
        }
        self._journal.note("settling", **said)
        try:
            self._told(lambda: self._ledger.settle(settled))
        except Deposed:
            self._journal.note("delivered", record=said["record"])
            raise
        self._journal.note("settled", call=self._call, **said)

    def _record(self, job: Job, status: RecordStatus) -> Record:
        key, id_ = _key(job), job.id
        return Record(
            uid=uuid4(),
            run_key=key.run_key,
            config_key=key.config_key,
            seed=key.seed,
            status=status,
            curve=_curve(job.steps),
            final=(1.0,) if status is RecordStatus.COMPLETE else (),
            energy=_joules(job.joules),
            elapsed_s=job.steps * _STEP_S,
            hw={},
            tainted=None,
            cause=None,
            host="chaos",
            prov={"training": f"{self._sweep.hex}/{id_.number}/{id_.attempt}"},
            started_at=job.began_at,
            ended_at=time.time(),
            fence=job.claim.fence if job.claim else None,
        )

    def _finish(self) -> None:
        """End the sweep as Ctrl-C does: prefixes are kept, nothing of them is told."""
        for job in list(self._running.values()):
            self._settle(job, TrialState.LOST, RecordStatus.PRUNED)
        self._told(
            lambda: self._ledger.finish(
                SweepState.STOPPED, "chaos", elapsed_s=1.0, overhead=_joules(0.0)
            )
        )
        self._journal.note("finished", sweep=self._sweep.hex)

    def _told(self, call: Callable[[], _T]) -> _T:
        """Make a call, again where its reply counts as lost; now and then die right after it."""
        answer = self._patiently(call)
        if self._random.random() < self._plan.suicides:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._random.random() < self._plan.lies:
            self._journal.note("lied")
            answer = self._patiently(call)
        return answer

    def _patiently(self, call: Callable[[], _T]) -> _T:
        """Make a call until the store answers; ``_call`` is when the last try began."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            self._call = time.monotonic()
            try:
                return call()
            except (Deposed, SweepBusy):
                raise
            except CacheError as error:
                if time.monotonic() > deadline:
                    self._journal.note("gave_up", why=str(error))
                    raise
                self._journal.note("refused", why=str(error)[:300])
                time.sleep(self._random.uniform(0.02, 0.1))


def _key(job: Job) -> Key:
    assert job.attempt.key is not None
    return job.attempt.key


def _names(job: Job) -> dict[str, int]:
    return {"number": job.id.number, "attempt": job.id.attempt}


def _next_attempt(job: Job) -> tuple[int, int, int, int]:
    return job.id.number, job.id.attempt + 1, int(job.attempt.params["x"]), job.attempt.asked


def _serves(hit: Hit, beyond: int) -> bool:
    return hit.record.status is RecordStatus.COMPLETE or hit.record.steps_done > beyond


def _joules(total_j: float) -> Energy:
    return Energy(total_j=total_j, source="declared", scope="cpu", lo_j=total_j, hi_j=total_j)


def _curve(steps: int) -> tuple[Point, ...]:
    return tuple(Point(s, (1.0 / s,), float(s), s * _STEP_S) for s in range(1, steps + 1))
