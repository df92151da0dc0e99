"""Starts drivers, kills them, stops them, restarts the server; then lets the judge look.

This process opens no store, so that a driver is one fork away. It has no threads.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.store.chaos.driver import TTL_S, Driver, Plan
from tests.store.chaos.journal import Journal
from tests.store.chaos.judge import judge, load

__all__ = ["Report", "Round"]

_END_S = 25.0  # for a driver that was asked to end


@dataclass
class Report:
    """What a round did and what was found.

    Attributes:
        counts: Kills, stops, leases ...
        violations: Broken promises; none is what everybody hopes for.
    """

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Take another round in."""
        self.counts.update(other.counts)
        self.violations += other.violations

    def __str__(self) -> str:
        said = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        kinds = Counter(line.partition(":")[0] for line in self.violations)
        found = ", ".join(f"{kind} {count}x" for kind, count in kinds.items())
        return f"{said}; {len(self.violations)} violations{': ' if found else ''}{found}"


@dataclass
class Round:
    """One round of chaos on one store.

    Attributes:
        url: Of the store.
        seconds: How long drivers are disturbed.
        drivers: How many at once.
        seed: Decides what happens to whom, not when.
        restart: Crashes and restarts the server; None: there is none, or it is left alone.
        kills_per_s: How often a driver is killed.
        hesitant: Share of transactions that begin late, after what they rest on has changed.
    """

    url: str
    seconds: float
    drivers: int = 7
    seed: int = 0
    restart: Callable[[], None] | None = None
    kills_per_s: float = 7.0
    hesitant: float = 0.06
    _alive: dict[int, int] = field(default_factory=dict)  # pid to slot
    _stopped: dict[int, float] = field(default_factory=dict)  # pid to when it goes on
    _counts: Counter[str] = field(default_factory=Counter)

    def run(self) -> Report:
        """Disturb the drivers, let the rest end well, and judge."""
        self._random = random.Random(self.seed)
        with tempfile.TemporaryDirectory(prefix="sweeper-chaos-") as folder:
            name = f"r{uuid4().hex[:8]}"
            self._plan = Plan(
                self.url, Path(folder), name, time.monotonic(), hesitant=self.hesitant
            )
            try:
                self._disturb()
                self._end()
            finally:
                for pid in list(self._alive):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
            report = self._judged()
        report.counts = self._counts + report.counts
        return report

    def _disturb(self) -> None:
        now = time.monotonic()
        until, kill_at, stop_at = now + self.seconds, now + 0.5, now + 0.8
        restart_at = now + self.seconds / 4
        while (now := time.monotonic()) < until:
            self._fill()
            if now > kill_at:
                kill_at = max(kill_at + 1 / self.kills_per_s, now - 1.0)
                self._kill()
            if now > stop_at:
                stop_at = now + self._random.uniform(0.4, 0.8)
                self._stop()
            if self.restart is not None and now > restart_at:
                restart_at = time.monotonic() + max(self.seconds / 4, 5.0)
                self.restart()
                self._counts["restarts"] += 1
            self._go_on(now)
            time.sleep(0.01)

    def _fill(self) -> None:
        """Bury the dead; give every slot a driver that is not stopped."""
        self._bury()
        busy = {slot for pid, slot in self._alive.items() if pid not in self._stopped}
        for slot in set(range(self.drivers)) - busy:
            self._spawn(slot)

    def _bury(self) -> None:
        for pid in list(self._alive):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._alive[pid]
                self._stopped.pop(pid, None)
                if os.WIFSIGNALED(status):
                    self._counts["kills"] += 1

    def _spawn(self, slot: int) -> None:
        seed = self._random.getrandbits(32)
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            self._alive[pid] = slot
            self._counts["drivers"] += 1
            return
        try:
            Driver(self._plan, slot, seed).run()
        except BaseException:
            Journal(self._plan.folder, uuid4()).note("crash", why=traceback.format_exc()[-2000:])
        finally:
            os._exit(0)

    def _kill(self) -> None:
        """Kill any driver, a stopped one too."""
        if self._alive:
            os.kill(self._random.choice(sorted(self._alive)), signal.SIGKILL)

    def _stop(self) -> None:
        """Stop a driver for longer than its leases live; its slot gets a successor."""
        awake = sorted(set(self._alive) - set(self._stopped))
        if awake and len(self._stopped) < max(1, self.drivers // 3):
            pid = self._random.choice(awake)
            os.kill(pid, signal.SIGSTOP)
            self._stopped[pid] = time.monotonic() + TTL_S * self._random.uniform(1.3, 3.0)
            self._counts["stops"] += 1

    def _go_on(self, now: float) -> None:
        for pid in [pid for pid, at in self._stopped.items() if at < now]:
            del self._stopped[pid]
            os.kill(pid, signal.SIGCONT)

    def _end(self) -> None:
        """Ask everybody to end, and wait."""
        self._go_on(float("inf"))
        self._bury()
        for pid in self._alive:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _END_S
        while self._alive and time.monotonic() < deadline:
            self._bury()
            time.sleep(0.01)
        if self._alive:
            Journal(self._plan.folder, uuid4()).note("crash", why="a driver did not end")

    def _judged(self) -> Report:
        """Judge in a process of its own, so that this one opens no store."""
        verdict = self._plan.folder / "verdict"
        pid = os.fork()
        if not pid:
            try:
                verdict.write_text(json.dumps(_judgement(self._plan)), encoding="utf-8")
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        counts, violations = json.loads(verdict.read_text(encoding="utf-8"))
        return Report(Counter(counts), violations)


def _judgement(plan: Plan) -> tuple[dict[str, int], list[str]]:
    """Return what happened, and what must not have."""
    case = load(plan, plan.folder)
    told = sum(row.told is not None for row in case.trials)
    counts = {
        "lost replies": len(case.by["lied"]),
        "leases": len(case.by["granted"]),
        "records": len(case.records),
        "tells": told,
        "hits": len(case.uses),
        "late records": sum(bool(row.late) for row in case.records.values()),
        "deposed": len(case.by["deposed"]),
        "refused calls": len(case.by["refused"]),
        "joules spent": round(len(case.by["spent"])),
        "joules booked": round(sum(r.energy_j or 0 for r in case.trials if r.source == "run")),
    }
    return counts, judge(case)
