"""What a trial is worth at its end, and why it is worth nothing.

Must not know where the curve came from: a worker and the store are the same here.
"""

from __future__ import annotations

from sweeper.model import (
    BUILT_IN,
    Cause,
    CauseKind,
    Curve,
    Energy,
    Factors,
    Goals,
    region_metric,
)

__all__ = ["final_values", "last_reported"]


def final_values(
    goals: Goals, curve: Curve, energy: Energy, elapsed_s: float, factors: Factors
) -> tuple[float, ...] | Cause:
    """Return one value per name of the goals, or why one of them is unknown.

    Args:
        goals: What the trial is judged by.
        curve: Every report that counted.
        energy: The account of the training, with its regions.
        elapsed_s: All the time that it took.
        factors: Of the sweep that asks.
    """
    values = goals.final(curve, energy, elapsed_s, factors)
    known = tuple(value for value in values if value is not None)
    if len(known) == len(values):
        return known
    name = goals.names[values.index(None)]
    own = region_metric(name) is None and name not in BUILT_IN
    return Cause(CauseKind.MISSING if own else CauseKind.ERROR, _why_unknown(name, energy))


def _why_unknown(name: str, energy: Energy) -> str:
    of_region = region_metric(name)
    if of_region is not None:
        return f"{name} is unknown: {_why_no_region(of_region[0], energy)}"
    if name not in BUILT_IN:
        return (
            f"the objective ended without reporting {name}; report it with "
            f'yield step, {{"{name}": value}}; a program prints {name}=VALUE'
        )
    if energy.total_j is None:
        return f"{name} is unknown: nothing measures or estimates the energy of this trial"
    return f"{name} needs energy.price_per_kwh"


def _why_no_region(region: str, energy: Energy) -> str:
    if region not in {each.name for each in energy.regions}:
        return (
            f"the objective never entered trial.measure({region!r}); write: "
            f"with trial.measure({region!r}): ..., or sweeper.measure in a script"
        )
    if energy.source == "declared":
        return "the objective declares energy_j, so it must report the joules of its regions too"
    return (
        "nothing measures or estimates the energy of this region, or it was over before the "
        "sensor had moved (about 0.1 s)"
    )


def last_reported(goals: Goals, curve: Curve) -> tuple[float | None, ...]:
    """Return the last value that was reported of each name; None: it was never reported.

    This is the fact that a record keeps; which report decides is each sweep's own choice.
    """
    return tuple(
        next((v for point in reversed(curve) if (v := point.values[column]) is not None), None)
        for column in range(len(goals.names))
    )
