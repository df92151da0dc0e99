"""How early stopping hears of reports, and which of its verdicts are worth keeping.

Must not know whether a report comes from a worker or from the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sweeper.model import GO_ON, AttemptId, Curve, Decision, Factors, Goals, Point, Verdict
from sweeper.seams import Study

__all__ = ["Judging", "decided", "is_last"]


@dataclass(frozen=True, slots=True)
class Judging:
    """Brings the judged metric of each report to the study.

    Attributes:
        study: Who judges.
        goals: Which metric is judged.
        factors: For a built-in one.
    """

    study: Study
    goals: Goals
    factors: Factors

    def judge(self, attempt: AttemptId, point: Point, *, last: bool) -> Verdict:
        """Ask the study about a report.

        Args:
            attempt: Whose; only the first replicate of a trial is judged.
            point: The report; one without the judged metric is no reason to stop.
            last: It is the planned last one: there, nothing is left to save.
        """
        value = self.goals.value_at(point, self.goals.judged, self.factors)
        if attempt.replicate or value is None:
            return GO_ON
        verdict = self.study.judge(attempt.number, point.step, value)
        return replace(verdict, prune=False) if last else verdict

    def rejudge(self, attempt: AttemptId, curve: Curve) -> None:
        """Report a known curve to the study; the known end counts, not the answers."""
        for point in curve:
            self.judge(attempt, point, last=False)


def decided(step: int, verdict: Verdict) -> tuple[Decision, ...]:
    """Return the decision to keep: nothing if the verdict compared nothing."""
    if verdict.threshold is None and not verdict.prune:
        return ()
    return (Decision(step, verdict),)


def is_last(step: int, first_step: int, max_steps: int | None) -> bool:
    """Tell whether a step is the planned last one; who counts from 0 ends one step earlier."""
    return max_steps is not None and step >= max_steps - (first_step == 0)
