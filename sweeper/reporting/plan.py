"""What a sweep would do and cost, said before anything is spent.

Owns: the facts that ``sweeper plan`` shows, their words and their JSON. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.model import Value
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.closing import section
from sweeper.reporting.forecast import ASSUMPTION, CONFIDENCE, Estimate, Forecast

__all__ = ["PlanBudget", "PlanFacts", "plan_json", "plan_text"]


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """The budget of the sweep file; None: no limit.

    Attributes:
        trials: Settled trials, duplicates not.
        time_s: Time with a driver.
        energy_j: Joules consumed.
        co2e_g: Grams of CO2e of what was consumed.
        cost: Money for what was consumed, in ``currency``.
        currency: Of ``cost``.
    """

    trials: int | None = None
    time_s: float | None = None
    energy_j: float | None = None
    co2e_g: float | None = None
    cost: float | None = None
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What is known of a sweep before it runs.

    Attributes:
        name: The sweep's.
        sampler: What proposes: ``grid``, ``random``, ``tpe`` ...
        size: Points of the space or of the grid, impossible ones left out; None: endless.
        budget: What ends the sweep.
        trials: How many trials would be asked, at most, duplicates not: the lesser of
            ``budget.trials`` and ``size``; None: open.
        replicates: Trainings per trial.
        looked_at: How many proposals were looked up in the store: all where the search can be
            enumerated, else the first ones that the sampler makes without any feedback.
        known: How many of those the store answers now.
        duplicates: Proposals that repeat an earlier one, expected if points are drawn at random;
            0 for a grid or an endless space.
        rule: Of early stopping; None: nothing is stopped.
        rungs: Steps at which the rule judges, ascending, below ``max_steps``; empty: it judges
            every report.
        eta: The best 1/eta of a rung go on; None: the rule does not halve.
        max_steps: The planned horizon; None: open.
        workers: How many trials train at the same time.
        forecast: Of the trainings that the store does not answer; None: no record of the same
            objective is known, or ``trials`` is open.
    """

    name: str
    sampler: str
    size: int | None
    budget: PlanBudget
    trials: int | None
    replicates: int
    looked_at: int
    known: int
    duplicates: float
    rule: str | None
    rungs: tuple[int, ...]
    eta: float | None
    max_steps: int | None
    workers: int
    forecast: Forecast | None

    @property
    def reaching(self) -> tuple[float | None, ...]:
        """Return how many trials are expected to reach each rung: n, n/eta, n/eta^2 ..."""
        if self.trials is None or self.eta is None:
            return (None,) * len(self.rungs)
        return tuple(self.trials / self.eta**k for k in range(len(self.rungs)))

    @property
    def finishing(self) -> float | None:
        """Return how many trials are expected to pass the last rung; None: unknown."""
        if self.trials is None or self.eta is None:
            return None
        return self.trials / self.eta ** len(self.rungs)


def plan_text(facts: PlanFacts) -> str:
    """Word a plan, without a line break at the end."""
    lines = [f"plan of {one_line(facts.name)}: {one_line(facts.sampler)}, nothing is trained"]
    lines += section("space", [_space(facts)])
    lines += section("budget", [", ".join(_budget(facts.budget)) or "none"])
    lines += section("trials", _trials(facts))
    lines += section("stopping", _stopping(facts))
    horizon = "open" if facts.max_steps is None else figures.count(facts.max_steps)
    lines += section("max_steps", [horizon])
    lines += section("workers", [figures.count(facts.workers)])
    lines += section("forecast", _forecast(facts))
    return "\n".join(lines)


def plan_json(facts: PlanFacts) -> dict[str, Value]:
    """Return ``sweeper plan --json``."""
    budget = facts.budget
    limits = {name: getattr(budget, name) for name in ("trials", "time_s", "energy_j", "co2e_g")}
    rungs = zip(facts.rungs, facts.reaching, strict=True)
    return {
        "sweep": facts.name,
        "sampler": facts.sampler,
        "size": facts.size,
        "budget": {**limits, "cost": budget.cost, "currency": budget.currency},
        "trials": facts.trials,
        "replicates": facts.replicates,
        "looked_at": facts.looked_at,
        "known": facts.known,
        "expected_duplicates": facts.duplicates,
        "early_terminate": facts.rule,
        "eta": facts.eta,
        "rungs": [{"step": step, "expected_trials": reaching} for step, reaching in rungs],
        "max_steps": facts.max_steps,
        "workers": facts.workers,
        "forecast": None if facts.forecast is None else facts.forecast.to_json(),
    }


