"""What a board's ledger says about a trial, with source, bounds and flags, as an ``Energy``.

The rules of docs/energy.md about what a figure says live here, for the agent's ledgers and for a
worker's own readings alike. Pure functions of values; must not import psutil.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.energy.ledger import Share
from sweeper.energy.uncertainty import relative
from sweeper.model import ATTRIBUTIONS, Energy, GpuEnergy, known_sum, weakest

__all__ = [
    "SETTLED_S",
    "UPDATE_S",
    "GpuAccount",
    "attribution_of",
    "coverage_of",
    "gpu_energy",
    "gpu_rest",
    "source_of",
    "unique",
]

# Where it was not measured: NVML's energy counter advances in steps of about 100 ms on the boards
# that Yang et al. 2024 (SC24, arXiv 2312.02741) looked at, so each edge of a window may misplace
# what was drawn in one step.
UPDATE_S = 0.1

# Of a steady draw over this time the misplaced 0.1 s is less than 0.2 %: not spoken of.
SETTLED_S = 60.0


@dataclass(frozen=True, slots=True)
class GpuAccount:
    """What is known about one board's part of a trial.

    Attributes:
        share: What was booked.
        source: Where its joules came from.
        limit_w: The enforced power limit; None: unknown.
        settled: The sensor had caught up with the window's end when it was read.
        flags: What was odd, beside what the share says.
        idle_w: As ``GpuEnergy`` has it, and so the rest.
    """

    uuid: str
    name: str
    share: Share
    source: str
    limit_w: float | None = None
    update_s: float | None = None
    settled: bool = False
    flags: tuple[str, ...] = ()
    idle_w: float | None = None
    external_j: float | None = None
    utilisation: float | None = None
    memory_peak_bytes: int | None = None
    memory_bytes: int | None = None
    temp_start_c: float | None = None
    temp_end_c: float | None = None

    @property
    def known(self) -> bool:
        """Tell whether the joules are known: each interval is, and the sensor could see them."""
        return not (self.share.gaps or self.unmoved or self.too_short)

    @property
    def unmoved(self) -> bool:
        """Tell whether the sensor stood still: what was used is not known yet."""
        return self.share.device_j <= 0

    @property
    def too_short(self) -> bool:
        """Tell whether the window is shorter than a step of the sensor, so that chance decides."""
        return self._measured and self.share.elapsed_s < self.step_s and not self.settled

    @property
    def step_s(self) -> float:
        """Return the period in which the sensor moves."""
        return UPDATE_S if self.update_s is None else self.update_s

    @property
    def unsettled(self) -> bool:
        """Tell whether what was misplaced at the edges matters."""
        return self._measured and self.share.elapsed_s < SETTLED_S and not self.settled

    @property
    def edge_j(self) -> float | None:
        """Return what may lie on the wrong side of the window's edges; None: unknown."""
        if not self.unsettled:
            return 0.0
        return None if self.limit_w is None else self.step_s * self.limit_w

    @property
    def lo_j(self) -> float | None:
        """Return the least that the trial can have caused; None: unknown."""
        edge_j = self.edge_j
        if edge_j is None or self.unmoved or self.too_short:
            return None
        return max(0.0, min(self.share.lo_j, self.share.energy_j) - edge_j)

    @property
    def hi_j(self) -> float | None:
        """Return the most that the trial can have caused: all that the board can have used."""
        share, edge_j = self.share, self.edge_j
        if self.known:
            return None if edge_j is None else max(share.device_j, share.energy_j) + edge_j
        if self.limit_w is None or self.source == "unavailable":
            return None
        if not share.gaps:
            return max(self.step_s, share.elapsed_s) * self.limit_w
        unseen_s = max(0.0, share.elapsed_s - share.seen_s)
        return share.device_j + unseen_s * self.limit_w + (edge_j or 0.0)

    @property
    def coverage(self) -> float:
        """Return the share of the window that the sensor saw."""
        return coverage_of(self.share.seen_s, self.share.elapsed_s)

    def line(self) -> GpuEnergy:
        """Return the board's line."""
        return GpuEnergy(
            uuid=self.uuid,
            name=self.name,
            energy_j=self.share.energy_j if self.known else None,
            device_j=None if self.share.gaps or self.unmoved else self.share.device_j,
            power_limit_w=self.limit_w,
            source=self.source,
            idle_j=self.share.idle_j if self.known and self.idle_w is not None else None,
            external_j=self.external_j,
            idle_w=self.idle_w,
            update_s=self.update_s,
            utilisation=self.utilisation,
            memory_peak_bytes=self.memory_peak_bytes,
            memory_bytes=self.memory_bytes,
            temp_start_c=self.temp_start_c,
            temp_end_c=self.temp_end_c,
        )

    def all_flags(self) -> tuple[str, ...]:
        """Name what was odd."""
        if self.source == "unavailable":
            return unique([*self.share.flags, *self.flags])
        odd = {
            "counter_unchanged": self.unmoved and not self.share.gaps,
            "too_short": self.too_short and not self.unmoved,
            "unsettled": self.unsettled,
        }
        named = [flag for flag, holds in odd.items() if holds]
        return unique([*self.share.flags, *self.flags, *named])

    @property
    def _measured(self) -> bool:
        return self.source.startswith("measured:")


