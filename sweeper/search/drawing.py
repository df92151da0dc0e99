"""One ask: a whole point that satisfies the constraints, drawn by Optuna's sampler.

Owns: what happens between Optuna's study and its sampler. A point is drawn whole, before anything
of it is in the study, so that one that breaks a constraint leaves no trace there and a resumed
study is equal to one that was never interrupted.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import Params, Value
from sweeper.search.encoding import Encoding, Part, Point
from sweeper.search.flat import Leaf
from sweeper.search.laws import draw, value_count
from sweeper.search.samplers import Joint, Method, SamplerFactory
from sweeper.search.space import ENUMERABLE

__all__ = ["Domain", "WholePointSampler", "ask_seed", "try_seed"]

_DRAWS = 1000  # random points tried before a point is looked for in a list


def ask_seed(seed: int, number: int) -> int:
    """Derive the sampler's seed for one ask, so that it depends on nothing else."""
    return _derived(b"sweeper/ask/1\0", seed, number)


def try_seed(seed: int, attempt: int) -> int:
    """Derive the seed of another try at the same ask; the first one keeps the ask's."""
    return seed if attempt == 0 else _derived(b"sweeper/try/1\0", seed, attempt)


def _derived(salt: bytes, seed: int, number: int) -> int:
    packed = seed.to_bytes(8, "big") + number.to_bytes(8, "big")
    return int.from_bytes(hashlib.sha256(salt + packed).digest()[:4], "big")


class Domain:
    """The points of a space that may be proposed.

    Args:
        encoding: The space, and how Optuna keeps it.
        constraints: Over params; every one must hold.
    """

    def __init__(self, encoding: Encoding, constraints: Sequence[Expression]) -> None:
        self.encoding = encoding
        self.space = encoding.space
        self.constraints = tuple(constraints)
        self.finite = all(value_count(leaf.parameter) is not None for leaf in self.space.leaves)

    def allows(self, params: Params) -> bool:
        """Tell whether a point satisfies the constraints, as far as their parameters are there."""
        return all(constraint.allows(params) for constraint in self.constraints)

    def random_points(self, random: Random, part: Part = MappingProxyType({})) -> Iterator[Params]:
        """Draw as many random points as are worth trying; yield those that are allowed.

        Args:
            random: The generator.
            part: Parameters that are not drawn.
        """

        def choose(leaf: Leaf) -> Value:
            return part[leaf.name][0] if leaf.name in part else draw(leaf.parameter, random)

        drawn = (self.space.nest(self.space.grow(choose)) for _ in range(_DRAWS))
        return (point for point in drawn if self.allows(point))

    def any_point(self, random: Random, part: Part = MappingProxyType({})) -> Params | None:
        """Return some allowed point, by chance or else from the list; None: none was found."""
        point = next(self.random_points(random, part), None)
        if point is not None or part or not self.finite:
            return point
        listed = itertools.islice(self.space.points(), ENUMERABLE)
        nested = (self.space.nest(chosen) for chosen in listed)
        return next((point for point in nested if self.allows(point)), None)

    def nothing_found(self) -> SpaceError:
        """Return the error of a space without a single point."""
        texts = "; ".join(constraint.text for constraint in self.constraints)
        return SpaceError(
            f"constraints[0]: no point was found that satisfies all constraints ({texts}); "
            "loosen them or widen the parameters"
        )