def _space(facts: PlanFacts) -> str:
    return "endless" if facts.size is None else figures.count(facts.size, "point")


def _budget(budget: PlanBudget) -> Iterator[str]:
    """Yield the limits that there are."""
    if budget.trials is not None:
        yield figures.count(budget.trials, "trial")
    if budget.time_s is not None:
        yield figures.duration(budget.time_s)
    if budget.energy_j is not None:
        yield figures.energy(budget.energy_j)
    if budget.co2e_g is not None:
        yield figures.co2e(budget.co2e_g)
    if budget.cost is not None:
        yield figures.money(budget.cost, budget.currency)


def _trials(facts: PlanFacts) -> list[str]:
    if facts.trials is None:
        asked = "open: they go on until the budget is spent or the sweep is stopped"
    else:
        asked = f"{figures.count(facts.trials)} at most"
    seeds = f", each with {facts.replicates} seeds" if facts.replicates > 1 else ""
    lines = [asked + seeds, _known(facts)]
    if facts.duplicates >= 0.05:
        duplicates = figures.significant(facts.duplicates, 2)
        lines.append(f"about {duplicates} duplicate proposals at random, which cost nothing")
    return lines


def _known(facts: PlanFacts) -> str:
    if not facts.looked_at:
        return "the store was not looked at"
    what = "trials" if facts.looked_at == facts.trials else "proposals looked at"
    known, looked_at = figures.count(facts.known), figures.count(facts.looked_at)
    return f"the store answers {known} of {looked_at} {what} now"


def _stopping(facts: PlanFacts) -> list[str]:
    """Word the rule and its rungs, with the trials that are expected at each."""
    if facts.rule is None:
        return ["none: every trial is trained to its end"]
    rule = one_line(facts.rule)
    if not facts.rungs:
        return [f"{rule}: every report is judged"]
    eta = "" if facts.eta is None else f", the best 1/{facts.eta:g} of a rung go on"
    lines = [f"{rule}{eta}"]
    cells = [figures.count(step) for step in facts.rungs]
    width = max(len(cell) for cell in cells)
    for cell, reaching in zip(cells, facts.reaching, strict=True):
        lines.append(f"  rung {cell.rjust(width)}{_expected(reaching, 'judged')}")
    if facts.finishing is not None:
        lines.append(f"  {_expected(facts.finishing, 'go on to their end')[2:]}")
    return lines


def _expected(trials: float | None, what: str) -> str:
    return "" if trials is None else f"  about {figures.significant(trials, 2)} {what}"


def _forecast(facts: PlanFacts) -> list[str]:
    """Word an estimate: figures with their intervals, what they come from, what they assume."""
    made = facts.forecast
    if made is None and facts.trials is None:
        return ["none: it is open how many trials there will be; set budget.trials"]
    if made is None:
        return ["no records of this objective yet: no forecast"]
    if not made.trials:
        return ["nothing has to be trained"]
    pairs = [f"time    {_bounds(made.time_s, figures.duration)}"]
    if made.energy_j is None:
        pairs.append("energy  unknown: no record knows its joules")
    else:
        pairs.append(f"energy  {_bounds(made.energy_j, figures.energy)}")
        if made.co2e_g is not None:
            pairs.append(f"CO2e    {_bounds(made.co2e_g, figures.co2e)}")
        pairs.append(f"cost    {_price(made)}")
    return [*pairs, *_provenance(made)]


def _bounds(it: Estimate, written: figures.Writer) -> str:
    value = figures.about(written(it.value))
    if it.low is None or it.high is None:
        return value
    return f"{value} ({written(it.low)} to {written(it.high)})"


def _price(made: Forecast) -> str:
    if made.cost is None:
        return "unknown: no energy.price_per_kwh"
    return _bounds(made.cost, lambda amount: figures.money(amount, made.factors.currency))


def _provenance(made: Forecast) -> Sequence[str]:
    trainings = figures.count(made.trials, "training")
    records = figures.count(made.records, "record")
    lines = [
        f"for {trainings} on {figures.count(made.workers, 'worker')}, from {records} of"
        " this objective",
        f"({figures.count(made.complete)} complete, {_joules(made)}); {_interval(made)}",
    ]
    return [*lines, f"assumes {ASSUMPTION}"]


def _joules(made: Forecast) -> str:
    unknown = figures.count(made.energy_unknown)
    return f"{unknown} without joules" if made.energy_unknown else "all with joules"


def _interval(made: Forecast) -> str:
    if made.time_s.low is None:
        return "too few for an interval"
    return f"in brackets the {figures.share(CONFIDENCE)} interval"
