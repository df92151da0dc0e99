"""Where trials, records and sweeps stand, and why something ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class TrialState(Enum):
    """Where a trial stands; the values are those of the store."""

    PARKED = "parked"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    LOST = "lost"

    @property
    def settled(self) -> bool:
        """Tell whether the trial has ended and was told to the study."""
        return self in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)


class Source(Enum):
    """Where a trial's outcome came from; the values are those of the store."""

    RUN = "run"
    CACHE = "cache"
    DUPLICATE = "duplicate"
    ATTACHED = "attached"


class RecordStatus(Enum):
    """How the training behind a record ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    OOM = "oom"
    ERROR = "error"


class SweepState(Enum):
    """Where a sweep stands; the values are those of the store."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


class CauseKind(Enum):
    """Why a trial ended otherwise than by completing."""

    PRUNER = "pruner"
    BUDGET = "budget"
    STOPPED = "stopped"  # Ctrl-C: stays untold and runs again
    HORIZON = "horizon"  # reported past max_steps: complete
    # The configuration or its code.
    ERROR = "error"  # the objective raised, or reported what it must not
    DIVERGED = "diverged"  # NaN or infinity
    MISSING = "missing"  # ended well and did not report the metric
    OOM = "oom"  # GPU memory
    TIMEOUT = "timeout"  # trained for longer than it may
    # Either that or the machine.
    CRASH = "crash"  # its process died by itself: a segmentation fault, os._exit
    STALLED = "stalled"  # no report for too long
    MEMORY = "memory"  # host memory
    # The machine.
    WORKER = "worker"  # somebody killed its process, or the worker's
    NODE = "node"  # the machine left
    PREEMPTED = "preempted"  # somebody asked it, or its driver, to end


# What may go another way when it is tried again.
TRANSIENT = frozenset(
    {
        CauseKind.CRASH,
        CauseKind.STALLED,
        CauseKind.MEMORY,
        CauseKind.WORKER,
        CauseKind.NODE,
        CauseKind.PREEMPTED,
    }
)

_PLACE = re.compile(r" \((?P<place>[^()]+:\d+)\)$")
_VARYING = re.compile(r"0x[0-9a-fA-F]+|\d+(\.\d+)?([eE][+-]?\d+)?|'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a trial ended: a class and one line of at most 300 characters."""

    kind: CauseKind
    text: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.text}"

    @property
    def signature(self) -> str:
        """Return what equal failures of different trials have in common.

        The class, the exception and the place in the code; without a place the text without its
        numbers and quotations.
        """
        place = _PLACE.search(self.text)
        if place is not None:
            exception = self.text.split(":", 1)[0]
            return f"{self.kind.value}: {exception} ({place['place']})"
        return f"{self.kind.value}: {_VARYING.sub('#', self.text)}"

    @classmethod
    def parse(cls, line: str) -> Cause:
        """Read back what ``str`` made; a class that a newer version wrote is an error."""
        kind, _, text = line.partition(": ")
        try:
            return cls(CauseKind(kind), text)
        except ValueError:
            return cls(CauseKind.ERROR, line)
