"""A study that proposes what it is told to propose, and prunes where it is told to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sweeper.model import GO_ON, Params, Proposal, TrialState, Verdict

__all__ = ["ScriptedStudy"]


class ScriptedStudy:
    """Proposes a list of params, one after the other.

    Args:
        proposals: In order; when they are used up, the space is exhausted.
        prune_at: ``(number, step)`` at which a trial is pruned.

    Attributes:
        told: ``(number, state, values)`` in the order of the tells.
        violations: What each told trial violated, by number.
        judged: ``(number, step, value)`` in the order of the reports.
    """

    def __init__(
        self, proposals: Sequence[Params], *, prune_at: Collection[tuple[int, int]] = ()
    ) -> None:
        self.told: list[tuple[int, TrialState, tuple[float, ...]]] = []
        self.violations: dict[int, tuple[float, ...]] = {}
        self.judged: list[tuple[int, int, float]] = []
        self._proposals = list(proposals)
        self._prune_at = frozenset(prune_at)
        self._asked: list[Params] = []
        self._last_step: dict[int, int] = {}

    def ask(self) -> Proposal | None:
        """Propose the next params of the list; None: it is used up."""
        number = len(self._asked)
        return self.repeat(self._proposals[number]) if number < len(self._proposals) else None

    def repeat(self, params: Params) -> Proposal:
        """Propose these params."""
        twin = next((n for n, earlier in enumerate(self._asked) if earlier == params), None)
        self._asked.append(params)
        return Proposal(number=len(self._asked) - 1, params=params, twin=twin)

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Prune where the script says so."""
        if step <= self._last_step.get(number, -1):
            return GO_ON
        self._last_step[number] = step
        self.judged.append((number, step, value))
        if (number, step) not in self._prune_at:
            return GO_ON
        return Verdict(prune=True, rule="script", rung=step, value=value, threshold=value)

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Note how a trial ended.

        Raises:
            ValueError: If the trial was told already.
        """
        if any(number == told for told, _, _ in self.told):
            raise ValueError(f"trial {number} was told twice")
        self.told.append((number, state, tuple(values)))
        self.violations[number] = tuple(violations)
