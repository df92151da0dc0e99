"""One attempt in the air: its reports are checked here, and its end becomes an outcome."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from sweeper.model import (
    CUT_SHORT,
    UNAVAILABLE,
    Attempt,
    Cause,
    CauseKind,
    Claim,
    Curve,
    Ended,
    Ending,
    Energy,
    Metric,
    Outcome,
    Point,
    Progress,
    StepReport,
    Take,
    TrialState,
)

__all__ = ["Flight", "is_last", "value_of"]


def is_last(step: int, first_step: int, max_steps: int | None) -> bool:
    """Tell whether a step is the planned last one; who counts from 0 ends one step earlier."""
    return max_steps is not None and step >= max_steps - (first_step == 0)


def value_of(curve: Curve, metric: Metric) -> Point:
    """Return the point that gives a trial its value.

    Raises:
        ValueError: If the curve is empty.
    """
    if metric.take is Take.LAST:
        return curve[-1]
    best = curve[0]
    for point in curve:
        if metric.direction.better(point.values[0], best.values[0]):
            best = point
    return best


@dataclass
class Flight:
    """An attempt that a worker trains now.

    Attributes:
        attempt: Whose.
        claim: The lease it is trained under.
        curve: The reports that counted.
        ordered: Why it was told to end; None: it was not.
        killed: It was told to end wherever it is.
        past_horizon: It reported past ``max_steps`` and ends as complete.
    """

    attempt: Attempt
    claim: Claim | None
    metric: Metric
    max_steps: int | None
    curve: list[Point] = field(default_factory=list)
    ordered: Cause | None = None
    killed: bool = False
    past_horizon: bool = False
    started_at: float = field(default_factory=time.time)
    started_s: float = field(default_factory=time.monotonic)
    _last_step: int = -1

    def take(self, report: StepReport) -> Point | Cause | None:
        """Check a report.

        Returns:
            The new point; or why the report ends the trial; or None when it holds nothing of the
            metric, or lies past the horizon.
        """
        if self.max_steps is not None and report.step > self.max_steps:
            self.past_horizon = True
            return None
        if report.step <= self._last_step:
            return Cause(
                CauseKind.ERROR,
                f"steps must ascend: the objective reported step {report.step} after step "
                f"{self._last_step}",
            )
        self._last_step = report.step
        name = self.metric.name
        if name in report.unreadable:
            return Cause(
                CauseKind.ERROR,
                f"{name} must be a number, the objective reported {report.unreadable[name]} "
                f"at step {report.step}",
            )
        value = report.metrics.get(name)
        if value is None:
            return None
        if not math.isfinite(value):
            return Cause(
                CauseKind.DIVERGED, f"the objective reported {name}={value} at step {report.step}"
            )
        point = Point(report.step, (value,), report.energy_j, report.elapsed_s)
        self.curve.append(point)
        return point

    @property
    def at_horizon(self) -> bool:
        """Tell whether the last report that counted was the planned last one."""
        first_step = self.curve[0].step if self.curve else 1
        return is_last(self._last_step, first_step, self.max_steps)

    @property
    def age_s(self) -> float:
        """Return the seconds since it was handed to a worker."""
        return time.monotonic() - self.started_s

    @property
    def progress(self) -> Progress:
        """Return how far it is."""
        last = self.curve[-1] if self.curve else None
        return Progress(
            steps=last.step if last else 0,
            steps_total=self.max_steps,
            energy_j=last.energy_j if last else None,
            elapsed_s=last.elapsed_s if last else self.age_s,
        )

    def cut_short(self, cause: Cause, *, like: Energy | None) -> Outcome:
        """Say what is known of an attempt whose worker will not answer any more.

        Args:
            cause: Why.
            like: An account of another attempt of the sweep: it tells source and scope.
        """
        return Outcome(
            state=TrialState.LOST,
            curve=tuple(self.curve),
            energy=self._known_energy(like),
            elapsed_s=self.age_s,
            cause=cause,
        )

    def _known_energy(self, like: Energy | None) -> Energy:
        """Return the joules of the last report: the least that it used, flagged as such."""
        last = self.curve[-1] if self.curve else None
        if last is None or last.energy_j is None:
            return UNAVAILABLE
        return Energy(
            total_j=last.energy_j,
            source="unknown" if like is None else like.source,
            scope="none" if like is None else like.scope,
            attribution="none" if like is None else like.attribution,
            lo_j=last.energy_j,
            coverage=min(1.0, last.elapsed_s / self.age_s) if self.age_s > 0 else 1.0,
            flags=(CUT_SHORT,),
        )

    def outcome(self, ended: Ended, *, like: Energy | None = None) -> Outcome:
        """Say how the attempt ended.

        Args:
            ended: What the pool said.
            like: As in ``cut_short``, for a worker that was lost.
        """
        state, cause = self._verdict(ended)
        curve = tuple(self.curve)
        final = value_of(curve, self.metric).values if state is TrialState.COMPLETE else ()
        answered = ended.imported is not None
        return Outcome(
            state=state,
            curve=curve,
            final=final,
            energy=ended.energy if answered else self._known_energy(like),
            elapsed_s=ended.elapsed_s if answered else self.age_s,
            cause=cause,
            node=ended.node or None,
            gpus=ended.gpus,
        )

    def _verdict(self, ended: Ended) -> tuple[TrialState, Cause | None]:
        if ended.ending is Ending.RAISED:
            return TrialState.FAILED, ended.cause
        if self.ordered is not None and self.ordered.kind is not CauseKind.HORIZON:
            return _STATE_AFTER.get(self.ordered.kind, TrialState.FAILED), self.ordered
        if ended.ending is Ending.LOST:
            return TrialState.FAILED, ended.cause
        if not self.curve and self.past_horizon:
            return TrialState.FAILED, Cause(
                CauseKind.ERROR,
                f"the objective's first report of {self.metric.name} was past max_steps "
                f"{self.max_steps}",
            )
        if not self.curve:
            return TrialState.FAILED, Cause(
                CauseKind.ERROR,
                f"the objective ended without reporting {self.metric.name}; report it with "
                f'yield step, {{"{self.metric.name}": value}}',
            )
        return TrialState.COMPLETE, None


_STATE_AFTER = {
    CauseKind.PRUNER: TrialState.PRUNED,
    CauseKind.BUDGET: TrialState.PRUNED,
    CauseKind.STOPPED: TrialState.LOST,
}
