"""Puts a sweep together: from a sweep file to something that runs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sweeper import __version__
from sweeper.compose.asking import build_question, fallback_seeds
from sweeper.compose.energy import check_gpus, loaded_factors, own_class
from sweeper.compose.grids import check_grid
from sweeper.compose.reading import SweepView, figures
from sweeper.compose.searching import build_study_of
from sweeper.compose.storing import (
    build_cache,
    build_ledger,
    build_outage,
    cache_mode,
    lease_ttl_s,
    open_store,
    sheltered,
    user_of,
)
from sweeper.compose.training import build_pool, cpus_each, trainee
from sweeper.config.load import LoadedSweep
from sweeper.config.models import SweepConfig
from sweeper.model import CauseKind, Factors, Notice, SweepIdentity
from sweeper.places import state_folder, trial_folder
from sweeper.seams import Observer
from sweeper.store.mode import CacheMode
from sweeper.sweep.budget import Limits
from sweeper.sweep.crew import Crew, Plan
from sweeper.sweep.loop import SweepResult, run_sweep
from sweeper.sweep.retrying import Retries, retries_by_class
from sweeper.sweep.stop import StopLadder
from sweeper.workers.lazy_pool import LazyPool
from sweeper.workers.objective import ObjectiveSource
from sweeper.workers.program import ProgramSource

if TYPE_CHECKING:
    from sweeper.store.engine import Store
    from sweeper.store.question import Question
    from sweeper.store.snapshot import Snapshot

__all__ = ["Composed", "RunOptions", "compose", "first_words", "set_threads"]

_THREADS = "OMP_NUM_THREADS"
_RETRIES = 2  # of the classes that a mapping does not name


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says beside the file.

    Attributes:
        fresh: Start another sweep even if this one is known.
        local: Train in this process, without Ray.
        store_url: Wins over the file and the environment.
        recache: Train although the store answers; what is found out is added to it.
        resume: Go on with this sweep although its code or file has changed: a handle or a uid.
        seeds: Of the replicates of every trial; empty: as the file says.
        retry: Run trials again that failed for such a cause; needs ``resume``.
    """

    fresh: bool = False
    local: bool = False
    store_url: str | None = None
    recache: bool = False
    resume: str | None = None
    seeds: tuple[int, ...] = ()
    retry: frozenset[CauseKind] = frozenset()

    def seed(self, replicate: int) -> int | None:
        """Return the seed that a replicate is to have; None: as the file says."""
        return self.seeds[replicate] if self.seeds else None


@dataclass(frozen=True, slots=True)
class Composed:
    """A sweep that is ready to run.

    Attributes:
        run: Runs it to its end.
        look: Reads it back with its figures; for the result, also after an error.
        close: Lets the store go.
    """

    run: Callable[[], SweepResult]
    look: Callable[[], SweepView]
    close: Callable[[], None]


def compose(
    loaded: LoadedSweep, options: RunOptions, observers: Sequence[Observer], ladder: StopLadder
) -> Composed:
    """Build everything that a sweep needs and open it in the ledger.

    Raises:
        ConfigError: For what can be known to be wrong with the file before anything runs.
        SweeperError: If the store cannot be used, or somebody else runs this sweep.
    """
    from sweeper.store.provenance import provenance
    from sweeper.store.shelter import ShelteredCache
    from sweeper.store.taint import Taint

    config = loaded.config
    source = trainee(loaded, Path.cwd())
    chosen = loaded_factors(loaded)
    check_gpus(loaded, local=options.local)
    check_grid(loaded)
    set_threads(config)
    question = build_question(loaded, source)
    study = build_study_of(loaded)
    holder = uuid4()
    store = open_store(options.store_url or config.cache.url)

    def say(text: str) -> None:
        for observer in observers:
            observer.observe(Notice(text))

    outage = build_outage(store, say)
    ledger = sheltered(build_ledger(store, config, holder), outage)
    identity = SweepIdentity(
        config.name, loaded.resolved_json(), question.sweep_digest(loaded.decisions())
    )
    begun = ledger.begin(
        identity,
        fresh=options.fresh or (options.recache and options.resume is None),
        uid=_named(store, options.resume),
    )

    for warning in (*loaded.warnings, *first_words(config, question)):
        say(warning)

    def workers_started(text: str) -> None:
        ladder.install()  # Ray has taken SIGTERM away
        say(text)

    snapshot = None if options.local else _snapshot(config, source, question, say)
    pool = build_pool(
        config,
        source if snapshot is None else source.mirrored(snapshot.folder),
        local=options.local,
        notify=workers_started,
        environment=question.reader,
        code=_hashed(question),
    )
    crew = Crew(
        study=study,
        pool=pool,
        cache=ShelteredCache(
            build_cache(store, ledger, config, holder, begun.uid, recache=options.recache),
            outage,
            ledger.recovered,
        ),
        ledger=ledger,
        observers=observers,
        ladder=ladder,
        key=lambda params, replicate: question.key(
            params, replicate=replicate, seed=options.seed(replicate)
        ),
        fallback_seed=fallback_seeds(config, options.seed),
        tainted=Taint(question, in_place=snapshot is None),
        prov={
            "sweeper": __version__,
            "packages": dict(question.distributions),
            **provenance(Path(source.root)),
        },
        hardware=own_class(config),
    )

    def look() -> SweepView:
        started = isinstance(pool, LazyPool) and pool.started
        return figures(ledger.load(begun.uid), ray_started=started)

    plan = _plan(config, chosen, options)

    def run() -> SweepResult:
        try:
            return run_sweep(crew, plan, config.name, begun)
        finally:
            if snapshot is not None:
                snapshot.bring_back()

    return Composed(run, look, store.close)


