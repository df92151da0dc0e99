"""One attempt in the air: its reports are checked here, and its end becomes an outcome."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

from sweeper.model import (
    CUT_SHORT,
    UNAVAILABLE,
    Attempt,
    Cause,
    CauseKind,
    Claim,
    Decision,
    Ended,
    Ending,
    Energy,
    Factors,
    Goals,
    Outcome,
    Point,
    Progress,
    StepReport,
    TrialState,
    Verdict,
    is_built_in,
)
from sweeper.sweep.finals import final_values
from sweeper.sweep.judging import decided, is_last

__all__ = ["Flight"]


@dataclass
class Flight:
    """An attempt that a worker trains now.

    Attributes:
        attempt: Whose.
        claim: The lease it is trained under.
        goals: What its reports must hold.
        factors: For built-in metrics.
        max_steps: The planned horizon; None: open.
        curve: The reports that counted.
        decisions: What early stopping decided so far.
        ordered: Why it was told to end; None: it was not.
        killed: It was told to end wherever it is.
        past_horizon: It reported past ``max_steps`` and ends as complete.
        answered_s: When it last was let go on, by this process's clock.
        used_j: Joules by its last report, counted or not; None: unknown.
    """

    attempt: Attempt
    claim: Claim | None
    goals: Goals
    factors: Factors
    max_steps: int | None
    curve: list[Point] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    ordered: Cause | None = None
    killed: bool = False
    past_horizon: bool = False
    answered_s: float = field(default_factory=time.monotonic)
    used_j: float | None = None
    started_at: float = field(default_factory=time.time)
    started_s: float = field(default_factory=time.monotonic)
    _last_step: int = -1
    _named: set[str] = field(default_factory=set)  # what it reported, whether it counts or not

    def take(self, report: StepReport) -> Point | Cause | None:
        """Check a report.

        Returns:
            The new point; or why the report ends the trial; or None when it holds nothing of what
            the objective is to report, or lies past the horizon.
        """
        self.used_j = report.energy_j
        if len(self._named) < _MOST_NAMED:
            self._named.update(report.metrics)
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
        wrong = self._wrong(report)
        if wrong is not None:
            return wrong
        if not self._counts(report):
            return None
        values = tuple(report.metrics.get(name) for name in self.goals.names)
        point = Point(report.step, values, report.energy_j, report.elapsed_s)
        self.curve.append(point)
        return point

    def _wrong(self, report: StepReport) -> Cause | None:
        """Say which of the sweep's metrics is no finite number."""
        for name in self.goals.names:
            if name in report.unreadable:
                return Cause(
                    CauseKind.ERROR,
                    f"{name} must be a number, the objective reported {report.unreadable[name]} "
                    f"at step {report.step}",
                )
            value = report.metrics.get(name)
            if value is not None and not math.isfinite(value):
                return Cause(
                    CauseKind.DIVERGED,
                    f"the objective reported {name}={value} at step {report.step}",
                )
        return None

    def _counts(self, report: StepReport) -> bool:
        """Tell whether it holds something to judge by; joules and seconds every report has."""
        own = [name for name in self.goals.names if not is_built_in(name)]
        return not own or any(name in report.metrics for name in own)

    def note(self, step: int, verdict: Verdict) -> None:
        """Keep what early stopping said about a report, and obey it."""
        self.decisions.extend(decided(step, verdict))
        if verdict.prune:
            self.ordered = Cause(CauseKind.PRUNER, str(verdict))

    @property
    def at_horizon(self) -> bool:
        """Tell whether the last report that counted was the planned last one."""
        first_step = self.curve[0].step if self.curve else 1
        return is_last(self._last_step, first_step, self.max_steps)

    @property
    def silent_s(self) -> float:
        """Return the seconds since it was let go on."""
        return time.monotonic() - self.answered_s

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
            decisions=tuple(self.decisions),
        )

    def _kept_energy(self, gpus: Energy, like: Energy | None) -> Energy:
        """Return what a worker that is gone used.

        Args:
            gpus: What the agent of its node kept of its GPUs.
            like: As in ``cut_short``. Where the sweep counts more than GPUs, they are the least.
        """
        said = self._known_energy(like)
        if gpus.total_j is None:
            return said
        least_j = max(gpus.total_j, said.total_j or 0.0)
        scope = gpus.scope if like is None else like.scope
        if scope == gpus.scope and least_j == gpus.total_j:
            return gpus
        flags = (*gpus.flags, CUT_SHORT)
        return replace(
            gpus,
            total_j=least_j,
            scope=scope,
            lo_j=least_j,
            hi_j=None,
            u_rel=None,
            flags=flags,
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
        energy = ended.energy if ended.answered else self._kept_energy(ended.energy, like)
        elapsed_s = ended.elapsed_s if ended.answered else self.age_s
        state, cause = self._verdict(ended)
        final: tuple[float, ...] = ()
        if state is TrialState.COMPLETE:
            found = self._final(energy, elapsed_s)
            if isinstance(found, Cause):
                state, cause = TrialState.FAILED, found
            else:
                final = found
        return Outcome(
            state=state,
            curve=tuple(self.curve),
            final=final,
            energy=energy,
            elapsed_s=elapsed_s,
            cause=cause,
            node=ended.node or None,
            gpus=ended.gpus,
            decisions=tuple(self.decisions),
        )

    def _verdict(self, ended: Ended) -> tuple[TrialState, Cause | None]:
        """Tell how it ended, its values apart."""
        if ended.ending is Ending.RAISED:
            return TrialState.FAILED, ended.cause
        if self.ordered is not None and self.ordered.kind is not CauseKind.HORIZON:
            return _STATE_AFTER.get(self.ordered.kind, TrialState.FAILED), self.ordered
        if ended.ending is Ending.LOST:
            return TrialState.FAILED, ended.cause
        return TrialState.COMPLETE, None

    def _final(self, energy: Energy, elapsed_s: float) -> tuple[float, ...] | Cause:
        found = final_values(self.goals, tuple(self.curve), energy, elapsed_s, self.factors)
        if isinstance(found, Cause) and found.kind is CauseKind.MISSING and self._named:
            named = ", ".join(sorted(self._named))
            found = Cause(found.kind, f"{found.text}; it reported {named}"[:_CAUSE_LENGTH])
        if isinstance(found, Cause) and self.past_horizon and not self.curve:
            return Cause(
                CauseKind.ERROR,
                f"the objective's first report of {self.goals.first.name} was past max_steps "
                f"{self.max_steps}",
            )
        return found


_MOST_NAMED = 20
_CAUSE_LENGTH = 300
_STATE_AFTER = {
    CauseKind.PRUNER: TrialState.PRUNED,
    CauseKind.BUDGET: TrialState.PRUNED,
    CauseKind.STOPPED: TrialState.LOST,
    CauseKind.PREEMPTED: TrialState.LOST,
}
