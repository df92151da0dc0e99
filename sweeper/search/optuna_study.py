"""The ``Study`` seam over Optuna's ask and tell.

Owns: the in-memory Optuna study, its numbering, the points asked so far. One thread.
Each ask uses a fresh sampler seeded from (search seed, trial number), so that no generator state
has to be kept and resuming is exact; a point that was asked before is named as a twin, and after
a run of twins an unexplored point is drawn.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from random import Random

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import Trial
from optuna.trial import TrialState as OptunaState

from sweeper.model import GO_ON, Constant, Direction, Params, Proposal, Space, TrialState, Verdict
from sweeper.search import encoding
from sweeper.search.pruners import Judge
from sweeper.search.space import every_point, point_identity, random_point, size

__all__ = ["OptunaStudy", "ask_seed"]

TWINS_IN_A_ROW = 20  # then an unexplored point is asked
_DRAWS = 1000  # random points tried before the space counts as explored
_ENUMERABLE = 100_000  # a finite space up to this size is listed instead of drawn from

SamplerFactory = Callable[[int], BaseSampler]


def ask_seed(seed: int, number: int) -> int:
    """Derive the sampler's seed for one ask, so that it depends on nothing else."""
    packed = seed.to_bytes(8, "big") + number.to_bytes(8, "big")
    return int.from_bytes(hashlib.sha256(b"sweeper/ask/1\0" + packed).digest()[:4], "big")


class OptunaStudy:
    """A study over one space with one metric.

    Args:
        space: The parameters.
        direction: Which way the metric gets better.
        make_sampler: Builds Optuna's sampler from a seed.
        judge: Decides about early stopping.
        seed: The search seed, >= 0.
        points: All points in order instead of a sampler's choice (grid); None: ask the sampler.
        without: Parameters that do not make points different.
    """

    def __init__(
        self,
        space: Space,
        *,
        direction: Direction,
        make_sampler: SamplerFactory,
        judge: Judge,
        seed: int,
        points: Iterator[Params] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._seed = seed
        self._make_sampler = make_sampler
        self._judge = judge
        self._points = points
        self._without = without
        self._size = size(space, without=without)
        self._distributions = encoding.distributions(space)
        self._study = optuna.create_study(
            study_name="sweeper",  # Optuna's Hyperband hashes the name into its brackets
            direction=direction.value,
            sampler=make_sampler(ask_seed(seed, 0)),
            pruner=judge.pruner,
        )
        self._first_asker: dict[Hashable, int] = {}
        self._open: dict[int, Trial] = {}
        self._last_step: dict[int, int] = {}
        self._asked = 0
        self._twins = 0

    def ask(self) -> Proposal | None:
        """Propose the next point; None: the space is exhausted."""
        if self._size is not None and len(self._first_asker) >= self._size:
            return None
        if self._points is not None:
            point = self._next_grid_point()
        elif self._twins >= TWINS_IN_A_ROW:
            point = self._unexplored()
        else:
            return self._ask(None)
        return None if point is None else self._ask(point)

    def repeat(self, params: Params) -> Proposal:
        """Repeat a recorded ask with exactly these params."""
        return self._ask(params)

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Report to Optuna, then let the pruning rule decide."""
        trial = self._open.get(number)
        if trial is None or step <= self._last_step.get(number, -1):
            return GO_ON
        self._last_step[number] = step
        trial.report(value, step)
        return self._judge.judge(trial, step, value)

    def tell(self, number: int, state: TrialState, values: Sequence[float]) -> None:
        """Tell Optuna; what is not finite never reaches it."""
        self._last_step.pop(number, None)
        trial = self._open.pop(number)
        if state is TrialState.COMPLETE and all(math.isfinite(value) for value in values):
            self._study.tell(trial, list(values))
        elif state is TrialState.PRUNED:
            self._study.tell(trial, state=OptunaState.PRUNED)
        else:
            self._study.tell(trial, state=OptunaState.FAIL)

    def _ask(self, params: Params | None) -> Proposal:
        if params is not None:
            self._study.enqueue_trial(encoding.encode(self._space, params))
        self._study.sampler = self._make_sampler(ask_seed(self._seed, self._asked))
        with warnings.catch_warnings():
            # Over ranges near 2**53 Optuna's densities lose digits, and NumPy says so.
            warnings.simplefilter("ignore", RuntimeWarning)
            trial = self._study.ask(self._distributions)
        self._open[trial.number] = trial
        self._asked += 1
        decoded = encoding.decode(self._space, trial.params)
        twin = self._first_asker.setdefault(self._identity(decoded), trial.number)
        is_twin = twin != trial.number
        self._twins = self._twins + 1 if is_twin else 0
        return Proposal(number=trial.number, params=decoded, twin=twin if is_twin else None)

    def _identity(self, params: Params) -> Hashable:
        return point_identity(params, self._without)

    def _next_grid_point(self) -> Params | None:
        assert self._points is not None  # the caller looked
        for point in self._points:
            if self._is_new(point):
                return point
        return None

    def _unexplored(self) -> Params | None:
        """Draw a point that was never asked; None: there seems to be none."""
        random = Random(ask_seed(self._seed, self._asked))
        for _ in range(_DRAWS):
            point = random_point(self._space, random)
            if self._is_new(point):
                return point
        return self._listed_unexplored(random)

    def _listed_unexplored(self, random: Random) -> Params | None:
        if self._size is None or self._size > _ENUMERABLE:
            return None
        drawn = random_point(self._space, random)  # what makes no difference is drawn once
        listed: Space = {
            name: Constant(drawn[name]) if name in self._without else parameter
            for name, parameter in self._space.items()
        }
        rest = [point for point in every_point(listed) if self._is_new(point)]
        return random.choice(rest) if rest else None

    def _is_new(self, point: Params) -> bool:
        return self._identity(point) not in self._first_asker
