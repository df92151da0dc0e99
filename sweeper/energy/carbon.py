"""Grid carbon intensity by region, and the factors that turn joules into grams and money.

Owns data/grid_intensity.csv. Works offline: the region is what the sweep file says, it is never
looked up over the network. Must not import other rooms or read a device.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from importlib.resources import files

from sweeper.energy.generation import mixed
from sweeper.errors import MeterError
from sweeper.model import Factors

__all__ = [
    "WORLD_G_PER_KWH",
    "CarbonSettings",
    "Grid",
    "GridKind",
    "UnknownRegion",
    "factors",
    "load_grids",
]

# Ember, Yearly Electricity Data, world 2023 (as published in July 2024): lifecycle, g CO2e per kWh.
# The same origin, basis and year as most country rows of the table, so that the two compare.
WORLD_G_PER_KWH = 481.0
WORLD_FROM = "world average (no region given), 2023, lifecycle (Ember)"

_HEADER = [
    "iso3",
    "country",
    "gCO2e_per_kWh",
    "year",
    "source",
    "region_code",
    "region",
    "basis",
    "licence",
    "kind",
]

# Country rows older than this are flagged: nearly all describe 2022 or 2023.
_CURRENT_YEAR = 2022


class GridKind(Enum):
    """What a row of the table describes; the values are those of its column ``kind``."""

    COUNTRY = "country"
    US_STATE = "us_state"
    CA_PROVINCE = "ca_province"
    BIDDING_ZONE = "bidding_zone"
    CLOUD_REGION = "cloud_region"


# Why all rows of a kind are to be taken with care: data/NOTICE.md, "Weak rows".
_WEAK_KINDS = {
    GridKind.US_STATE: "grids have changed since 2016",
    GridKind.CA_PROVINCE: "derived from the generation mix, ±40 %",
    GridKind.BIDDING_ZONE: "one value for all zones of a country, basis unstated",
}


class UnknownRegion(MeterError):
    """The region is not in the table; the text names the nearest ones."""


@dataclass(frozen=True, slots=True)
class CarbonSettings:
    """What the sweep file says about carbon and money.

    Attributes:
        region: Region code, ISO 3166-1 alpha-3 code or country name; None: the world.
        carbon_intensity: In g CO2e per kWh; wins over ``mix`` and ``region``.
        mix: Shares of generation by source, which sum to 1; wins over ``region``; empty: not given.
        pue: Power usage effectiveness of the site; None: not given.
        price_per_kwh: Electricity price; None: the cost is unknown.
        cloud_rate_per_gpu_h: Rent of one GPU for an hour; None: not given.
        offset_price_per_t: Of offsetting one tonne of CO2e; None: not given.
        currency: Of all prices.
    """

    region: str | None = None
    carbon_intensity: float | None = None
    mix: Mapping[str, float] = field(default_factory=dict)
    pue: float | None = None
    price_per_kwh: float | None = None
    cloud_rate_per_gpu_h: float | None = None
    offset_price_per_t: float | None = None
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Grid:
    """One place's electricity: annual average intensity in g CO2e per kWh."""

    code: str
    place: str
    country: str
    g_per_kwh: float
    year: int
    basis: str
    kind: GridKind

    @property
    def full_place(self) -> str:
        """Return the place as somebody elsewhere knows it."""
        return self.place if self.place == self.country else f"{self.place}, {self.country}"

    @property
    def weakness(self) -> str | None:
        """Return why the value is to be taken with care; None: nothing is known against it."""
        if self.kind is GridKind.COUNTRY and self.year < _CURRENT_YEAR:
            return f"old, {self.year}"
        return _WEAK_KINDS.get(self.kind)

    def __str__(self) -> str:
        weak = "" if self.weakness is None else f" [weak: {self.weakness}]"
        return f"{self.place} ({self.code}), {self.year}, {self.basis}{weak}"


def load_grids() -> tuple[Grid, ...]:
    """Read the table that is shipped with the package.

    Raises:
        MeterError: If its columns are not the expected ones.
    """
    table = files("sweeper.energy") / "data" / "grid_intensity.csv"
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    if rows.fieldnames != _HEADER:
        raise MeterError(
            f"grid_intensity.csv: columns must be {', '.join(_HEADER)},"
            f" got {', '.join(rows.fieldnames or [])}; reinstall sweeper"
        )
    return tuple(_grid(row) for row in rows)


def factors(settings: CarbonSettings) -> Factors:
    """Choose what turns this sweep's joules into grams and money.

    Args:
        settings: From the sweep file. A given intensity wins over a mix, that over a region, a
            region over the world average.

    Returns:
        The factors, saying where the intensity came from.

    Raises:
        UnknownRegion: If the region is not in the table.
        UnknownSource: If a source of the mix has no factor.
    """
    intensity = _intensity(settings)
    return Factors(
        g_per_kwh=intensity.g_per_kwh,
        intensity_from=intensity.origin,
        pue=1.0 if settings.pue is None else settings.pue,
        pue_from="not given" if settings.pue is None else "given in the sweep file",
        price_per_kwh=settings.price_per_kwh,
        currency=settings.currency,
        cloud_rate_per_gpu_h=settings.cloud_rate_per_gpu_h,
        offset_price_per_t=settings.offset_price_per_t,
        place=intensity.place,
    )


@dataclass(frozen=True, slots=True)
class _Intensity:
    g_per_kwh: float
    origin: str
    place: str | None = None


def _intensity(settings: CarbonSettings) -> _Intensity:
    if settings.carbon_intensity is not None:
        return _Intensity(settings.carbon_intensity, "given in the sweep file")
    if settings.mix:
        return _Intensity(*mixed(settings.mix))
    if settings.region is None:
        return _Intensity(WORLD_G_PER_KWH, WORLD_FROM)
    names = _by_name(load_grids())
    grid = names.get(settings.region.strip().lower())
    if grid is None:
        raise UnknownRegion(_unknown(settings.region, names))
    return _Intensity(grid.g_per_kwh, str(grid), grid.full_place)


def _by_name(grids: Iterable[Grid]) -> Mapping[str, Grid]:
    """Return what each name means, in lower case: codes, and names of countries.

    A region's row is never found by its country: Hong Kong's row carries China's code.
    """
    names: dict[str, Grid] = {}
    for grid in grids:
        names[grid.code.lower()] = grid
        if grid.kind is GridKind.COUNTRY:
            names[grid.country.lower()] = grid
    return names


def _unknown(region: str, names: Mapping[str, Grid]) -> str:
    near = get_close_matches(region.strip().lower(), names, n=5, cutoff=0.5)
    nearest = ", ".join(dict.fromkeys(f"{names[name].code} ({names[name].place})" for name in near))
    return (
        f"energy.region: unknown region {region!r};"
        + (f" nearest: {nearest};" if nearest else "")
        + " give a region code (US-CA, gcp:europe-west1), an ISO 3166-1 alpha-3 code (FRA) or a"
        " country's name, or leave it out for the world average"
    )


def _grid(row: Mapping[str, str]) -> Grid:
    kind = GridKind(row["kind"])
    country = kind is GridKind.COUNTRY
    return Grid(
        code=row["iso3"] if country else row["region_code"],
        place=row["country"] if country else row["region"],
        country=row["country"],
        g_per_kwh=float(row["gCO2e_per_kWh"]),
        year=int(row["year"]),
        basis=row["basis"],
        kind=kind,
    )
