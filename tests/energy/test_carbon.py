from __future__ import annotations

import math
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.carbon import (
    WORLD_G_PER_KWH,
    CarbonSettings,
    GridKind,
    UnknownRegion,
    factors,
    load_grids,
)
from sweeper.energy.generation import GENERATION_G_PER_KWH, UnknownSource, mixed
from sweeper.errors import MeterError


def test_the_table_is_whole() -> None:
    """330 rows, each finite and positive, no code twice."""
    grids = load_grids()
    assert len(grids) == 330
    assert all(math.isfinite(grid.g_per_kwh) and grid.g_per_kwh > 0 for grid in grids)
    assert max(Counter(grid.code for grid in grids).values()) == 1
    assert all(grid.code and grid.place and grid.basis and grid.year >= 2009 for grid in grids)
    assert {kind: sum(grid.kind is kind for grid in grids) for kind in GridKind} == {
        GridKind.COUNTRY: 212,
        GridKind.US_STATE: 51,
        GridKind.CA_PROVINCE: 13,
        GridKind.BIDDING_ZONE: 10,
        GridKind.CLOUD_REGION: 44,
    }


def test_no_name_means_two_places() -> None:
    """Codes and names of countries never clash, whatever their case."""
    grids = load_grids()
    codes = {grid.code.lower() for grid in grids}
    names = [grid.country.lower() for grid in grids if grid.kind is GridKind.COUNTRY]
    assert len(codes) == len(grids)
    assert len(set(names)) == len(names)
    assert not codes & set(names)


@pytest.mark.parametrize(
    ("region", "g_per_kwh", "named"),
    [
        ("USA", 369.473, "United States (USA), 2023, lifecycle"),
        ("united states", 369.473, "United States (USA), 2023, lifecycle"),
        ("fra", 56.039, "France (FRA), 2023, lifecycle"),
        (" Sweden ", 40.7, "Sweden (SWE), 202"),
        ("gcp:asia-east2", 505.02, "Hong Kong (gcp:asia-east2), 2024, location-based"),
        ("GCP:ASIA-EAST2", 505.02, "Hong Kong (gcp:asia-east2), 2024, location-based"),
    ],
)
def test_a_region_is_found_by_code_or_country(region: str, g_per_kwh: float, named: str) -> None:
    """Codes and country names in any case; the answer names row, year and basis."""
    chosen = factors(CarbonSettings(region=region))
    assert chosen.g_per_kwh == pytest.approx(g_per_kwh, abs=0.1)
    assert chosen.intensity_from.startswith(named)
    assert "weak" not in chosen.intensity_from


@pytest.mark.parametrize(
    ("region", "why"),
    [
        ("US-CA", "grids have changed since 2016"),
        ("CA-QC", "derived from the generation mix, ±40 %"),
        ("SE3", "one value for all zones"),
        ("no1", "one value for all zones"),
        ("FI", "one value for all zones"),
        ("ESH", "old, 2009"),
        ("REU", "old, 2021"),
    ],
)
def test_weak_rows_say_so(region: str, why: str) -> None:
    """A value that is to be taken with care carries the reason."""
    assert f"[weak: {why}" in factors(CarbonSettings(region=region)).intensity_from


def test_no_region_is_the_world_and_says_so() -> None:
    """The world average is a constant of one origin and year."""
    chosen = factors(CarbonSettings())
    assert chosen.g_per_kwh == WORLD_G_PER_KWH == 481.0
    assert "world average (no region given), 2023" in chosen.intensity_from


def test_a_given_intensity_wins() -> None:
    """The user's own factor needs no row of the table."""
    chosen = factors(CarbonSettings(region="nowhere", carbon_intensity=25.0))
    assert (chosen.g_per_kwh, chosen.intensity_from) == (25.0, "given in the sweep file")


@pytest.mark.parametrize(
    ("region", "near"),
    [("US-CAL", "US-CA (California)"), ("Frnce", "FRA (France)"), ("DE", "DEU (Germany)")],
)
def test_an_unknown_region_names_the_nearest(region: str, near: str) -> None:
    """A typing error is answered with what was probably meant."""
    with pytest.raises(UnknownRegion, match="unknown region") as caught:
        factors(CarbonSettings(region=region))
    assert repr(region) in str(caught.value)
    assert near in str(caught.value)
    assert isinstance(caught.value, MeterError)