class WholePointSampler(BaseSampler):
    """Asks one of Optuna's samplers for one whole point; lives for one ask.

    Args:
        domain: Which points may be proposed.
        method: What there is to know about the sampler.
        make_inner: Builds it.
        seed: Of this ask.
        given: The point to take, whatever the sampler draws; None: the sampler's.
        part: Parameters that were chosen by a person; the sampler draws the others.
        fallback: What is proposed when no allowed point is found; None: that is an error.

    Attributes:
        point: What was drawn; None until then.
    """

    def __init__(
        self,
        domain: Domain,
        method: Method,
        make_inner: SamplerFactory,
        *,
        seed: int,
        given: Point | None = None,
        part: Part = MappingProxyType({}),
        fallback: Params | None = None,
    ) -> None:
        self.point: Point | None = given
        self._domain = domain
        self._encoding = domain.encoding
        self._method = method
        self._make_inner = make_inner
        self._seed = seed
        self._given = given
        self._part = part
        self._fallback = fallback

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return everything: the whole point is drawn together."""
        return self._encoding.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the point: its active parameters, as Optuna keeps them.

        Raises:
            SpaceError: If no point that satisfies the constraints was found.
        """
        point = self._given
        if point is None or self._method.keeps_state:
            drawn = self._tried(study, trial)
            point = point or drawn or self._found()
            its_own = drawn is not None and drawn.drawn == point.drawn and not self._part
            _tidy(study, trial, is_its_own=its_own)
        self.point = point
        return dict(point.drawn)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the parameter of the point; Optuna asks where it finds a value out of range."""
        raise AssertionError(f"{param_name} was not drawn with its point")

    def _tried(self, study: Study, trial: FrozenTrial) -> Point | None:
        """Ask the sampler until its point is allowed; None: it was asked often enough."""
        for attempt in range(self._method.tries):
            inner = self._make_inner(try_seed(self._seed, attempt))
            params = self._encoding.decode(self._drawn_by(inner, study, trial))
            if self._domain.allows(params):
                return self._encoding.read(params)
        return None

    def _drawn_by(self, inner: BaseSampler, study: Study, trial: FrozenTrial) -> Mapping[str, Any]:
        joint = self._joint(inner, study, trial)
        together = inner.sample_relative(study, trial, joint)
        drawn: dict[str, Any] = {}

        def choose(leaf: Leaf) -> Any:
            if leaf.name in self._part:
                value, raw = self._part[leaf.name]
                if raw is not None:
                    drawn[leaf.name] = raw
                return value
            distribution = self._encoding.distributions.get(leaf.name)
            if distribution is None:
                return self._encoding.value(leaf, None)
            if distribution.single():
                raw = _only_value(distribution)
            elif leaf.name in together:
                raw = together[leaf.name]
            else:
                raw = inner.sample_independent(study, trial, leaf.name, distribution)
            drawn[leaf.name] = raw
            return self._encoding.value(leaf, raw)

        self._domain.space.grow(choose)
        return drawn

    def _joint(
        self, inner: BaseSampler, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if self._method.joint is Joint.ITS_OWN:
            return inner.infer_relative_search_space(study, trial)
        space = {n: d for n, d in self._encoding.distributions.items() if not d.single()}
        if self._method.joint is Joint.ALL:
            return space
        steady = {leaf.name for leaf in self._domain.space.leaves if not leaf.conditions}
        numbers_only = self._method.joint is Joint.STEADY_NUMBERS
        return {
            name: distribution
            for name, distribution in space.items()
            if name in steady
            and not (numbers_only and isinstance(distribution, CategoricalDistribution))
        }

    def _found(self) -> Point:
        params = self._domain.any_point(Random(self._seed), self._part)
        if params is None:
            params = self._fallback
        if params is None:
            raise self._domain.nothing_found()
        return self._encoding.read(params)


def _only_value(distribution: BaseDistribution) -> Any:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return choices[0]
        case IntDistribution(low=low) | FloatDistribution(low=low):
            return low
    raise TypeError(f"{distribution} is no distribution of ours")


def _tidy(study: Study, trial: FrozenTrial, *, is_its_own: bool) -> None:
    """Take back what a sampler noted about a trial and what is not so.

    TPE and the Gaussian process note what they drew for other workers to see: it may hold inactive
    parameters, or be of an earlier try, and a repeated ask would not have it. CMA-ES counts the
    trial among its generation, which a point that it has not drawn would lead astray.

    Source: ``_RELATIVE_PARAMS_KEY`` and ``_attr_key_generation`` in optuna.samplers; storage is
    what every sampler there writes to.
    """
    storage, trial_id = study._storage, trial._trial_id
    for key in list(storage.get_trial(trial_id).system_attrs):
        if ":relative_params:" in key:
            storage.set_trial_system_attr(trial_id, key, "")
        elif key in _CMA_GENERATIONS and not is_its_own:
            storage.set_trial_system_attr(trial_id, key, -1)


_CMA_GENERATIONS = ("cma:generation", "sepcma:generation", "cmawm:generation")
