"""Puts the parts together: the only place that knows every implementation.

Owns: the way from a sweep file to a running sweep, and from a store to what is read out of it.
Heavy libraries are imported where they are needed: a sweep that trains nothing never loads Ray.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sweeper import __version__
from sweeper.config.load import LoadedSweep, restore
from sweeper.config.models import Method, SweepConfig
from sweeper.config.stopping import Asha, Hyperband, Median
from sweeper.energy.carbon import CarbonSettings, UnknownRegion, factors
from sweeper.errors import ConfigError, PoolError, SpaceError
from sweeper.model import Factors, Notice, SweepHistory, SweepIdentity
from sweeper.places import state_folder, trial_folder, user
from sweeper.report.summary import Summary, summarize
from sweeper.seams import Cache, Ledger, Meter, Observer, Pool, Study
from sweeper.store.mode import CacheMode
from sweeper.sweep.budget import Limits
from sweeper.sweep.crew import Crew, Plan
from sweeper.sweep.loop import SweepResult, run_sweep
from sweeper.sweep.stop import StopLadder
from sweeper.workers.lazy_pool import LazyPool
from sweeper.workers.objective import ObjectiveSource, locate
from sweeper.workers.slots import Resources, fit, usable_cpus
from sweeper.workers.worker import WorkerSetup

if TYPE_CHECKING:
    from sweeper.search.pruners import Judge
    from sweeper.store.engine import Store
    from sweeper.store.question import Question

__all__ = [
    "Composed",
    "RunOptions",
    "SweepView",
    "compose",
    "open_store",
    "trial_folder_of",
    "view",
]

_THREADS = "OMP_NUM_THREADS"
_TTL = "SWEEPER_LEASE_TTL_S"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says beside the file.

    Attributes:
        fresh: Start another sweep even if this one is known.
        local: Train in this process, without Ray.
        store_url: Wins over the file and the environment.
    """

    fresh: bool = False
    local: bool = False
    store_url: str | None = None


@dataclass(frozen=True, slots=True)
class SweepView:
    """A sweep as the ledger knows it, with its figures."""

    history: SweepHistory
    summary: Summary


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
    config, root = loaded.config, Path.cwd()
    source = _objective(loaded, root)
    chosen = _factors(loaded)
    _check_gpus(loaded, options)
    # In the key, and so the same in every worker; NumPy and torch read it when imported.
    os.environ.setdefault(_THREADS, str(max(1, math.floor(_cpus_each(config)))))
    question = _question(loaded, source, dict(os.environ))
    study = _study(loaded)
    holder = uuid4()
    store = open_store(options.store_url or config.cache.url)
    ledger = _ledger(store, config, holder)
    identity = SweepIdentity(
        config.name, loaded.resolved_json(), question.sweep_digest(loaded.decisions())
    )
    begun = ledger.begin(identity, fresh=options.fresh)

    def say(text: str) -> None:
        for observer in observers:
            observer.observe(Notice(text))

    for warning in (*loaded.warnings, *_first_words(config, question)):
        say(warning)

    def workers_started(text: str) -> None:
        ladder.install()  # Ray has taken SIGTERM away
        say(text)

    pool = _pool(config, source, options, workers_started)
    crew = Crew(
        study=study,
        pool=pool,
        cache=_cache(store, ledger, config, holder, begun.uid),
        ledger=ledger,
        observers=observers,
        ladder=ladder,
        key=question.key,
        fallback_seed=_fallback_seed(config),
        tainted=question.tainted,
        prov={"sweeper": __version__, "packages": dict(question.distributions)},
    )
    plan = _plan(config, chosen)

    def look() -> SweepView:
        started = isinstance(pool, LazyPool) and pool.started
        return _figures(ledger.load(begun.uid), ray_started=started)

    return Composed(partial(run_sweep, crew, plan, config.name, begun), look, store.close)


# --- from the file to values --------------------------------------------------------------------


def _objective(loaded: LoadedSweep, root: Path) -> ObjectiveSource:
    try:
        return locate(loaded.config.objective, root)
    except PoolError as error:
        raise loaded.problem("objective", str(error)) from error


def _factors(loaded: LoadedSweep) -> Factors:
    try:
        return _factors_of(loaded.config)
    except UnknownRegion as error:
        what = str(error).removeprefix("energy.region: ")
        raise loaded.problem("energy.region", what) from error


def _factors_of(config: SweepConfig) -> Factors:
    energy = config.energy
    return factors(
        CarbonSettings(
            region=energy.region,
            carbon_intensity=energy.carbon_intensity_g_per_kwh,
            pue=energy.pue,
            price_per_kwh=energy.price_per_kwh,
            currency=energy.currency,
        )
    )