def test_nothing_near_is_said_plainly() -> None:
    """The message makes sense without any neighbour."""
    with pytest.raises(UnknownRegion) as caught:
        factors(CarbonSettings(region="@@@@@@"))
    assert "nearest" not in str(caught.value)


def test_pue_and_price_are_passed_through() -> None:
    """What the sweep file gives is used and labelled; what it leaves out is not made up."""
    given = factors(CarbonSettings(pue=1.2, price_per_kwh=0.12, currency="EUR"))
    assert (given.pue, given.pue_from) == (1.2, "given in the sweep file")
    assert (given.price_per_kwh, given.currency) == (0.12, "EUR")
    absent = factors(CarbonSettings())
    assert (absent.pue, absent.pue_from, absent.price_per_kwh) == (1.0, "not given", None)
    assert absent.cost(3.6e6) is None


def test_a_mix_names_its_shares_and_where_its_factors_come_from() -> None:
    """The intensity is the mean of the sources' by share, with its provenance."""
    chosen = factors(CarbonSettings(mix={"coal": 0.25, "natural_gas": 0.75}))
    assert chosen.g_per_kwh == pytest.approx(806.0)
    assert chosen.intensity_from.startswith(
        "mix given in the sweep file: 25 % coal, 75 % natural_gas; CodeCarbon"
    )
    assert "[weak: " in chosen.intensity_from
    assert chosen.place is None


@pytest.mark.parametrize(
    ("settings", "g_per_kwh"),
    [
        pytest.param({"carbon_intensity": 25.0}, 25.0, id="intensity-beats-mix"),
        pytest.param({"region": "FRA"}, 29.0, id="mix-beats-region"),
    ],
)
def test_what_is_nearer_to_the_site_wins(settings: dict[str, Any], g_per_kwh: float) -> None:
    """A given intensity wins over a mix, a mix over a region."""
    assert factors(CarbonSettings(mix={"nuclear": 1.0}, **settings)).g_per_kwh == g_per_kwh


@given(
    st.dictionaries(st.sampled_from(sorted(GENERATION_G_PER_KWH)), st.floats(0.01, 1), min_size=1)
)
def test_a_mix_lies_between_its_sources(weights: dict[str, float]) -> None:
    """No mix is cleaner than its cleanest source or dirtier than its dirtiest."""
    whole = math.fsum(weights.values())
    g_per_kwh, _ = mixed({name: weight / whole for name, weight in weights.items()})
    among = [GENERATION_G_PER_KWH[name] for name in weights]
    assert min(among) * (1 - 1e-9) <= g_per_kwh <= max(among) * (1 + 1e-9)


def test_a_source_without_a_factor_is_refused() -> None:
    """The message names the source, those that have factors, and the way out."""
    with pytest.raises(UnknownSource, match="biomass") as caught:
        factors(CarbonSettings(mix={"coal": 0.5, "biomass": 0.5}))
    for told in (*GENERATION_G_PER_KWH, "energy.carbon_intensity"):
        assert told in str(caught.value)


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("USA", "United States"),
        ("US-CA", "California, United States"),
        ("gcp:europe-west1", "Belgium"),
        (None, None),
    ],
)
def test_the_place_is_named(region: str | None, place: str | None) -> None:
    """A region's place is known to somebody elsewhere; the world is none."""
    assert factors(CarbonSettings(region=region)).place == place


def test_rent_and_offset_follow_their_prices() -> None:
    """GPU-hours times the rate, tonnes times the price; both unknown without one."""
    priced = factors(
        CarbonSettings(carbon_intensity=500.0, cloud_rate_per_gpu_h=2.5, offset_price_per_t=80.0)
    )
    assert priced.cloud_cost(4.0) == 10.0
    assert priced.offset_cost(3.6e9) == pytest.approx(40.0)  # 1000 kWh, half a tonne
    assert priced.cost(3.6e9) is None
    assert (priced.cloud_cost(None), priced.offset_cost(None)) == (None, None)
    bare = factors(CarbonSettings())
    assert (bare.cloud_cost(4.0), bare.offset_cost(3.6e9)) == (None, None)


def test_the_table_is_shipped_with_its_notices() -> None:
    """Attribution and licence texts lie beside the table."""
    notice = (files("sweeper.energy") / "data" / "NOTICE.md").read_text(encoding="utf-8")
    for owed in (
        "Our World in Data, CC BY 4.0",
        "Code Carbon NGO",
        "Permission is hereby granted",
        "Apache License, Version 2.0",
        "eGRID",
    ):
        assert owed in notice
