"""Tables of trainings that a lab has: kept ones, or an objective that answers at once.

Owns: which recorded training a repetition sees. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Hashable, Mapping, Sequence

from sweeper.model import Params
from sweeper.replay.table import Training

__all__ = ["AskedTable", "KeptTable", "name_of"]


def name_of(params: Params) -> str:
    """Name a point by its values."""
    return json.dumps(params, sort_keys=True, default=str)


class KeptTable:
    """Trainings that are kept: each point was trained with one or more seeds.

    Args:
        trainings: By the name of the point, one per seed.
        shared: A repetition sees the seed of its own number, the same one for all points; else it
            draws one for each point.
    """

    def __init__(self, trainings: Mapping[str, Sequence[Training]], *, shared: bool) -> None:
        self._trainings = trainings
        self._shared = shared

    def train(self, params: Params, repetition: int) -> Training:
        """Return the training that a repetition sees."""
        name = name_of(params)
        own = self._trainings[name]
        if self._shared:
            return own[repetition % len(own)]
        return own[random.Random(f"{repetition} {name}").randrange(len(own))]

    def quality(self, params: Params) -> float:
        """Return the mean over all seeds; nan if one of them has no value."""
        return _mean(self._trainings[name_of(params)])

    def identity(self, params: Params) -> Hashable:
        """Name the point."""
        return name_of(params)


class AskedTable:
    """Trainings that an objective answers at once, with joules that it declares.

    Args:
        ask: Returns the training of a point with a seed.
        seeds: So many seeds are the whole truth about a point.
    """

    def __init__(self, ask: Callable[[Params, int], Training], *, seeds: int) -> None:
        self._ask = ask
        self._seeds = seeds
        self._known: dict[tuple[str, int], Training] = {}

    def train(self, params: Params, repetition: int) -> Training:
        """Return the training with the repetition's seed; asked once."""
        name = name_of(params)
        known = self._known.get((name, repetition))
        if known is None:
            known = self._known[name, repetition] = self._ask(params, repetition)
        return known

    def quality(self, params: Params) -> float:
        """Return the mean over all seeds; nan if one of them has no value."""
        return _mean([self.train(params, seed) for seed in range(self._seeds)])

    def identity(self, params: Params) -> Hashable:
        """Name the point."""
        return name_of(params)


def _mean(trainings: Sequence[Training]) -> float:
    values = [it.last for it in trainings]
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else math.nan
