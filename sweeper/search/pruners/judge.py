"""What every rule of early stopping is.

The rules keep their own books instead of asking Optuna's pruners: those need a study with one
objective, look only at what that study was told, and keep the threshold to themselves. The tests
hold each rule against Optuna's pruner of its name. Must not import optuna.
"""

from __future__ import annotations

from typing import Protocol

from sweeper.model import GO_ON, TrialState, Verdict

__all__ = ["Judge", "NeverPrune"]


class Judge(Protocol):
    """Sees every report of every trial, replayed ones too, with ascending steps per trial."""

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Say whether a trial should stop after ``value`` at ``step``, and why.

        What was compared is in the verdict whether the trial stops or goes on; a verdict without a
        threshold compared nothing.
        """

    def end(self, number: int, state: TrialState) -> None:
        """Hear that a trial ended."""


class NeverPrune:
    """Lets every trial train to its end."""

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Say "go on"."""
        return GO_ON

    def end(self, number: int, state: TrialState) -> None:
        """Need to know nothing."""
