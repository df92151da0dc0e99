"""What an objective touches inside a trial. Light: nothing but the standard library.

    def train(params, trial):
        for epoch in range(1, trial.max_steps + 1):
            ...
            trial.report(epoch, val_accuracy=accuracy)

Must not import anything of ``sweeper``: user code imports this, and so does every worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

__all__ = ["Report", "Trial", "TrialStopped"]

# A step and what was measured there, as the objective gave it.
Report = tuple[int, Mapping[str, Any]]


class TrialStopped(BaseException):
    """Raised by ``report`` when the trial is to end: pruned, out of budget, or the sweep stops.

    It is no ``Exception``, so that ``except Exception`` in training code lets it through. Clean up
    in ``finally``; do not catch it.
    """


@final
class Trial:
    """The running trial.

    Attributes:
        params: The values to train with.
        number: The trial's number in its sweep, from 0.
        seed: The trial's seed; ``random``, NumPy and torch are seeded with it.
        max_steps: The planned last step; None: the sweep file gives none.
        dir: The trial's folder, for checkpoints and whatever else should be found again.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        number: int,
        seed: int,
        max_steps: int | None,
        dir: Path,
        deliver: Callable[[Report], None],
    ) -> None:
        self.params = params
        self.number = number
        self.seed = seed
        self.max_steps = max_steps
        self.dir = dir
        self._deliver = deliver

    def report(self, step: int, **metrics: Any) -> None:
        """Report metrics at a step and wait for the sweep's answer.

        Args:
            step: Whole number >= 0, larger than the one before.
            **metrics: Numbers by name. ``energy_j`` declares the joules used since the start of the
                trial, instead of what the meter says.

        Raises:
            TrialStopped: If the trial is to end here.
        """
        self._deliver((step, metrics))