def _check_gpus(loaded: LoadedSweep, options: RunOptions) -> None:
    """Say at once that a GPU which the file asks for is not here; a cluster is asked later."""
    asked = loaded.config.resources.gpus
    if not asked or (loaded.config.ray.address is not None and not options.local):
        return
    from sweeper.energy.nvml import Nvml

    there = Nvml().count()
    if there < asked:
        raise loaded.problem(
            "resources.gpus",
            f"each worker asks for {asked:g} GPU, and this machine has {there or 'no'} NVIDIA GPU "
            "that NVML can see; set gpus: 0 to train on CPUs, or ray.address to train on a cluster",
        )


def _cpus_each(config: SweepConfig) -> float:
    """Return the CPUs of one worker, as far as they can be known before the workers start."""
    resources = _resources(config)
    if resources.cpus is not None or resources.gpus is not None or config.ray.address is not None:
        return resources.cpus or 1.0
    from sweeper.energy.nvml import Nvml

    return fit(resources, cpus=usable_cpus(), gpus=Nvml().count()).cpus


def _resources(config: SweepConfig) -> Resources:
    asked = config.resources
    return Resources(
        cpus=asked.cpus if "cpus" in asked.model_fields_set else None,
        gpus=asked.gpus,
        memory_bytes=asked.memory_bytes,
        workers=asked.workers,
    )


def _plan(config: SweepConfig, chosen: Factors) -> Plan:
    mode = _mode(config)
    return Plan(
        metric=config.metric,
        max_steps=config.max_steps,
        limits=_limits(config),
        factors=chosen,
        retries=config.trial.retries,
        timeout_s=config.trial.timeout_s,
        trial_folder=trial_folder,
        share=mode is CacheMode.RW,
        follow=mode is not CacheMode.OFF,
        ttl_s=_ttl_s(),
    )


def _limits(config: SweepConfig) -> Limits:
    budget = config.budget
    return Limits(budget.trials, budget.time_s, budget.energy_j, budget.co2e_g, budget.cost)


def _mode(config: SweepConfig) -> CacheMode:
    return CacheMode(config.cache.mode.value)


def _ttl_s() -> float:
    given = os.environ.get(_TTL, "120")
    try:
        ttl_s = float(given)
    except ValueError:
        ttl_s = 0.0
    if not 0 < ttl_s < 86400:
        raise ConfigError(f"{_TTL}: must be seconds between 0 and 86400, got {given!r}")
    return ttl_s


def trial_folder_of(history: SweepHistory, number: int) -> str:
    """Return the folder of a trial's last attempt."""
    attempts = (row.id.attempt for row in history.attempts if row.id.number == number)
    return trial_folder(history.sweep.handle, number, max(attempts, default=0))


def _first_words(config: SweepConfig, question: Question) -> list[str]:
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
    return words


# --- from values to parts -----------------------------------------------------------------------


def _question(
    loaded: LoadedSweep, source: ObjectiveSource, effective_env: dict[str, str]
) -> Question:
    from sweeper.store.code_closure import CodePolicy
    from sweeper.store.data_files import DataVersion
    from sweeper.store.question import Question, QuestionSettings

    config, cache = loaded.config, loaded.config.cache
    return Question.build(
        QuestionSettings(
            entry=source.entry,
            entry_file=Path(source.file),
            root=Path(source.root),
            metric_names=(config.metric.name,),
            max_steps=config.max_steps,
            trial_seed=config.trial.seed,
            namespace=cache.namespace,
            salt=cache.salt,
            ignore=cache.ignore,
            data=tuple(
                item if isinstance(item, str) else DataVersion(item.name, item.version)
                for item in cache.data
            ),
            code_include=cache.code.include,
            code_exclude=cache.code.exclude,
            code_policy=CodePolicy(cache.code.policy.value),
            effective_env=effective_env,
            memo_folder=state_folder(os.environ) / "fingerprints",
            sweep_file=loaded.path,
        )
    )


def _fallback_seed(config: SweepConfig) -> Callable[[int], int]:
    from sweeper.store.key import fallback_seed

    if config.trial.seed is not None:
        given = config.trial.seed
        return lambda number: given
    return partial(fallback_seed, config.seed)


