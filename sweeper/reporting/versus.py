"""Finished sweeps against each other: what each found, and what it took to find it.

Owns: the comparison of sweeps and its JSON. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.errors import SweeperError
from sweeper.model import Metric, SweepHistory, Value
from sweeper.reporting.clean import jsonable
from sweeper.reporting.summary import Summary
from sweeper.reporting.trajectory import Moment, trajectory_of

__all__ = ["Contender", "Versus", "versus"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One sweep of a comparison.

    Attributes:
        handle: Its name.
        method: What proposed its points.
        best: Its best value; None: it has none.
        to_quality_j: Joules to the common quality, the store's answers charged in full; None: it
            did not get there, or a term is unknown.
        to_quality_s: Seconds to it, as the sweep ran.
        spent_j: All that it consumed; None: unknown.
        cold_j: The same with the store's answers charged; None: unknown.
        elapsed_s: All its time.
        settled: Its trials.
        trained: How many of them it trained.
        moments: How its best value grew.
    """

    handle: str
    method: str
    best: float | None
    to_quality_j: float | None
    to_quality_s: float | None
    spent_j: float | None
    cold_j: float | None
    elapsed_s: float
    settled: int
    trained: int
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Versus:
    """Sweeps against each other.

    Attributes:
        metric: What they are compared by.
        quality: The best value of the worst of them: what all of them reached; None: one of them
            has no value.
        contenders: In the order in which they were named.
    """

    metric: Metric
    quality: float | None
    contenders: tuple[Contender, ...]

    def to_json(self) -> dict[str, Value]:
        """Return ``sweeper compare SWEEP SWEEP --json``."""
        return {
            "metric": self.metric.name,
            "goal": self.metric.direction.value,
            "quality": jsonable(self.quality),
            "sweeps": [_document(it) for it in self.contenders],
        }


def _document(it: Contender) -> dict[str, Value]:
    return {
        "sweep": it.handle,
        "method": it.method,
        "best": jsonable(it.best),
        "energy_to_quality_j": jsonable(it.to_quality_j),
        "time_to_quality_s": jsonable(it.to_quality_s),
        "spent_j": jsonable(it.spent_j),
        "cold_j": jsonable(it.cold_j),
        "elapsed_s": jsonable(it.elapsed_s),
        "settled": it.settled,
        "trained": it.trained,
        "curve": [
            {"cold_j": jsonable(m.cold_j), "spent_j": jsonable(m.spent_j), "best": jsonable(m.best)}
            for m in it.moments
        ],
    }


def versus(sweeps: Sequence[tuple[SweepHistory, Summary, str]]) -> Versus:
    """Compare sweeps.

    Args:
        sweeps: History, figures and method of each; two or more.

    Raises:
        SweeperError: If they are judged by different metrics.
    """
    metrics = {(s.goals.first.name, s.goals.first.direction) for _, s, _ in sweeps}
    if len(metrics) > 1:
        named = ", ".join(
            f"{s.handle}: {s.goals.first.direction.value} {s.goals.first.name}"
            for _, s, _ in sweeps
        )
        raise SweeperError(
            f"sweeps that are judged by different metrics cannot be compared: {named}"
        )
    metric = sweeps[0][1].goals.first
    paths = [
        trajectory_of(history, summary.goals, summary.factors) for history, summary, _ in sweeps
    ]
    quality = _common(paths, metric)
    return Versus(
        metric,
        quality,
        tuple(
            _contender(summary, method, moments, quality, metric)
            for (_, summary, method), moments in zip(sweeps, paths, strict=True)
        ),
    )


def _common(paths: Sequence[Sequence[Moment]], metric: Metric) -> float | None:
    bests = [moments[-1].best if moments else None for moments in paths]
    known = [best for best in bests if best is not None]
    if len(known) < len(bests):
        return None
    worst = known[0]
    for best in known:
        worst = best if metric.direction.better(worst, best) else worst
    return worst


def _contender(
    summary: Summary,
    method: str,
    moments: tuple[Moment, ...],
    quality: float | None,
    metric: Metric,
) -> Contender:
    reached = next((m for m in moments if _is_there(m.best, quality, metric)), None)
    spent_j, store = summary.energy.spent_j, summary.energy.avoided_store
    known = not summary.energy.unknown_terms and not store.missing
    cold_j = None
    if known and spent_j is not None:
        cold_j = spent_j + (store.energy_j or 0.0)
    return Contender(
        handle=summary.handle,
        method=method,
        best=moments[-1].best if moments else None,
        to_quality_j=None if reached is None else reached.cold_j,
        to_quality_s=None if reached is None else reached.elapsed_s,
        spent_j=spent_j,
        cold_j=cold_j,
        elapsed_s=summary.elapsed_s,
        settled=summary.trials.settled,
        trained=summary.trials.trained,
        moments=moments,
    )


def _is_there(best: float | None, quality: float | None, metric: Metric) -> bool:
    if best is None or quality is None:
        return False
    return best == quality or metric.direction.better(best, quality)
