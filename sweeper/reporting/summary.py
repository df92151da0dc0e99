"""What a sweep found and what it cost: one pure function of its history.

Owns: the summary and its JSON, the machine interface of ``sweeper run --json``. Live, at exit and
in ``sweeper show`` the same history gives the same figures. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sweeper.model import Factors, Goals, SweepHistory, SweepState, TrialRow, Value
from sweeper.reporting.accounts import EnergyAccount, account
from sweeper.reporting.budgets import Budgets, Spending, spendings
from sweeper.reporting.clean import jsonable
from sweeper.reporting.counterfactual import GridSearch, Saving, saving_of
from sweeper.reporting.findings import (
    Failure,
    Producer,
    TrialCounts,
    Uncached,
    count_trials,
    find_failures,
    find_producers,
    find_uncached,
)
from sweeper.reporting.finds import Find, Finds, find
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.physical import physical
from sweeper.reporting.utilisation import Packing, packing

__all__ = ["Asked", "Held", "Summary", "summarize"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sweep file asks for, as far as figures depend on it.

    Attributes:
        max_steps: The planned horizon, for what pruning avoided; None: open.
        budgets: Limits that are held against joules.
        gpus_each: GPUs of one worker, a fraction for a shared one; None: one each where there are
            any.
        grid: The grid search that the sweep replaces; None: nobody asks what it would have cost.
        replicates: Trainings of each point.
    """

    max_steps: int | None = None
    budgets: Budgets = field(default_factory=Budgets)
    gpus_each: float | None = None
    grid: GridSearch | None = None
    replicates: int = 1


@dataclass(frozen=True, slots=True)
class Held:
    """How long trials held GPUs: the seconds of each attempt times the GPUs of its worker.

    Attributes:
        gpu_h: GPU-hours of the attempts whose time is known.
        missing: How many attempts are left out because it is not.
    """

    gpu_h: float
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sweep found and what it cost.

    Attributes:
        goals: What its trials are judged by.
        finds: The best trial, or the front.
        failures: The most frequent first.
        producers: Who had trained what the store answered, the most used first.
        uncached: Why trials could not be shared, the most frequent reason first.
        factors: What turned joules into grams and money.
        ray_started: Whether workers were started on Ray.
        held: How long trials held GPUs.
        spendings: What was spent of each limit that is held against joules.
        packing: How GPUs that were mostly idle could have been used; None: they were not, or it is
            not known.
        saving: What the grid search that the sweep replaces would have cost; None: nobody asked.
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
    uncached: tuple[Uncached, ...]
    factors: Factors
    elapsed_s: float
    ray_started: bool
    held: Held
    spendings: tuple[Spending, ...]
    packing: Packing | None
    saving: Saving | None = None

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
        """Return the price of all electricity that was consumed; None: unknown."""
        return self.factors.cost(self.energy.spent_j)

    @property
    def cloud_cost(self) -> float | None:
        """Return what renting the GPUs would have cost, electricity included; None: unknown.

        An alternative to ``cost``, never to be added to it.
        """
        return self.factors.cloud_cost(self.held.gpu_h) if self.held.gpu_h else None

    @property
    def offset_cost(self) -> float | None:
        """Return the price of offsetting all CO2e; None: unknown."""
        return self.factors.offset_cost(self.energy.spent_j)

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
            "uncached": [uncached.to_json() for uncached in self.uncached],
            "cloud_cost": jsonable(self.cloud_cost),
            "offset_cost": jsonable(self.offset_cost),
            "gpu_h": jsonable(self.held.gpu_h),
            "budgets": [spending.to_json() for spending in self.spendings],
            "packing": None if self.packing is None else self.packing.to_json(),
            "grid": None if self.saving is None else self.saving.to_json(self.factors),
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
            "idle_j": energy.idle_j,
            "external_j": energy.external_j,
            "u_rel": energy.doubt.u_rel,
            "lo_j": energy.doubt.lo_j,
            "hi_j": energy.doubt.hi_j,
            "cpu_j": energy.cpu.total.energy_j,
            "cpu_source": energy.cpu.source,
            "dram_j": energy.dram.total.energy_j,
            "dram_source": energy.dram.source,
            "assumed_j": energy.assumed_j,
        }
        return {
            **{name: jsonable(value) for name, value in fields.items()},
            "gpus": [board.to_json() for board in energy.boards],
            "closure": [board.closure_json() for board in energy.boards],
        }


def summarize(
    history: SweepHistory, *, goals: Goals, factors: Factors, asked: Asked, ray_started: bool
) -> Summary:
    """Say what a sweep found and what it cost.

    Args:
        history: All that the ledger knows about it.
        goals: What trials are judged by.
        factors: From joules to grams and money.
        asked: What else of the sweep file decides a figure.
        ray_started: Whether workers were started on Ray.
    """
    trials = trials_of(history)
    trained = [row for row in history.attempts if row.trained]
    sweep = history.sweep
    finds = find(trials, history, goals, factors)
    energy = account(history, trials, max_steps=asked.max_steps)
    return Summary(
        handle=sweep.handle,
        uid=sweep.uid,
        state=sweep.state,
        stopped_by=sweep.stopped_by,
        goals=goals,
        trials=count_trials(trials, feasible=finds.feasible),
        finds=finds,
        energy=energy,
        failures=find_failures(trials),
        producers=find_producers(history),
        uncached=find_uncached(trials),
        factors=factors,
        elapsed_s=physical(sweep.elapsed_s) or 0.0,
        ray_started=ray_started,
        held=_held(trained, asked.gpus_each),
        spendings=spendings(
            asked.budgets, factors, spent_j=energy.spent_j, assumed_j=energy.assumed_j
        ),
        packing=packing(trained, asked.gpus_each),
        saving=None
        if asked.grid is None
        else saving_of(
            asked.grid,
            history,
            trials,
            energy,
            max_steps=asked.max_steps,
            replicates=asked.replicates,
        ),
    )


def _held(trained: Iterable[TrialRow], gpus_each: float | None) -> Held:
    """Add up GPU-hours; without a number in the file a worker's are those that it had."""
    seconds = [
        (physical(row.elapsed_s), len(row.gpus) if gpus_each is None else gpus_each)
        for row in trained
    ]
    known = [elapsed_s * gpus for elapsed_s, gpus in seconds if elapsed_s is not None]
    return Held(math.fsum(known) / 3600, len(seconds) - len(known))
