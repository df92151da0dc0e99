"""One sweep file under several methods and seeds: what ``sweeper compare`` runs or replays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.config.load import LoadedSweep, load
from sweeper.config.samplers import SAMPLERS
from sweeper.errors import SweeperError
from sweeper.model import Conditional, Constant, Nested, Parameter, Space

__all__ = ["EXHAUSTIVE", "Way", "read_ways", "variant"]

EXHAUSTIVE = "grid"
_METHODS = ("grid", "random", "bayes")
_RULES = ("none", "hyperband", "asha", "median")
_ETA = 3
_RUNGS = 3  # of halving below the horizon, where the file has no rule of its own


@dataclass(frozen=True, slots=True)
class Way:
    """A method of searching, and perhaps its own rule of early stopping: ``bayes:median``.

    Attributes:
        method: ``grid``, ``random``, ``bayes``, or a sampler.
        rule: Of early stopping; None: the file's.
    """

    method: str
    rule: str | None = None

    @property
    def name(self) -> str:
        """Return what the user calls it."""
        return self.method if self.rule is None else f"{self.method}:{self.rule}"


def read_ways(text: str) -> tuple[Way, ...]:
    """Read ``--methods``.

    Raises:
        SweeperError: If one of them is not known.
    """
    known = [*_METHODS, *(name for name in SAMPLERS if name not in _METHODS)]
    ways = []
    for word in (part.strip() for part in text.split(",")):
        method, colon, rule = word.partition(":")
        if method not in known or (colon and rule not in _RULES):
            raise SweeperError(
                f"--methods: {word!r} is no method; there are {', '.join(known)}, each with "
                f"its own early stopping if you like, {', '.join(f':{name}' for name in _RULES)}"
            )
        ways.append(Way(method, rule if colon else None))
    if EXHAUSTIVE not in [way.name for way in ways]:
        raise SweeperError("--methods: grid must be among them, it sets the value to reach")
    return tuple(dict.fromkeys(ways))


def variant(
    file: str, overrides: Sequence[str], way: Way, repetition: int, grid: Space
) -> LoadedSweep:
    """Load a sweep file as one entrant of a comparison.

    Args:
        file: The sweep file.
        overrides: Of the command line.
        way: How it is searched.
        repetition: Seed of the search and of every trial.
        grid: The grid that is searched exhaustively.

    Raises:
        ConfigError: If the file does not allow that.
    """
    plain = load(file, overrides)
    return load(file, [*overrides, *_changes(plain, way, repetition, grid)])


def _changes(plain: LoadedSweep, way: Way, repetition: int, grid: Space) -> Iterator[str]:
    config = plain.config
    name = way.name.replace(":", "-")
    yield f"name={json.dumps(f'{config.name}-{name}-r{repetition}')}"
    yield f"seed={repetition}"
    yield f"trial.seed={repetition}"
    yield "metric.target=null"
    yield "grid=null"
    if way.method == EXHAUSTIVE:
        yield "method=grid"
        yield from ("sampler=null", "scheduler=null", "enqueue=null", "budget=null")
        yield from _listed("parameters", grid)
    elif way.method in _METHODS:
        own = way.method == config.method.value
        yield f"method={way.method}"
        yield from () if own else ("sampler=null", "scheduler=null")
    else:
        yield from ("method=bayes", "scheduler=null", f"sampler={way.method}")
    rule = "none" if way.name == EXHAUSTIVE else way.rule
    if rule is not None:
        yield f"early_terminate={json.dumps(_rule(rule, config.max_steps))}"


def _rule(name: str, max_steps: int | None) -> object:
    first = 1 if max_steps is None else max(1, round(max_steps / _ETA**_RUNGS))
    match name:
        case "hyperband" | "asha":
            return {"type": name, "min_iter": first, "eta": _ETA}
        case "median":
            return {"type": name, "min_iter": first}
        case _:
            return None


def _listed(path: str, space: Space) -> Iterator[str]:
    """Replace parameters by the lists of a grid."""
    for name, parameter in space.items():
        inner: Parameter = parameter
        when = {}
        if isinstance(inner, Conditional):
            when, inner = {"when": inner.when.text}, inner.parameter
        if isinstance(inner, Nested):
            yield from _listed(f"{path}.{name}.parameters", inner.parameters)
        elif not isinstance(inner, Constant):
            values = {"values": list(getattr(inner, "values", ())), **when}
            yield f"{path}.{name}={json.dumps(values)}"