def set_threads(config: SweepConfig) -> None:
    """Say how many threads a worker computes with, unless the environment says it.

    It is in the key, and so the same in every worker; NumPy and torch read it when imported.
    """
    os.environ.setdefault(_THREADS, str(max(1, math.floor(cpus_each(config)))))


def _snapshot(
    config: SweepConfig,
    source: ObjectiveSource | ProgramSource,
    question: Question,
    say: Callable[[str], None],
) -> Snapshot | None:
    """Copy the code aside, so that editing it changes nothing in this sweep; None: run in place.

    A cluster is sent the project itself; a command that names several files runs them in place.
    Both are hashed again at the end of each trial.
    """
    from sweeper.model import Uncacheable
    from sweeper.store.snapshot import take_snapshot

    whole = isinstance(source, ObjectiveSource) or source.is_one_file
    if config.ray.address is not None or not whole or isinstance(question.code, Uncacheable):
        return None
    try:
        return take_snapshot(question.code, Path(source.root), state_folder(os.environ))
    except OSError as error:
        say(
            f"the code could not be copied aside ({error.strerror or error}: {error.filename}); it "
            "is run in place: do not edit it while the sweep runs"
        )
        return None


def _hashed(question: Question) -> tuple[tuple[str, str], ...]:
    """Return path and digest of the project's own files in the key."""
    from sweeper.model import Uncacheable

    if isinstance(question.code, Uncacheable):
        return ()
    return tuple((file.relpath, file.sha256) for file in question.code.files if file.root == ".")


def _named(store: Store, text: str | None) -> UUID | None:
    """Find the sweep that --resume names."""
    if text is None:
        return None
    from sweeper.store.admin import find_sweep

    return find_sweep(store, text, who=user_of(store))


def _plan(config: SweepConfig, chosen: Factors, options: RunOptions) -> Plan:
    mode = cache_mode(config)
    return Plan(
        goals=config.goals,
        max_steps=config.max_steps,
        limits=_limits(config),
        factors=chosen,
        retries=_retries(config),
        stall_s=config.trial.stall_s,
        same_failures=config.trial.same_failures or None,
        replicates=config.trial.replicates,
        timeout_s=config.trial.timeout_s,
        trial_energy_j=config.trial.energy_j,
        trial_folder=trial_folder,
        share=mode is CacheMode.RW,
        follow=not options.recache and mode is not CacheMode.OFF,
        retry=options.retry,
        ttl_s=lease_ttl_s(),
        prefix_safe=config.cache.prefix_safe,
    )


def _retries(config: SweepConfig) -> Retries:
    """Return what the file says about trying again: a number for all, or numbers by class."""
    given = config.trial.retries
    if isinstance(given, int):
        return Retries(retries_by_class(given), config.trial.backoff_s)
    often = {CauseKind(name): number for name, number in given.items()}
    return Retries(retries_by_class(_RETRIES, often), config.trial.backoff_s)


def _limits(config: SweepConfig) -> Limits:
    """Return the budget of a sweep file."""
    budget = config.budget
    return Limits(budget.trials, budget.time_s, budget.energy_j, budget.co2e_g, budget.cost)


def first_words(config: SweepConfig, question: Question) -> list[str]:
    """Return what a person should know before anything runs."""
    from sweeper.search.space import size

    words = []
    if not _limits(config).any and size(config.space) is None:
        words.append(
            "no budget is given and the space is endless: this sweep runs until it is stopped "
            "(Ctrl-C, or `sweeper stop`); set budget.trials to end it"
        )
    if question.uncacheable is not None:
        words.append(f"results are not shared: {question.uncacheable}")
    elif not config.cache.data and config.cache.mode.value != CacheMode.OFF.value:
        words.append("cache.data lists nothing: no data is in the key (docs/cache-key.md)")
    estimate = _estimate(config)
    return words if estimate is None else [*words, estimate]


def _estimate(config: SweepConfig) -> str | None:
    """Say that a budget is held against an estimate of CPUs; None: it is not, or not from here."""
    limits = {_limits(config).joules, None if config.trial.energy_j is None else "trial.energy"}
    keys = sorted(key for key in limits if key is not None)
    if not keys or config.ray.address is not None:
        return None
    from sweeper.energy.nvml import Nvml
    from sweeper.energy.probe_cpu import probe_cpu

    gpus = config.resources.gpus
    cpu = probe_cpu(config.energy.cpu_w_per_core)
    if (Nvml().count() if gpus is None else gpus) or cpu.source.startswith("measured"):
        return None
    return (
        f"{' and '.join(keys)}: held against an estimate, {cpu.w_per_core:g} W per busy core "
        "(energy.cpu_w_per_core), easily 50 % off; `sweeper energy probe` says how to measure CPUs"
    )
