"""What can be said before anything is spent: is the file right, what would be asked and cost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from sweeper.compose.asking import build_question
from sweeper.compose.energy import check_gpus, loaded_factors
from sweeper.compose.grids import check_grid
from sweeper.compose.searching import build_study_of, rungs_of, space_errors, study_settings
from sweeper.compose.storing import build_cache, build_ledger, cache_mode, open_store
from sweeper.compose.sweeps import first_words, set_threads
from sweeper.compose.training import expected_slots, trainee
from sweeper.config.load import LoadedSweep
from sweeper.config.models import SweepConfig
from sweeper.model import Factors, Key, Params, RecordStatus
from sweeper.store.mode import CacheMode

if TYPE_CHECKING:
    from sweeper.reporting.forecast import Forecast
    from sweeper.reporting.plan import PlanBudget, PlanFacts
    from sweeper.search.build import StudySettings
    from sweeper.store.costs import Cost
    from sweeper.store.engine import Store
    from sweeper.store.question import Question

__all__ = ["CheckedSweep", "check", "plan", "sample"]

_MOST_LISTED = 10_000  # points of a grid that are looked up
_MOST_SAMPLED = 200  # proposals of a sampler that are looked up


@dataclass(frozen=True, slots=True)
class CheckedSweep:
    """A sweep file in which nothing was found to be wrong.

    Attributes:
        ranges: Dotted path and meaning of each parameter.
        notes: What a person should know before it runs.
    """

    ranges: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def check(loaded: LoadedSweep) -> CheckedSweep:
    """Check everything that can be known before anything runs; no store is opened.

    Raises:
        ConfigError: For what is wrong.
    """
    from sweeper.config.ranges import ranges

    source = trainee(loaded, Path.cwd())
    loaded_factors(loaded)
    check_gpus(loaded, local=False)
    check_grid(loaded)
    build_study_of(loaded)
    notes = first_words(loaded.config, build_question(loaded, source))
    return CheckedSweep(ranges(loaded.config.space), tuple(notes))


def sample(loaded: LoadedSweep, count: int) -> list[Params]:
    """Return configurations as the sweep would propose them without any result.

    Raises:
        ConfigError: If space, sampler and method do not fit each other.
    """
    from sweeper.search.preview import sample_points

    with space_errors(loaded):
        return sample_points(study_settings(loaded), count)


def plan(loaded: LoadedSweep, store_url: str | None) -> PlanFacts:
    """Say what the sweep would do and cost; nothing is trained.

    Args:
        loaded: The sweep file.
        store_url: Wins over the file and the environment.

    Raises:
        ConfigError: For what is wrong with the file.
        SweeperError: If the store cannot be read, or not one worker fits here.
    """
    from sweeper.reporting.plan import PlanFacts
    from sweeper.search.preview import expected_duplicates

    config, rule = loaded.config, loaded.config.early_terminate
    source, factors = trainee(loaded, Path.cwd()), loaded_factors(loaded)
    set_threads(config)  # they are in the key
    question, settings = build_question(loaded, source), study_settings(loaded)
    size, trials = _sizes(loaded, settings)
    workers = expected_slots(config).workers
    with closing(open_store(store_url or config.cache.url)) as store:
        look = _look(loaded, settings, question, store, trials)
    random = settings.sampler != "grid"
    return PlanFacts(
        name=config.name,
        sampler=settings.sampler,
        size=size,
        budget=_budget(config),
        trials=trials,
        replicates=config.trial.replicates,
        looked_at=look.looked_at,
        known=look.known,
        duplicates=expected_duplicates(size, trials or 0) if random else 0.0,
        rule=None if rule is None else rule.type,
        rungs=rungs_of(rule, config.max_steps),
        eta=getattr(rule, "eta", None),  # only the halving rules have one
        max_steps=config.max_steps,
        workers=workers,
        forecast=_forecast(look, trials, config.trial.replicates, workers, factors),
    )


def _sizes(loaded: LoadedSweep, settings: StudySettings) -> tuple[int | None, int | None]:
    """Return the points of the space or grid, and how many trials there would be at most."""
    from sweeper.search.space import gridded, size

    with space_errors(loaded):
        space = gridded(settings.space) if settings.sampler == "grid" else settings.space
        points = size(space, without=settings.without, constraints=settings.constraints)
    limits = [n for n in (points, loaded.config.budget.trials) if n is not None]
    return points, min(limits, default=None)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the store says about the first proposals, and about their objective."""

    looked_at: int
    known: int
    costs: tuple[Cost, ...] = ()
    sampled: bool = False  # what will really be asked may be something else

    def unknown(self, trials: int) -> int:
        """Return how many of so many trials the store will probably not answer."""
        if self.sampled and self.looked_at:
            return round(trials * (1 - self.known / self.looked_at))
        return max(0, trials - self.known)


def _look(
    loaded: LoadedSweep,
    settings: StudySettings,
    question: Question,
    store: Store,
    trials: int | None,
) -> _Look:
    """Look proposals up: those of an earlier run of the same sweep, else the sampler's first."""
    from sweeper.store.costs import recorded_costs

    if cache_mode(loaded.config) is CacheMode.OFF:
        return _Look(0, 0)
    points, sampled = _led(loaded, question, store), False
    if not points:
        sampled = settings.sampler != "grid"
        most = _MOST_SAMPLED if sampled else _MOST_LISTED
        points = sample(loaded, min(trials or most, most))
    points = points[:trials]
    seeds = range(loaded.config.trial.replicates)
    keys = [
        [key for i in seeds if isinstance(key := question.key(point, replicate=i), Key)]
        for point in points
    ]
    if not any(keys):
        return _Look(0, 0)
    answered = _answered(store, loaded.config, [key for own in keys for key in own])
    known = sum(all(key.run_key in answered for key in own) for own in keys if own)
    cost_of = next(own[0] for own in keys if own)
    return _Look(len(points), known, recorded_costs(store, cost_of), sampled)


def _led(loaded: LoadedSweep, question: Question, store: Store) -> list[Params]:
    """Return what an earlier sweep of the same digest asked: a new one follows it."""
    from sweeper.store.history import leader_of, read_attempts

    with store.read() as connection:
        leader = leader_of(connection, question.sweep_digest(loaded.decisions()))
        rows = () if leader is None else read_attempts(connection, leader.uid)
    return list({row.id.number: row.params for row in rows}.values())


def _answered(store: Store, config: SweepConfig, keys: Sequence[Key]) -> frozenset[str]:
    """Return the questions that the store answers now, by run_key."""
    ledger = build_ledger(store, config, uuid4())
    cache = build_cache(store, ledger, config, uuid4(), uuid4())
    return frozenset(cache.lookup(keys))


def _forecast(
    look: _Look, trials: int | None, replicates: int, workers: int, factors: Factors
) -> Forecast | None:
    """Estimate the trainings that the store does not answer."""
    from sweeper.reporting.forecast import CostSample, forecast

    if trials is None or not look.costs:
        return None
    alike = [cost for cost in look.costs if cost.same_horizon] or look.costs
    samples = [
        CostSample(cost.energy_j, cost.elapsed_s, cost.status is RecordStatus.COMPLETE)
        for cost in alike
    ]
    return forecast(
        samples, trials=look.unknown(trials) * replicates, workers=workers, factors=factors
    )


def _budget(config: SweepConfig) -> PlanBudget:
    from sweeper.reporting.plan import PlanBudget

    it = config.budget
    currency = config.energy.currency
    return PlanBudget(it.trials, it.time_s, it.energy_j, it.co2e_g, it.cost, currency)