def _study(loaded: LoadedSweep) -> Study:
    from sweeper.search.build import StudySettings, build_study

    config = loaded.config
    grid = config.method is Method.GRID or config.sampler is None
    settings = StudySettings(
        space=config.space,
        direction=config.metric.direction,
        sampler="grid" if grid or config.sampler is None else config.sampler.type.value,
        options={} if config.sampler is None else config.sampler.options,
        judge=_judge(loaded),
        seed=config.seed,
        without=frozenset(config.cache.ignore),
    )
    try:
        return build_study(settings)
    except SpaceError as error:
        key, _, what = str(error).partition(": ")
        raise loaded.problem(key, what) from error


def _judge(loaded: LoadedSweep) -> Judge:
    from sweeper.search import pruners

    direction = loaded.config.metric.direction
    match loaded.config.early_terminate:
        case Hyperband(min_iter=None, max_iter=int(max_iter), s=int(s)) as rule:
            bands = pruners.bands_from_max(max_iter, s, rule.eta)
        case Hyperband(min_iter=int(min_iter)) as rule:
            bands = pruners.bands_from_min(min_iter, rule.eta)
        case Asha() as rule:
            if not rule.eta.is_integer():
                raise loaded.problem(
                    "early_terminate.eta", f"asha needs a whole number >= 2, got {rule.eta:g}"
                )
            return pruners.SuccessiveHalvingRule(rule.min_iter, int(rule.eta), direction=direction)
        case Median() as rule:
            return pruners.MedianRule(rule.warmup_trials, rule.min_iter, direction=direction)
        case _:
            return pruners.NeverPrune()
    return pruners.HyperbandRule(bands, rule.eta, strict=rule.strict, direction=direction)


def _pool(
    config: SweepConfig, source: ObjectiveSource, options: RunOptions, notify: Callable[[str], None]
) -> Pool:
    from sweeper.energy.meter import MeterSettings, build_meter

    watts = config.energy.cpu_w_per_core
    settings = MeterSettings() if watts is None else MeterSettings(cpu_w_per_core=watts)
    make_meter: Callable[[], Meter] = partial(build_meter, settings)
    setup = WorkerSetup(source, make_meter, own_process=not options.local)
    if options.local:
        from sweeper.workers.local_pool import LocalPool

        return LocalPool(setup, gpus=_local_gpus(config))
    start = partial(_ray_pool, setup, _resources(config), config.ray.address, notify)
    return LazyPool(start)


def _local_gpus(config: SweepConfig) -> tuple[str, ...]:
    """Return the first GPUs that this process may use, as many as the file asks for."""
    count = math.ceil(config.resources.gpus or 0)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return tuple(str(index) for index in range(count))
    return tuple(name for name in visible.split(",") if name.strip())[:count]


def _ray_pool(
    setup: WorkerSetup, resources: Resources, address: str | None, notify: Callable[[str], None]
) -> Pool:
    from sweeper.workers import ray_environment

    ray_environment.prepare(local=address is None)  # before Ray is imported
    from sweeper.workers.ray_pool import RayPool

    return RayPool(setup, resources, address=address, notify=notify)


def open_store(url: str | None) -> Store:
    """Open the store that the command line, the file or the environment names."""
    from sweeper.store import engine

    return engine.open_store(url, env=os.environ)


def _ledger(store: Store, config: SweepConfig, holder: UUID) -> Ledger:
    from sweeper.store.process import proc_id
    from sweeper.store.sql_ledger import SqlLedger

    return SqlLedger(
        store,
        holder=holder,
        who=user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        proc_id=proc_id(),
        ttl_s=_ttl_s(),
        mode=_mode(config),
    )


def _cache(store: Store, ledger: Ledger, config: SweepConfig, holder: UUID, sweep: UUID) -> Cache:
    from sweeper.store.no_cache import NoCache
    from sweeper.store.sql_cache import SqlCache

    mode = _mode(config)
    if mode is CacheMode.OFF:
        return NoCache(ledger)
    return SqlCache(
        store,
        holder=holder,
        sweep=sweep,
        who=user(),
        host=socket.gethostname(),
        ttl_s=_ttl_s(),
        mode=mode,
    )


# --- reading ------------------------------------------------------------------------------------


def view(store: Store, sweep: UUID) -> SweepView:
    """Read a sweep with its figures.

    Raises:
        CacheError: If it cannot be read.
    """
    from sweeper.store.history import read_history

    with store.read() as connection:
        history = read_history(connection, sweep)
    return _figures(history, ray_started=False)


def _figures(history: SweepHistory, *, ray_started: bool) -> SweepView:
    config = restore(history.sweep.config)
    summary = summarize(
        history,
        metric=config.metric,
        factors=_factors_of(config),
        max_steps=config.max_steps,
        ray_started=ray_started,
    )
    return SweepView(history, summary)
