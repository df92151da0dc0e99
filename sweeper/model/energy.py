"""Energy accounts, and what turns joules into grams and money.

Unknown energy is ``None``, never 0: 0 would be a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuEnergy:
    """What one physical GPU used in a window, and how far this trial shares it.

    Attributes:
        uuid: The board's UUID; indices are never kept.
        energy_j: The share that was booked; None: unknown.
        device_j: What the whole device used in the window; None: unknown.
    """

    uuid: str
    name: str
    energy_j: float | None
    device_j: float | None = None
    power_limit_w: float | None = None


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy account over a window, with where the figure came from.

    Attributes:
        total_j: Joules in the account's scope; None: unknown.
        source: ``measured:counter``, ``measured:rapl``, ``estimated:cpu_load``, ``declared``,
            ``unavailable`` ... (docs/energy.md).
        scope: What the figure covers: ``gpu``, ``cpu`` or ``gpu+cpu``.
        attribution: How a shared device was split: ``exclusive lease cpu_time none``.
        lo_j: The least that the trial can have used; None: unknown.
        hi_j: The most that the trial can have used; None: unknown.
        coverage: Share of the window that the source saw, 0 to 1.
        cpu_j: CPU energy kept apart when ``scope`` is ``gpu``; None: unknown or already inside.
        cpu_source: Where ``cpu_j`` came from.
        gpus: Per device.
        flags: What was odd about the reading (``counter_reset`` ...).
    """

    total_j: float | None
    source: str
    scope: str
    attribution: str = "exclusive"
    lo_j: float | None = None
    hi_j: float | None = None
    coverage: float = 1.0
    cpu_j: float | None = None
    cpu_source: str | None = None
    gpus: tuple[GpuEnergy, ...] = ()
    flags: tuple[str, ...] = ()


UNAVAILABLE = Energy(
    total_j=None, source="unavailable", scope="none", attribution="none", coverage=0.0
)


# What an attempt used that never reached a worker: known, and nothing.
NOTHING = Energy(total_j=0.0, source="none", scope="none", attribution="none")


# The flag of an account that was never closed: it holds what is known, the least.
CUT_SHORT = "cut_short"


@dataclass(frozen=True, slots=True)
class Factors:
    """What turns joules into grams and money, with where each came from.

    Source: docs/energy.md, "From joules to grams and money".

    Attributes:
        g_per_kwh: Grid carbon intensity in g CO2e per kWh.
        intensity_from: Which row, year and basis that is.
        pue: Power usage effectiveness, applied once, at the end.
        price_per_kwh: Electricity price; None: the cost is unknown.
        currency: Of the price.
    """

    g_per_kwh: float
    intensity_from: str
    pue: float = 1.0
    pue_from: str = "not given"
    price_per_kwh: float | None = None
    currency: str = "USD"

    def site_kwh(self, energy_j: float) -> float:
        """Convert device joules into kWh at the site's meter."""
        return energy_j / 3.6e6 * self.pue

    def co2e_g(self, energy_j: float | None) -> float | None:
        """Convert joules into grams of CO2e; None stays None."""
        return None if energy_j is None else self.site_kwh(energy_j) * self.g_per_kwh

    def cost(self, energy_j: float | None) -> float | None:
        """Convert joules into money; None without a price."""
        if energy_j is None or self.price_per_kwh is None:
            return None
        return self.site_kwh(energy_j) * self.price_per_kwh
