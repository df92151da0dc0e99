"""Joules where nothing can be read: watts that somebody gave or assumed, or none at all.

Owns: the last rungs of the ladder (docs/energy.md, "Sources"), and what is assumed of known boards.
Reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from sweeper.energy.source import FlagBook, Taken

__all__ = ["ASSUMED_LOAD", "ConstantSource", "NoSource", "design_power_w"]

# Of the design power, where not even utilisation can be read: the share that CodeCarbon assumes for
# processors that it cannot read (mlco2/codecarbon, issue 524).
ASSUMED_LOAD = 0.5

# Watts by what NVML calls the board; the first match decides. Sources: mlco2/impact, data/gpus.csv
# (MIT; of several rows for V100 the largest), and for H100 and L40S NVIDIA's data sheets.
_DESIGN_W: Mapping[str, float] = {
    "H100 PCIe": 350.0,
    "H100 80GB HBM3": 700.0,
    "L40S": 350.0,
    "A100-PCIE": 250.0,
    "A100-SXM": 400.0,
    "V100-": 300.0,
    "P100-": 250.0,
    "Tesla P40": 250.0,
    "Tesla T4": 70.0,
    "RTX A6000": 300.0,
    "RTX A4000": 140.0,
}


def design_power_w(name: str) -> float | None:
    """Return the thermal design power of a board; None: it is not in the table.

    Args:
        name: As NVML has it, for instance ``NVIDIA A100-SXM4-80GB``.
    """
    return next((watts for known, watts in _DESIGN_W.items() if known in name), None)


class ConstantSource:
    """Watts that do not change; implements ``Source``.

    Args:
        label: ``declared`` or ``estimated:tdp``.
        power_w: Watts, at least 0.
        now_s: When the source begins.
    """

    scope = "gpu"
    period_s = 1.0
    flags: tuple[str, ...] = ()

    def __init__(self, label: str, power_w: float, now_s: float) -> None:
        self.label = label
        self.power_w = power_w
        self.update_s: float | None = None
        self._began_s = now_s

    def take(self, now_s: float) -> Taken:
        """Return watts times the time since the source began."""
        elapsed_s = now_s - self._began_s
        return Taken(self.power_w * elapsed_s, elapsed_s)

    def sample(self, now_s: float) -> None:
        """Look at nothing."""


class NoSource:
    """Nothing is known, and nothing is 0; implements ``Source``.

    Args:
        flags: Why.
    """

    label = "unavailable"
    scope = "gpu"
    period_s = 1.0

    def __init__(self, *flags: str) -> None:
        self.update_s: float | None = None
        self._flags = FlagBook()
        self._flags.add(*flags)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return why nothing is known."""
        return self._flags.all

    def take(self, now_s: float) -> Taken | None:
        """Return None."""
        return None

    def sample(self, now_s: float) -> None:
        """Look at nothing."""
