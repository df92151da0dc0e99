"""What each GPU used during a sweep, and by whom: trials, overhead, other people.

Owns: these lines and the question whether they add up (docs/energy.md, "One ledger per GPU").
Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.model import CUT_SHORT, Energy, GpuEnergy, TrialRow, Value, known_sum
from sweeper.reporting.clean import jsonable
from sweeper.reporting.physical import physical

__all__ = ["BoardAccount", "board_accounts"]

# Part of a board's joules that may be missing before it is told.
_ROUNDING = 1e-3
_UNMOVED = "counter_unchanged"


@dataclass(frozen=True, slots=True)
class BoardAccount:
    """What one GPU used during a sweep.

    Attributes:
        line: What its agents say of it, with its overhead in ``energy_j``.
        trials_j: What all attempts together were booked; None: unknown for one of them.
    """

    line: GpuEnergy
    trials_j: float | None

    @property
    def overhead_j(self) -> float | None:
        """Return what nobody's trial used; None: unknown."""
        return self.line.energy_j

    @property
    def booked_j(self) -> float | None:
        """Return the sum of all three accounts; None: one of them is unknown."""
        return known_sum((self.trials_j, self.overhead_j, self.line.external_j))

    @property
    def difference_j(self) -> float | None:
        """Return what the board used and nobody was booked; None: unknown."""
        if self.booked_j is None or self.line.device_j is None:
            return None
        return self.line.device_j - self.booked_j

    @property
    def closes(self) -> bool | None:
        """Tell whether the accounts add up to what the board used; None: unknown."""
        difference_j, device_j = self.difference_j, self.line.device_j
        if difference_j is None or device_j is None:
            return None
        return abs(difference_j) <= _ROUNDING * device_j + 1e-6

    def to_json(self) -> dict[str, Value]:
        """Return the documented object of ``energy.gpus``."""
        line = self.line
        fields: dict[str, Value] = {
            "uuid": line.uuid,
            "name": line.name,
            "source": line.source,
            "device_j": line.device_j,
            "trials_j": self.trials_j,
            "overhead_j": self.overhead_j,
            "external_j": line.external_j,
            "utilisation": line.utilisation,
            "memory_peak_bytes": line.memory_peak_bytes,
            "memory_bytes": line.memory_bytes,
            "idle_w": line.idle_w,
            "update_s": line.update_s,
            "power_limit_w": line.power_limit_w,
            "temp_start_c": line.temp_start_c,
            "temp_end_c": line.temp_end_c,
        }
        return {name: jsonable(value) for name, value in fields.items()}

    def closure_json(self) -> dict[str, Value]:
        """Return the documented object of ``energy.closure``."""
        fields: dict[str, Value] = {
            "uuid": self.line.uuid,
            "trials_j": self.trials_j,
            "overhead_j": self.overhead_j,
            "external_j": self.line.external_j,
            "device_j": self.line.device_j,
            "difference_j": self.difference_j,
            "closes": self.closes,
        }
        return {name: jsonable(value) for name, value in fields.items()}


def board_accounts(
    trained: Sequence[TrialRow], overhead: Energy | None
) -> tuple[BoardAccount, ...]:
    """Return an account per GPU that was ever used, by UUID.

    Args:
        trained: All attempts that workers of the sweep trained.
        overhead: The account of what they used outside attempts; None: unknown.
    """
    lines = {} if overhead is None else {line.uuid: _checked(line) for line in overhead.gpus}
    # What a driver that died had not booked yet is in no account, so nothing adds up.
    lost = overhead is None or CUT_SHORT in overhead.flags
    booked: defaultdict[str, list[float | None]] = defaultdict(list)
    seen: dict[str, GpuEnergy] = {}
    for row in trained:
        own = {line.uuid: line for line in (() if row.energy is None else row.energy.gpus)}
        for uuid in dict.fromkeys((*own, *row.gpus)):
            line = own.get(uuid)
            booked[uuid].append(None if line is None else _booked_j(line, row))
            if line is not None:
                seen[uuid] = _checked(line)
    if any(_is_nowhere(row) for row in trained):
        booked = defaultdict(lambda: [None])
    known = {**{uuid: _of_trial(line) for uuid, line in seen.items()}, **lines}
    return tuple(
        BoardAccount(
            _merged(replace(line, energy_j=None) if lost else line, seen.get(uuid)),
            known_sum(booked[uuid]),
        )
        for uuid, line in sorted(known.items())
    )


def _booked_j(line: GpuEnergy, row: TrialRow) -> float | None:
    """Return what a line has of its board; None: unknown."""
    flags = () if row.energy is None else row.energy.flags
    if CUT_SHORT in flags:
        return None
    # Too short for the counter to move: its joules were booked with the interval after it.
    if line.energy_j is None and _UNMOVED in flags:
        return 0.0
    return physical(line.energy_j)


def _is_nowhere(row: TrialRow) -> bool:
    """Tell whether a lost attempt does not even say which boards it had."""
    silent = row.energy is None or (not row.energy.gpus and row.energy.total_j is None)
    return silent and not row.gpus


def _checked(line: GpuEnergy) -> GpuEnergy:
    return replace(
        line,
        energy_j=physical(line.energy_j),
        device_j=physical(line.device_j),
        external_j=physical(line.external_j),
        utilisation=physical(line.utilisation),
    )


def _of_trial(line: GpuEnergy) -> GpuEnergy:
    """Keep of a trial's line what is true of the board at any time."""
    return replace(
        line,
        energy_j=None,
        device_j=None,
        idle_j=None,
        external_j=None,
        utilisation=None,
        memory_peak_bytes=None,
        temp_start_c=None,
        temp_end_c=None,
    )


def _merged(line: GpuEnergy, trial: GpuEnergy | None) -> GpuEnergy:
    """Fill in what only a trial's line says of the board."""
    if trial is None:
        return line
    return replace(
        line,
        power_limit_w=trial.power_limit_w if line.power_limit_w is None else line.power_limit_w,
        memory_bytes=trial.memory_bytes if line.memory_bytes is None else line.memory_bytes,
        update_s=trial.update_s if line.update_s is None else line.update_s,
        idle_w=trial.idle_w if line.idle_w is None else line.idle_w,
    )
