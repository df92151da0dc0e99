"""The recorded tuning runs as tables that searches are replayed on, with the grid of each.

Owns: which grid is searched, what noise a repetition sees, what a run costs (docs/benchmarks.md,
"Energy to the quality of grid search"). The data lie beside the project and are not part of it.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import random
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from sweeper.model import Categorical, Direction, IntUniform, LogUniform, Params, Space, Uniform
from sweeper.replay.table import Training

DATA = Path(__file__).parents[2] / "shared" / "data" / "bench"
POWER_W = 100.0  # where no energy was recorded; ratios do not depend on it
OWN_W = 12.0  # one busy core of the orchestrator (docs/energy.md, CPU estimate)
NEAR = 1.05  # claim B: within 5 % of the best energy to the target
UNREACHED = 2.0  # a run that never meets the target counts so many times its joules

# One data set per family where several are alike; `--benchmarks all` has every one.
DEVELOPMENT = (
    "zeus/cifar100@v100",
    "zeus/cifar100@a40",
    "algoperf/ogbg",
    "deepobs/cifar10_3c3d",
    "deepobs/fmnist_2c2d",
    "deepobs/mnist_vae",
    "deepobs/quadratic_deep",
    "fcnet/protein_structure",
    "hpobench_mlp/vehicle",
)


class DataMissing(Exception):
    """The recorded runs are not there."""


@functools.cache
def loader() -> ModuleType:
    """Return the module that reads the recorded runs.

    Raises:
        DataMissing: If they are not there.
    """
    file = DATA / "load.py"
    if not file.exists():
        raise DataMissing(f"no recorded runs at {DATA}; they are not part of this project")
    spec = importlib.util.spec_from_file_location("recorded_runs", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@functools.lru_cache(maxsize=4)
def problem(name: str) -> Problem:
    """Open a recorded benchmark.

    Raises:
        DataMissing: If it is not there.
    """
    measured = name.startswith(("zeus/", "pomodoro/"))
    bench = loader().load(name, **({} if measured else {"power_w": POWER_W}))
    return ToTarget(bench) if name.startswith(("zeus/", "algoperf/")) else Problem(bench)


class Problem:
    """A recorded benchmark, its grid and its rules; claims A and C.

    Args:
        bench: As the loader opens it.
    """

    claim = "A"

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.name = str(bench.name)
        self.has_curves = "whole run" not in bench.time
        self.own_w = 0.0 if bench.time == "none" else OWN_W
        self.is_pool = not bench.is_grid and not self.name.startswith("lcbench/")
        self.grid: tuple[Params, ...] = tuple(self._grid())
        self._index = {self._code(config): k for k, config in enumerate(self._configs())}
        self._final = None if self._is_continuous else [float(it) for it in bench.final()]

    @property
    def direction(self) -> Direction:
        """Return which way the value gets better."""
        return Direction.MAXIMIZE if self.bench.direction == "max" else Direction.MINIMIZE

    @property
    def max_steps(self) -> int:
        """Return the horizon."""
        return int(self.bench.max_epoch)

    @property
    def _is_continuous(self) -> bool:
        return self.name.startswith("lcbench/")

    def _configs(self) -> Sequence[Params]:
        return () if self._is_continuous else self.bench.configs()

    def _grid(self) -> Sequence[Params]:
        """Return the grid, stated before any run: the rules of docs/benchmarks.md."""
        if self.name.startswith("fcnet/"):
            levels = {p.name: (3 if p.name == "init_lr" else 2) for p in self.bench.space}
            return list(self.bench.grid(levels))
        if self.name.startswith(("hpobench_mlp/", "lcbench/")):
            return list(self.bench.grid(3))
        if self.name.startswith("nasbench201/"):
            return list(self.bench.grid({p.name: 3 for p in self.bench.space}))
        return list(self.bench.configs())

    @functools.cached_property
    def space(self) -> Space:
        """Return the search space: recorded numbers by their place, in their order."""
        return {p.name: self._parameter(p) for p in self.bench.space}

    @staticmethod
    def _parameter(p: Any) -> Categorical | IntUniform | LogUniform | Uniform:
        if p.kind == "cat":
            return Categorical(tuple(p.choices))
        if p.choices:
            return IntUniform(0, len(p.choices) - 1)
        if p.kind == "int" and not p.log:
            return IntUniform(int(p.low), int(p.high))
        return LogUniform(p.low, p.high) if p.log else Uniform(p.low, p.high)

    def config_of(self, params: Params) -> dict[str, Any]:
        """Return the recorded configuration that params mean."""
        return {
            p.name: p.choices[params[p.name]] if p.choices and p.kind != "cat" else params[p.name]
            for p in self.bench.space
        }

    def params_of(self, config: Params) -> dict[str, Any]:
        """Return the params of a recorded configuration."""
        return {
            p.name: p.choices.index(config[p.name])
            if p.choices and p.kind != "cat"
            else config[p.name]
            for p in self.bench.space
        }

    def _code(self, config: Params) -> Hashable:
        return tuple(config[p.name] for p in self.bench.space)

    def seed_of(self, config: Params, repetition: int) -> int:
        """Return which recorded run of a configuration a repetition sees."""
        return random.Random(f"{repetition} {self._code(config)}").randrange(1 << 30)

    def train(self, config: Params, repetition: int) -> Training:
        """Return the run that a repetition sees of a configuration."""
        return self._run(config, self.seed_of(config, repetition))

    def _run(self, config: Params, seed: int) -> Training:
        if not self.has_curves:
            it = self.bench.evaluate(config, seed=seed)
            return Training((self.max_steps,), (it.metric,), (it.joules,), (it.seconds,))
        values, seconds, joules = self.bench.curve(config, seed)
        steps = tuple(range(1, len(seconds) + 1))
        told = tuple(None if value is None else float(value) for value in values)
        spent = tuple(float(it) for it in joules)
        return Training(steps, told, spent, tuple(float(it) for it in seconds))

    def quality(self, config: Params) -> float:
        """Return the mean final value over all recorded seeds."""
        if self._final is None:
            return float(self.bench.evaluate(config).metric)
        return self._final[self._index[self._code(config)]]

    def at_least(self, quality: float, target: float) -> bool:
        """Tell whether a quality reaches the target."""
        return quality == target or self.direction.better(quality, target)

    def target(self, repetition: int) -> float:
        """Return the hidden quality of what grid search picks in a repetition."""
        seen = [(self.train(config, repetition).last, config) for config in self.grid]
        known = [(value, config) for value, config in seen if value is not None]
        sign = -1.0 if self.direction is Direction.MAXIMIZE else 1.0
        picked = min(known, key=lambda pair: sign * pair[0])[1]
        return self.quality(picked)

    def grid_energy_j(self, repetition: int) -> float:
        """Return what grid search consumes in a repetition: every run to its full budget."""
        return math.fsum(self.train(config, repetition).energy_j[-1] for config in self.grid)

    def succeeds(self, repetition: int) -> Callable[[Params], bool]:
        """Return what tells whether an incumbent is good enough."""
        target = self.target(repetition)
        return lambda params: self.at_least(self.quality(self.config_of(params)), target)

    def table(self) -> GridTable:
        """Return the table of one replay."""
        return PoolTable(self) if self.is_pool else GridTable(self)


class ToTarget(Problem):
    """Energy to a fixed target as the value: claim B. A run ends when it meets the target."""

    claim = "B"

    @property
    def direction(self) -> Direction:
        """Return that fewer joules are better."""
        return Direction.MINIMIZE

    def _run(self, config: Params, seed: int) -> Training:
        values, seconds, joules = self.bench.curve(config, seed)
        met = next(
            (
                k
                for k, value in enumerate(values)
                if value is not None and self.bench.reached(value, self.bench.official_target)
            ),
            None,
        )
        count = len(seconds) if met is None else met + 1
        spent = [float(it) for it in joules[:count]]
        told = [*spent[:-1], spent[-1] * (UNREACHED if met is None else 1.0)]
        steps = tuple(range(1, count + 1))
        took = tuple(float(it) for it in seconds[:count])
        return Training(steps, tuple(told), tuple(spent), took)

    @functools.cached_property
    def _means(self) -> dict[Hashable, float]:
        return {self._code(it): self._mean(it) for it in self.bench.configs()}

    def _mean(self, config: Params) -> float:
        runs = [self._run(config, seed) for seed in range(self.bench.n_seeds(config))]
        return math.fsum(run.values[-1] or math.inf for run in runs) / len(runs)

    def quality(self, config: Params) -> float:
        """Return the mean joules to the target over all recorded runs."""
        return self._means[self._code(config)]

    def target(self, repetition: int) -> float:
        """Return 5 % above the best mean energy in the table, whatever a repetition sees."""
        return NEAR * min(self._means.values())


class GridTable:
    """A table over a recorded grid, as replays see it."""

    def __init__(self, of: Problem) -> None:
        self._of = of

    def train(self, params: Params, repetition: int) -> Training:
        """Return the run that a repetition sees."""
        return self._of.train(self._of.config_of(params), repetition)

    def quality(self, params: Params) -> float:
        """Return the hidden quality."""
        return self._of.quality(self._of.config_of(params))

    def identity(self, params: Params) -> Hashable:
        """Name the configuration."""
        return tuple(sorted(self._of.config_of(params).items()))


class PoolTable(GridTable):
    """A pool of sampled configurations: a proposal is the nearest one that was not run yet."""

    def __init__(self, of: Problem) -> None:
        super().__init__(of)
        self._taken: dict[Hashable, int] = {}

    def identity(self, params: Params) -> Hashable:
        """Take the nearest configuration that is left."""
        asked = tuple(sorted(self._of.config_of(params).items()))
        if asked not in self._taken:
            used = set(self._taken.values())
            if len(used) == len(self._of.grid):
                return next(iter(self._taken))  # the pool is empty
            near = self._of.bench.nearest(dict(asked), exclude=used)
            self._taken[asked] = near.index
        return asked

    def train(self, params: Params, repetition: int) -> Training:
        """Return the run of the configuration that was taken."""
        return self._of.train(self._config(params), repetition)

    def quality(self, params: Params) -> float:
        """Return the hidden quality of the configuration that was taken."""
        return self._of.quality(self._config(params))

    def _config(self, params: Params) -> Params:
        index = self._taken[tuple(sorted(self._of.config_of(params).items()))]
        config: Params = self._of.bench.configs()[index]
        return config
