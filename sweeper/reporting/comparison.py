"""Comparisons for people and machines: sweeps against each other, searches against grid search.

Owns: their wording and the JSON of a race. Imports rich at the top through ``grid``: only the
reading commands import this module.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from sweeper.model import Value
from sweeper.model.races import Race, Ratio, Spread, Standing
from sweeper.reporting import figures
from sweeper.reporting.clean import jsonable, one_line
from sweeper.reporting.grid import table_of, text_of
from sweeper.reporting.versus import Versus

__all__ = ["race_json", "race_page", "versus_page"]

_EXHAUSTIVE = "grid"
_SHUFFLED = "grid, shuffled"


def versus_page(it: Versus) -> RenderableType:
    """Lay out ``sweeper compare SWEEP SWEEP``."""
    goal = f"{it.metric.direction.value} {one_line(it.metric.name)}"
    head = [f"{len(it.contenders)} sweeps, {goal}"]
    if it.quality is None:
        head.append("not every one of them has a value: there is no common quality")
    else:
        head.append(f"common quality {figures.metric(it.quality)}: the best of the worst of them")
    rows = [
        (
            one_line(c.handle),
            one_line(c.method),
            "" if c.best is None else figures.metric(c.best),
            figures.energy(c.to_quality_j),
            figures.duration(c.to_quality_s),
            figures.energy(c.cold_j),
            figures.energy(c.spent_j),
            figures.duration(c.elapsed_s),
            f"{figures.count(c.trained)}/{figures.count(c.settled)}",
        )
        for c in it.contenders
    ]
    header = ["sweep", "method", "best", "energy to it", "time to it", "energy in all"]
    header += ["consumed", "time", "trained"]
    notes = [
        "energy to it, energy in all: what the store answered is charged in full, as if alone;",
        "consumed: what this sweep really used. Trials in flight and overhead are in it.",
    ]
    table = table_of(header, rows, right=set(range(2, 9)))
    return Group(text_of(head), Text(), table, Text(), text_of(notes))


def race_page(race: Race) -> RenderableType:
    """Lay out ``sweeper compare FILE``."""
    goal = f"{race.metric.direction.value} {one_line(race.metric.name)}"
    what = "recorded results" if race.recorded else "trained sweeps"
    spent = "nothing trained, 0 J" if race.recorded else _paid(race)
    head = [
        f"{one_line(race.name)}: {goal}, {figures.count(race.repetitions, 'repetition')} on {what}",
        f"grid of {figures.count(race.points, 'point')}; value to reach "
        f"{figures.metric(race.target)} (median); {spent}",
    ]
    rows = [_energies(it) for it in race.standings]
    header = [
        "method",
        "energy to the value",
        "quartiles",
        "reached",
        "trials",
        "pruned",
        "quality",
    ]
    energies = table_of(header, rows, right=set(range(1, 7)))
    rows = [_ratios_of(it) for it in race.standings]
    header = ["method", "of the grid's energy (95 %)", "of the shuffled grid's (95 %)", "p"]
    ratios = table_of(header, rows, right={1, 2, 3})
    return Group(text_of(head), Text(), energies, Text(), ratios, Text(), text_of(list(race.notes)))


def _paid(race: Race) -> str:
    if not race.trained:
        return "nothing trained now"
    trained = figures.count(race.trained, "training")
    return f"{trained} now, {figures.energy(race.spent_j)}"


def _energies(it: Standing) -> tuple[str, ...]:
    return (
        one_line(it.method),
        figures.energy(it.energy_j.median),
        f"{figures.energy(it.energy_j.q25)} to {figures.energy(it.energy_j.q75)}",
        f"{it.reached}/{it.repetitions}",
        figures.significant(it.trials, 3),
        figures.significant(it.pruned, 3),
        "" if it.quality is None else figures.metric(it.quality),
    )


def _ratios_of(it: Standing) -> tuple[str, ...]:
    is_base = it.to_shuffled is None or it.method == _EXHAUSTIVE
    return (
        one_line(it.method),
        _ratio(it.to_grid),
        "" if it.to_shuffled is None or is_base else _ratio(it.to_shuffled),
        "" if it.p is None else f"{it.p:.2g}",
    )


def _ratio(it: Ratio) -> str:
    if it.low == it.high:
        return f"{it.median:.3g}"
    return f"{it.median:.3g} ({it.low:.3g} to {it.high:.3g})"


def race_json(race: Race) -> dict[str, Value]:
    """Return ``sweeper compare FILE --json``."""
    return {
        "name": race.name,
        "metric": race.metric.name,
        "goal": race.metric.direction.value,
        "recorded": race.recorded,
        "points": race.points,
        "repetitions": race.repetitions,
        "target": jsonable(race.target),
        "methods": [_standing(it) for it in race.standings],
        "ratios": dict(_ratios(race.standings)),
        "trained": race.trained,
        "spent_j": jsonable(race.spent_j),
        "notes": list(race.notes),
    }


def _standing(it: Standing) -> dict[str, Value]:
    return {
        "method": it.method,
        "energy_to_target_j": _spread(it.energy_j),
        "success": it.reached / it.repetitions if it.repetitions else None,
        "reached": it.reached,
        "repetitions": it.repetitions,
        "p_against_shuffled_grid": jsonable(it.p),
        "quality": jsonable(it.quality),
        "trials": it.trials,
        "pruned": it.pruned,
    }


def _spread(it: Spread) -> dict[str, Value]:
    return {"median": jsonable(it.median), "q25": jsonable(it.q25), "q75": jsonable(it.q75)}


def _ratios(standings: Sequence[Standing]) -> list[tuple[str, Value]]:
    found: list[tuple[str, Value]] = []
    for it in standings:
        if it.method != _EXHAUSTIVE:
            found.append((f"{it.method}/{_EXHAUSTIVE}", _ratio_json(it.to_grid)))
        if it.to_shuffled is not None and it.method not in (_EXHAUSTIVE, _SHUFFLED):
            found.append((f"{it.method}/{_SHUFFLED}", _ratio_json(it.to_shuffled)))
    return found


def _ratio_json(it: Ratio) -> dict[str, Value]:
    return {"median": it.median, "low": it.low, "high": it.high}
