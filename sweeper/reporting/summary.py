"""What a sweep found and what it cost: one pure function of its history.

Owns: the summary and its JSON, the machine interface of ``sweeper run --json``. Live, at exit and
in ``sweeper show`` the same history gives the same figures. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sweeper.model import Factors, Goals, SweepHistory, SweepState, Value
from sweeper.reporting.accounts import EnergyAccount, account, physical
from sweeper.reporting.clean import jsonable
from sweeper.reporting.findings import (
    Failure,
    Producer,
    TrialCounts,
    count_trials,
    find_failures,
    find_producers,
)
from sweeper.reporting.finds import Find, Finds, find
from sweeper.reporting.outcomes import trials_of

__all__ = ["Summary", "summarize"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sweep found and what it cost.

    Attributes:
        goals: What its trials are judged by.
        finds: The best trial, or the front.
        failures: The most frequent first.
        producers: The most used first.
        factors: What turned joules into grams and money.
        ray_started: Whether workers were started on Ray.
    """

    handle: str
    uid: UUID
    state: SweepState
    stopped_by: str | None
    goals: Goals
    trials: TrialCounts
    finds: Finds
    energy: EnergyAccount
    failures: tuple[Failure, ...]
    producers: tuple[Producer, ...]
    factors: Factors
    elapsed_s: float
    ray_started: bool

    @property
    def best(self) -> Find | None:
        """Return the best feasible trial; None: there is none, or there are several objectives."""
        return self.finds.best

    @property
    def several(self) -> bool:
        """Tell whether there are several objectives, and so a front instead of a best trial."""
        return len(self.goals.metrics) > 1

    @property
    def co2e_g(self) -> float | None:
        """Return grams of CO2e of all that was consumed; None: unknown."""
        return self.factors.co2e_g(self.energy.spent_j)

    @property
    def cost(self) -> float | None:
        """Return the price of all that was consumed; None: unknown."""
        return self.factors.cost(self.energy.spent_j)

    def to_json(self) -> dict[str, Value]:
        """Return the machine interface: documented keys first, in their order; strict JSON."""
        finds = self.finds
        front = {"front": [it.to_json() for it in finds.front]} if self.several else {}
        nearest = {} if finds.nearest is None else {"nearest": finds.nearest.to_json()}
        return {
            "sweep": self.handle,
            "state": self.state.value,
            "stopped_by": self.stopped_by,
            "trials": self.trials.to_json(),
            "best": None if finds.best is None else finds.best.to_json(),
            **front,
            **nearest,
            "energy": self._energy_json(),
            "co2e_g": jsonable(self.co2e_g),
            "cost": jsonable(self.cost),
            "currency": self.factors.currency,
            "elapsed_s": jsonable(self.elapsed_s),
            "ray_started": self.ray_started,
            "uid": str(self.uid),
            "causes": [failure.to_json() for failure in self.failures],
            "producers": [producer.to_json() for producer in self.producers],
        }

    def _energy_json(self) -> dict[str, Value]:
        energy = self.energy
        fields = {
            "spent_j": energy.spent_j,
            "overhead_j": energy.overhead_j,
            "avoided_cache_j": energy.avoided_store.energy_j,
            "avoided_pruning_j": energy.avoided_pruning.energy_j,
            "source": energy.source,
            "scope": energy.scope,
            "coverage": energy.coverage,
            "missing": energy.missing,
            "avoided_cache_missing": energy.avoided_store.missing,
            "avoided_cache_other_hardware_j": energy.other_hardware_j,
            "avoided_pruning_missing": energy.avoided_pruning.missing,
            "avoided_duplicate_j": energy.avoided_duplicate.energy_j,
            "avoided_duplicate_missing": energy.avoided_duplicate.missing,
            "intensity_g_per_kwh": self.factors.g_per_kwh,
            "intensity_from": self.factors.intensity_from,
            "pue": self.factors.pue,
        }
        return {name: jsonable(value) for name, value in fields.items()}


def summarize(
    history: SweepHistory,
    *,
    goals: Goals,
    factors: Factors,
    max_steps: int | None,
    ray_started: bool,
) -> Summary:
    """Say what a sweep found and what it cost.

    Args:
        history: All that the ledger knows about it.
        goals: What trials are judged by.
        factors: From joules to grams and money.
        max_steps: The planned horizon, for what pruning avoided; None: open.
        ray_started: Whether workers were started on Ray.
    """
    trials = trials_of(history)
    sweep = history.sweep
    finds = find(trials, history, goals, factors)
    return Summary(
        handle=sweep.handle,
        uid=sweep.uid,
        state=sweep.state,
        stopped_by=sweep.stopped_by,
        goals=goals,
        trials=count_trials(trials, feasible=finds.feasible),
        finds=finds,
        energy=account(history, trials, max_steps=max_steps),
        failures=find_failures(trials),
        producers=find_producers(history),
        factors=factors,
        elapsed_s=physical(sweep.elapsed_s) or 0.0,
        ray_started=ray_started,
    )
