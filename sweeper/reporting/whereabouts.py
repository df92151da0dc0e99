"""Where the files of a trial are, and the line that trains it again.

Owns: these facts and their words. A result from the store was trained elsewhere: its files are with
who trained it. Standard library only.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sweeper.model import SweepHistory, TrialRow, UseRow, Value
from sweeper.places import state_folder, trial_folder
from sweeper.reporting.clean import one_line
from sweeper.reporting.outcomes import TrialView

__all__ = ["Whereabouts", "retrain_line", "whereabouts"]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the files of a trial are.

    Attributes:
        trial: Sweep and number of who trained it, ``vit-7f3a/12``; None: its record does not say.
        who: Who trained it, and so whose state folder it is.
        host: Where.
        folder: Below that state folder; None: it is not known.
    """

    trial: str | None
    who: str
    host: str
    folder: str | None

    def to_json(self) -> dict[str, Value]:
        """Return the documented object."""
        return {"trial": self.trial, "who": self.who, "host": self.host, "folder": self.folder}

    def lines(self, *, here: str | None) -> Iterator[str]:
        """Word it.

        Args:
            here: The reader's own state folder on that host; None: it is another host, or another
                person's.
        """
        host = one_line(self.host)
        if self.folder is None:
            yield f"with {one_line(self.who)} on {host}; the record does not say which trial it was"
        elif here is not None:
            yield f"{one_line(str(Path(here, self.folder)))} on {host}"
        else:
            yield f"{one_line(self.folder)} on {host}, in {one_line(self.who)}'s state folder"
            yield f"  (~{one_line(self.who)}/.local/state/sweeper unless XDG_STATE_HOME says else)"


def whereabouts(trial: TrialView, history: SweepHistory) -> Whereabouts:
    """Say where the files of a trial are: of its first replicate, which stands for it."""
    row = trial.first
    for use in history.uses:
        if (use.number, use.replicate) == (row.id.number, row.id.replicate):
            return _elsewhere(use)
    return _own(row, history)


def _own(row: TrialRow, history: SweepHistory) -> Whereabouts:
    sweep, number = history.sweep, row.id
    folder = trial_folder(sweep.handle, number.number, number.attempt, number.replicate)
    return Whereabouts(
        f"{sweep.handle}/{number.number}", sweep.who, row.node or sweep.host, _below(folder)
    )


def _elsewhere(use: UseRow) -> Whereabouts:
    trial = use.producer_trial
    handle, _, number = (trial or "").rpartition("/")
    digits, _, replicate = number.partition("-r")
    if not digits.isdecimal() or not (replicate or "0").isdecimal():
        return Whereabouts(trial, use.producer, use.producer_host, None)
    folder = trial_folder(handle, int(digits), 0, int(replicate or 0))
    return Whereabouts(trial, use.producer, use.producer_host, _below(folder))


def _below(folder: str) -> str:
    return str(Path(folder).relative_to(state_folder(os.environ)))


def retrain_line(handle: str, number: int, *, store: str | None = None) -> str:
    """Return the command that trains a trial again.

    Args:
        handle: The sweep's.
        number: The trial's.
        store: As it was given on the command line; None: the usual store.
    """
    where = "" if store is None else f" --store {shlex.quote(store)}"
    return f"sweeper retrain {shlex.quote(f'{handle}/{number}')}{where}"
