"""Energy accounts, and what turns joules into grams and money.

Unknown energy is ``None``, never 0: 0 would be a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# docs/energy.md, "Sources", the strongest first.
SOURCES = (
    "none",
    "measured:counter",
    "measured:power_avg",
    "measured:power_instant",
    "measured:power_legacy",
    "measured:rapl",
    "estimated:util",
    "estimated:cpu_load",
    "estimated:tdp",
    "declared",
    "unavailable",
)

# How a shared device can be split, the strongest first.
ATTRIBUTIONS = ("exclusive", "sm_util", "mig_slice", "cpu_time", "lease", "equal", "none")


@dataclass(frozen=True, slots=True)
class GpuEnergy:
    """What one physical GPU used in a window, and which part of it this account has.

    Attributes:
        uuid: The board's UUID; indices are never kept.
        energy_j: What was booked to this account; None: unknown.
        device_j: What the whole board used in the window; None: unknown.
        power_limit_w: The limit that the driver enforces; None: unknown.
        source: Where the joules came from, as in ``Energy.source``.
        idle_j: The part of ``energy_j`` that the board would have drawn idle; None: unknown.
        external_j: What other people's processes on the board used in the window; None: unknown.
        idle_w: The idle power that ``idle_j`` was worked out with; None: unknown, taken as 0.
        update_s: Period in which the sensor moves, measured; None: not measured.
        utilisation: Share of the window in which a kernel of this account was resident, 0 to 1;
            None: unknown.
        memory_peak_bytes: Most memory of the board that this account was seen to hold; None:
            unknown.
        memory_bytes: Memory of the board; None: unknown.
        temp_start_c: Temperature at the window's start; None: unknown.
        temp_end_c: Temperature at its end; None: unknown.
    """

    uuid: str
    name: str
    energy_j: float | None
    device_j: float | None = None
    power_limit_w: float | None = None
    source: str = "measured:counter"
    idle_j: float | None = None
    external_j: float | None = None
    idle_w: float | None = None
    update_s: float | None = None
    utilisation: float | None = None
    memory_peak_bytes: int | None = None
    memory_bytes: int | None = None
    temp_start_c: float | None = None
    temp_end_c: float | None = None


@dataclass(frozen=True, slots=True)
class RegionEnergy:
    """What a named region of a trial used, ``with trial.measure("inference"):``.

    Attributes:
        name: As the objective gave it.
        energy_j: Joules of all its passages, in the scope of the trial; None: unknown.
        elapsed_s: Seconds of all its passages.
        passages: How often it was entered and left.
    """

    name: str
    energy_j: float | None
    elapsed_s: float
    passages: int = 1


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy account over a window, with where the figure came from.

    Attributes:
        total_j: Joules in the account's scope; None: unknown.
        source: The weakest source of the total: ``measured:counter``, ``measured:rapl``,
            ``estimated:cpu_load``, ``declared``, ``unavailable`` ... (docs/energy.md).
        scope: What the figure covers: ``gpu``, ``cpu`` or ``gpu+cpu``.
        attribution: How a shared device was split, the weakest of the window: ``exclusive sm_util
            mig_slice lease equal``, ``cpu_time`` for CPUs, ``none``.
        lo_j: The least that the trial can have used; None: unknown.
        hi_j: The most that the trial can have used; None: unknown.
        coverage: Share of the window that the source saw, 0 to 1.
        cpu_j: CPU energy kept apart when ``scope`` is ``gpu``; None: unknown or already inside.
        cpu_source: Where ``cpu_j`` came from.
        gpus: Per device.
        flags: What was odd about the reading (``counter_reset`` ...).
        idle_j: The part of ``total_j`` that the GPUs would have drawn idle; None: unknown. The rest
            is dynamic.
        u_rel: Relative standard uncertainty of ``total_j`` (docs/energy.md, "Error budget");
            None: unknown.
        synced: The device was synchronised before the account was closed; None: no device.
        settled: The counter was read after it had caught up with the end of the window.
        dram_j: Memory energy, always apart; None: unknown.
        dram_source: Where ``dram_j`` came from.
        regions: Named regions, in the order in which they were first entered.
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
    idle_j: float | None = None
    u_rel: float | None = None
    synced: bool | None = None
    settled: bool = False
    dram_j: float | None = None
    dram_source: str | None = None
    regions: tuple[RegionEnergy, ...] = ()


UNAVAILABLE = Energy(
    total_j=None, source="unavailable", scope="none", attribution="none", coverage=0.0
)


# What an attempt used that never reached a worker: known, and nothing.
NOTHING = Energy(total_j=0.0, source="none", scope="none", attribution="none")


# The flag of an account that was never closed: it holds what is known, the least.
CUT_SHORT = "cut_short"


def weakest(labels: Iterable[str], order: Sequence[str] = SOURCES) -> str | None:
    """Return the weakest label; one that is not in ``order`` is weaker than all; None: none."""
    rank = {label: place for place, label in enumerate(order)}
    return max(labels, key=lambda label: (rank.get(label, len(rank)), label), default=None)


def known_sum(terms_j: Iterable[float | None]) -> float | None:
    """Add up; one unknown term makes the sum unknown."""
    terms = list(terms_j)
    known = [term for term in terms if term is not None]
    return math.fsum(known) if len(known) == len(terms) else None


def joined(accounts: Sequence[Energy]) -> Energy:
    """Add accounts of different windows or workers up; what one of them does not know is unknown.

    Accounts of nothing are left out. The sum has the weakest source and attribution of all, no
    bounds of its own where one account has none, and one line per board.
    """
    parts = [account for account in accounts if account != NOTHING]
    if not parts:
        return NOTHING
    if len(parts) == 1:
        return parts[0]
    scopes = {part.scope for part in parts}
    return Energy(
        total_j=known_sum(part.total_j for part in parts),
        source=weakest(part.source for part in parts) or "none",
        scope=scopes.pop() if len(scopes) == 1 else "mixed",
        attribution=weakest((part.attribution for part in parts), ATTRIBUTIONS) or "none",
        lo_j=known_sum(part.lo_j for part in parts),
        hi_j=known_sum(part.hi_j for part in parts),
        coverage=min(part.coverage for part in parts),
        cpu_j=known_sum(part.cpu_j for part in parts),
        cpu_source=weakest(part.cpu_source for part in parts if part.cpu_source is not None),
        gpus=_joined_boards([gpu for part in parts for gpu in part.gpus]),
        flags=tuple(dict.fromkeys(flag for part in parts for flag in part.flags)),
        idle_j=known_sum(part.idle_j for part in parts),
        dram_j=known_sum(part.dram_j for part in parts),
        dram_source=weakest(part.dram_source for part in parts if part.dram_source is not None),
        regions=_joined_regions([region for part in parts for region in part.regions]),
    )


def _joined_boards(lines: Sequence[GpuEnergy]) -> tuple[GpuEnergy, ...]:
    by_uuid: dict[str, list[GpuEnergy]] = {}
    for line in lines:
        by_uuid.setdefault(line.uuid, []).append(line)
    return tuple(
        replace(
            same[-1],
            energy_j=known_sum(line.energy_j for line in same),
            device_j=known_sum(line.device_j for line in same),
            external_j=known_sum(line.external_j for line in same),
            idle_j=known_sum(line.idle_j for line in same),
            utilisation=None if len(same) > 1 else same[0].utilisation,
            memory_peak_bytes=max(
                (line.memory_peak_bytes for line in same if line.memory_peak_bytes is not None),
                default=None,
            ),
            temp_start_c=same[0].temp_start_c,
        )
        for same in by_uuid.values()
    )


def _joined_regions(regions: Sequence[RegionEnergy]) -> tuple[RegionEnergy, ...]:
    by_name: dict[str, list[RegionEnergy]] = {}
    for region in regions:
        by_name.setdefault(region.name, []).append(region)
    return tuple(
        RegionEnergy(
            name,
            known_sum(region.energy_j for region in same),
            math.fsum(region.elapsed_s for region in same),
            sum(region.passages for region in same),
        )
        for name, same in by_name.items()
    )


@dataclass(frozen=True, slots=True)
class Factors:
    """What turns joules into grams and money, with where each came from.

    Source: docs/energy.md, "From joules to grams and money". Electricity and cloud cost are
    alternatives: a cloud's rate contains its electricity, so nothing here adds the two.

    Attributes:
        g_per_kwh: Grid carbon intensity in g CO2e per kWh.
        intensity_from: Which row, year and basis that is.
        pue: Power usage effectiveness, applied once, at the end.
        price_per_kwh: Electricity price; None: the cost is unknown.
        currency: Of all prices.
        cloud_rate_per_gpu_h: Rent of one GPU for an hour; None: not given.
        offset_price_per_t: Of offsetting one tonne of CO2e; None: not given.
        place: Where the grid is; None: the world, or an intensity of no named place.
    """

    g_per_kwh: float
    intensity_from: str
    pue: float = 1.0
    pue_from: str = "not given"
    price_per_kwh: float | None = None
    currency: str = "USD"
    cloud_rate_per_gpu_h: float | None = None
    offset_price_per_t: float | None = None
    place: str | None = None

    def site_kwh(self, energy_j: float) -> float:
        """Convert device joules into kWh at the site's meter."""
        return energy_j / 3.6e6 * self.pue

    def co2e_g(self, energy_j: float | None) -> float | None:
        """Convert joules into grams of CO2e; None stays None."""
        return None if energy_j is None else self.site_kwh(energy_j) * self.g_per_kwh

    def cost(self, energy_j: float | None) -> float | None:
        """Convert joules into money for electricity; None without a price."""
        if energy_j is None or self.price_per_kwh is None:
            return None
        return self.site_kwh(energy_j) * self.price_per_kwh

    def cloud_cost(self, gpu_h: float | None) -> float | None:
        """Convert GPU-hours into rent; None without a rate.

        Args:
            gpu_h: GPU-hours that trials held: the seconds of each trained attempt times the GPUs
                of its worker, a fraction for a shared one. The time between trials is not in it.
        """
        if gpu_h is None or self.cloud_rate_per_gpu_h is None:
            return None
        return gpu_h * self.cloud_rate_per_gpu_h

    def offset_cost(self, energy_j: float | None) -> float | None:
        """Convert joules into the price of offsetting their CO2e; None without a price."""
        grams = self.co2e_g(energy_j)
        if grams is None or self.offset_price_per_t is None:
            return None
        return grams / 1e6 * self.offset_price_per_t
