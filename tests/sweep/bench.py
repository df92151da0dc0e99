"""A bench for the loop: a scripted study and pool on a store in memory, all real otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from sweeper.model import (
    GO_ON,
    CauseKind,
    Direction,
    Ended,
    Event,
    Factors,
    Goals,
    Key,
    Metric,
    Order,
    Params,
    SweepHistory,
    SweepIdentity,
    TrialRow,
    Uncacheable,
    Verdict,
)
from sweeper.seams import Cache, Ledger, Pool, Study
from sweeper.store.key import SECTION_NAMES, derive, fallback_seed
from sweeper.sweep.budget import Limits
from sweeper.sweep.crew import Crew, Plan
from sweeper.sweep.loop import SweepResult, run_sweep
from sweeper.sweep.retrying import Retries, retries_by_class
from sweeper.sweep.stop import StopLadder, Urgency
from sweeper.testing.list_observer import ListObserver
from sweeper.testing.memory_store import MemoryStore
from sweeper.testing.scripted_pool import ScriptedPool
from sweeper.testing.scripted_study import ScriptedStudy

__all__ = ["Bench", "ComparingStudy", "descending", "key_of", "points"]

LOSS = Metric("loss", Direction.MINIMIZE)
FACTORS = Factors(400.0, "test")


def points(count: int) -> list[Params]:
    """Return so many different points."""
    return [{"x": number} for number in range(count)]


def descending(order: Order) -> list[tuple[int, Mapping[str, float]]]:
    """Train four steps; the loss starts at x and gets smaller."""
    return [(step, {"loss": order.params["x"] + 1 / step}) for step in range(1, 5)]


def key_of(params: Params, replicate: int = 0) -> Key | Uncacheable:
    """Make a real key in which only the params and the replicate matter."""
    documents: dict[str, object] = {name: {"policy": "absent"} for name in SECTION_NAMES}
    documents["params"] = {"policy": "all", "values": dict(params), "ignored": []}
    return derive(documents, seed=None, replicate=replicate)


class ComparingStudy(ScriptedStudy):
    """A scripted study that also compares without pruning where it is told to.

    Args:
        proposals: As for the scripted one.
        prune_at: As for the scripted one.
        compare_at: ``(number, step)`` at which a trial is held against a threshold and goes on.
    """

    def __init__(
        self,
        proposals: Sequence[Params],
        *,
        prune_at: Collection[tuple[int, int]] = (),
        compare_at: Collection[tuple[int, int]] = (),
    ) -> None:
        super().__init__(proposals, prune_at=prune_at)
        self._compare_at = frozenset(compare_at)

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Prune or compare where the script says so."""
        verdict = super().judge(number, step, value)
        if verdict != GO_ON or (number, step) not in self._compare_at:
            return verdict
        return Verdict(prune=False, rule="script", rung=step, value=value, threshold=value + 1)


@dataclass
class Bench:
    """One store; each ``run`` is one driver on it.

    Attributes:
        folder: For the trials' files.
        store: Shared by all runs.
        observer: Of the last run.
        pool: Of the last run.
        uid: Of the last run.
        now_s: The store's clock.
    """

    folder: Path
    store: MemoryStore = field(init=False)
    observer: ListObserver = field(default_factory=ListObserver)
    pool: Pool | None = None
    uid: UUID | None = None
    who: str = "ann"
    now_s: float = 1e9

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.now_s)

    def run(
        self,
        study: Study | Sequence[Params],
        pool: Pool | Callable[[Order], object] = descending,
        *,
        workers: int = 1,
        limits: Limits | None = None,
        metric: Metric = LOSS,
        goals: Goals | None = None,
        factors: Factors = FACTORS,
        replicates: int = 1,
        max_steps: int | None = None,
        retries: int | Mapping[CauseKind, int] = 0,
        backoff_s: float = 0.0,
        stall_s: float | None = None,
        same_failures: int | None = 10,
        timeout_s: float | None = None,
        trial_energy_j: float | None = None,
        fresh: bool = False,
        digest: str = "d" * 64,
        key: Callable[[Params, int], Key | Uncacheable] = key_of,
        tainted: Callable[[Ended], str | None] = lambda ended: None,
        urgency: Urgency = Urgency.NONE,
        ladder: StopLadder | None = None,
        wrap_ledger: Callable[[Ledger], Ledger] = lambda ledger: ledger,
        wrap_cache: Callable[[Cache], Cache] = lambda cache: cache,
    ) -> SweepResult:
        """Run a sweep named ``bench`` and return how it ended."""
        holder = uuid4()
        ledger: Ledger = wrap_ledger(self.store.ledger(holder=holder, who=self.who))
        begun = ledger.begin(SweepIdentity("bench", "{}", digest), fresh=fresh)
        self.uid = begun.uid
        self.observer = ListObserver()
        if callable(pool):
            pool = ScriptedPool(pool, workers=workers)  # type: ignore[arg-type] # a script
        self.pool = pool
        if ladder is None:
            ladder = StopLadder(lambda text: None)
            ladder.urgency = urgency
        crew = Crew(
            study=ScriptedStudy(study) if isinstance(study, Sequence) else study,
            pool=pool,
            cache=wrap_cache(self.store.cache(begun.uid, holder=holder, who=self.who)),
            ledger=ledger,
            observers=[self.observer],
            ladder=ladder,
            key=key,
            fallback_seed=lambda number, replicate: fallback_seed(0, number, replicate),
            tainted=tainted,
        )
        by_class = retries_by_class(retries) if isinstance(retries, int) else retries
        plan = Plan(
            goals=goals or Goals.of(metric),
            max_steps=max_steps,
            limits=limits or Limits(),
            factors=factors,
            retries=Retries(by_class, backoff_s),
            stall_s=stall_s,
            same_failures=same_failures,
            timeout_s=timeout_s,
            trial_energy_j=trial_energy_j,
            trial_folder=self._folder,
            share=True,
            replicates=replicates,
            poll_s=(0.0, 0.0),
        )
        return run_sweep(crew, plan, "bench", begun)

    def _folder(self, handle: str, number: int, attempt: int, replicate: int) -> str:
        return str(self.folder / f"{number}-r{replicate}.{attempt}")

    @property
    def rows(self) -> dict[tuple[int, int, int], TrialRow]:
        """Return the attempts of the last run's sweep by number, replicate and attempt."""
        names = [(row.id, row) for row in self.history.attempts]
        return {(name.number, name.replicate, name.attempt): row for name, row in names}

    @property
    def history(self) -> SweepHistory:
        """Read the last run's sweep."""
        assert self.uid is not None
        return self.store.ledger(holder=uuid4(), who=self.who).load(self.uid)

    @property
    def events(self) -> list[Event]:
        """Return what the observers of the last run saw."""
        return list(self.observer.events)

    @property
    def trained(self) -> int:
        """Count the attempts that the last run handed to workers."""
        assert isinstance(self.pool, ScriptedPool)
        return len(self.pool.started)
