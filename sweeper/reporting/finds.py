"""What a search found: the best trial, or the front, or what came nearest to the constraints.

Owns: these values, how they are found among the trials, and their JSON. Imports ``sweeper.model``
only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.model import Factors, Goals, Params, Source, SweepHistory, Value
from sweeper.reporting.clean import jsonable
from sweeper.reporting.front import Front
from sweeper.reporting.outcomes import TrialView, from_store
from sweeper.reporting.worth import Worth, broken, objectives, worth_of

__all__ = ["Find", "Finds", "find"]


@dataclass(frozen=True, slots=True)
class Find:
    """A complete trial that is worth naming.

    Attributes:
        source: Where it came from.
        from_cache: All of it was trained outside this sweep.
        producer: Who had trained it then; None: this sweep, or it is not known.
        broken: The constraints that it does not meet, and how far it is from meeting each.
    """

    number: int
    params: Params
    worth: Worth
    source: Source | None
    from_cache: bool
    producer: str | None
    broken: Mapping[str, float]

    @property
    def value(self) -> float:
        """Return the value of the first objective."""
        return self.worth.values[0] or 0.0  # it is known: else it would be no find

    def to_json(self) -> dict[str, Value]:
        """Return the documented object."""
        worth = self.worth.to_json()
        return {
            "number": self.number,
            "params": jsonable(self.params),
            "metrics": worth.pop("metrics"),
            "step": self.worth.step,
            "from_cache": self.from_cache,
            "producer": self.producer,
            **worth,
        }


@dataclass(frozen=True, slots=True)
class Finds:
    """What a search found.

    Attributes:
        best: The best feasible trial, of equally good ones the first; None: there is none, or there
            are several objectives.
        front: The feasible trials that no other one beats, by number; empty for one objective. A
            duplicate is the trial that it repeats, and so not there a second time.
        nearest: Where no complete trial is feasible, the one that breaks the fewest constraints,
            and of those the one that breaks them least; else None.
        feasible: How many complete trials meet all constraints; None: there are no constraints.
    """

    best: Find | None
    front: tuple[Find, ...]
    nearest: Find | None
    feasible: int | None


def find(
    trials: Sequence[TrialView], history: SweepHistory, goals: Goals, factors: Factors
) -> Finds:
    """Look for the best among a sweep's trials.

    Args:
        trials: All of them, by number.
        history: The sweep's.
        goals: What they are judged by.
        factors: From joules to grams and money.
    """
    complete = [it for trial in trials if (it := _find(trial, history, goals, factors)) is not None]
    feasible = [it for it in complete if not it.broken]
    several = len(goals.metrics) > 1
    return Finds(
        best=None if several else _best(feasible, goals),
        front=_front(feasible, goals) if several else (),
        nearest=None if feasible else min(complete, key=_distance, default=None),
        feasible=len(feasible) if goals.constraints else None,
    )


def _find(trial: TrialView, history: SweepHistory, goals: Goals, factors: Factors) -> Find | None:
    """Return a trial as a find; None: it is not complete, or one of its values is unknown."""
    worth = worth_of(trial.trainings, goals, factors) if trial.complete else None
    if worth is None or objectives(worth, goals) is None:
        return None
    params = trial.first.params
    cached = from_store(trial, history)
    producers = (use.producer for use in history.uses if use.number == trial.number)
    return Find(
        number=trial.number,
        params=params,
        worth=worth,
        source=trial.source,
        from_cache=cached,
        producer=next(producers, None) if cached else None,
        broken=broken(worth, params, goals),
    )


def _best(finds: Sequence[Find], goals: Goals) -> Find | None:
    best: Find | None = None
    for it in finds:
        if best is None or goals.first.direction.better(it.value, best.value):
            best = it
    return best


def _front(finds: Sequence[Find], goals: Goals) -> tuple[Find, ...]:
    front = Front(goals.metrics)
    known = {it.number: it for it in finds if it.source is not Source.DUPLICATE}
    for number, it in known.items():
        front.add(number, objectives(it.worth, goals) or ())
    return tuple(known[number] for number in front.numbers)


def _distance(it: Find) -> tuple[int, float]:
    # Violations of different constraints have different units, so their number comes first.
    return len(it.broken), max(it.broken.values(), default=0.0)