def gpu_energy(accounts: Sequence[GpuAccount], flags: Sequence[str] = ()) -> Energy:
    """State what a trial's part of its boards used.

    Args:
        accounts: One per board; none when what was assigned could not be found.
        flags: What was odd about the assignment.

    Returns:
        Scope ``gpu``; a total only if it is known of every board.
    """
    source = source_of(account.source for account in accounts)
    lines = tuple(account.line() for account in accounts)
    total_j = known_sum(line.energy_j for line in lines) if accounts else None
    coverage = min((account.coverage for account in accounts), default=0.0)
    edge_j = known_sum(account.edge_j for account in accounts)
    span_j = sum(max(0.0, each.share.device_j - each.share.lo_j) for each in accounts)
    methods = (account.share.method for account in accounts)
    return Energy(
        total_j=total_j,
        source=source,
        scope="gpu",
        attribution=attribution_of(source, methods),
        lo_j=known_sum(account.lo_j for account in accounts) if accounts else None,
        hi_j=known_sum(account.hi_j for account in accounts) if accounts else None,
        coverage=coverage,
        gpus=lines,
        flags=unique([*flags, *(flag for account in accounts for flag in account.all_flags())]),
        idle_j=known_sum(line.idle_j for line in lines) if accounts else None,
        u_rel=None
        if edge_j is None
        else relative(total_j, source, edge_j=edge_j, span_j=span_j, coverage=coverage),
        settled=bool(accounts) and all(account.settled for account in accounts),
    )


def gpu_rest(
    lines: Sequence[GpuEnergy], flags: Sequence[str] = (), *, own: bool, coverage: float = 1.0
) -> Energy:
    """State what was used outside trials: without bounds, for it is a sum of many windows.

    Args:
        lines: One per board.
        flags: What was odd about the assignment.
        own: The boards are this worker's alone.
        coverage: Share of the time that was seen.
    """
    source = source_of(line.source for line in lines)
    total_j = known_sum(line.energy_j for line in lines) if lines else None
    seen = coverage if lines and source != "unavailable" else 0.0
    return Energy(
        total_j=total_j,
        source=source,
        scope="gpu",
        attribution=attribution_of(source, ["exclusive" if own else "lease"]),
        coverage=seen,
        gpus=tuple(lines),
        flags=unique(flags),
        idle_j=known_sum(line.idle_j for line in lines) if lines else None,
        u_rel=relative(total_j, source, span_j=0.0, coverage=seen),
    )


def unique(flags: Iterable[str]) -> tuple[str, ...]:
    """Return each flag once, in the order in which they came."""
    return tuple(dict.fromkeys(flags))


def source_of(labels: Iterable[str]) -> str:
    """Return the weakest source; unavailable where there is none."""
    return weakest(labels) or "unavailable"


def attribution_of(source: str, methods: Iterable[str]) -> str:
    """Return the weakest attribution; none where nothing was measured."""
    return "none" if source == "unavailable" else weakest(methods, ATTRIBUTIONS) or "none"


def coverage_of(seen_s: float, elapsed_s: float) -> float:
    """Return the share of a window that was seen."""
    return max(0.0, min(1.0, seen_s / elapsed_s)) if elapsed_s > 0 else 1.0
