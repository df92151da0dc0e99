"""Sums of energy accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import (
    NOTHING,
    SOURCES,
    UNAVAILABLE,
    Energy,
    GpuEnergy,
    RegionEnergy,
    joined,
    known_sum,
    weakest,
)

BOARD = GpuEnergy(
    "GPU-1",
    "H200",
    3.0,
    device_j=4.0,
    external_j=1.0,
    utilisation=0.5,
    memory_peak_bytes=10,
    temp_start_c=40.0,
    temp_end_c=60.0,
)
ACCOUNT = Energy(
    3.0, "measured:counter", "gpu", "exclusive", lo_j=2.0, hi_j=5.0, u_rel=0.05, gpus=(BOARD,)
)


def test_nothing_changes_no_sum() -> None:
    """An account of nothing has no source and no scope to weaken others with."""
    assert joined([]) == joined([NOTHING, NOTHING]) == NOTHING
    assert joined([NOTHING, ACCOUNT]) == ACCOUNT


def test_one_unknown_account_makes_the_sum_unknown() -> None:
    """None, never the sum of the rest."""
    whole = joined([ACCOUNT, UNAVAILABLE])
    assert (whole.total_j, whole.source, whole.coverage) == (None, "unavailable", 0.0)


def test_a_sum_is_as_weak_as_its_weakest_part() -> None:
    """Source, attribution and coverage; a bound that one lacks, the sum lacks."""
    other = replace(
        ACCOUNT, source="estimated:util", attribution="lease", coverage=0.8, hi_j=None, flags=("x",)
    )
    whole = joined([ACCOUNT, other, other])
    assert (whole.source, whole.attribution, whole.coverage) == ("estimated:util", "lease", 0.8)
    assert (whole.total_j, whole.lo_j, whole.hi_j, whole.u_rel) == (9.0, 6.0, None, None)
    assert (whole.scope, whole.flags) == ("gpu", ("x",))
    assert joined([ACCOUNT, replace(ACCOUNT, scope="cpu")]).scope == "mixed"


def test_a_board_has_one_line_in_a_sum() -> None:
    """Joules add up; the first temperature, the last one, and the largest memory stay."""
    later = replace(BOARD, energy_j=7.0, memory_peak_bytes=6, temp_start_c=60.0, temp_end_c=70.0)
    other = replace(BOARD, uuid="GPU-2")
    lines = joined([ACCOUNT, replace(ACCOUNT, gpus=(later, other))]).gpus
    assert [line.uuid for line in lines] == ["GPU-1", "GPU-2"]
    first = lines[0]
    assert (first.energy_j, first.device_j, first.external_j) == (10.0, 8.0, 2.0)
    assert (first.temp_start_c, first.temp_end_c, first.memory_peak_bytes) == (40.0, 70.0, 10)
    assert first.utilisation is None, "a mean of means of different lengths is none"


def test_regions_of_one_name_are_one_in_a_sum() -> None:
    """Replicates measure the same regions; what one does not know is unknown."""
    parts = [
        (RegionEnergy("inference", 1.0, 2.0, 3), RegionEnergy("data", 5.0, 1.0)),
        (RegionEnergy("data", None, 1.0), RegionEnergy("inference", 1.5, 2.0)),
    ]
    whole = joined([replace(ACCOUNT, regions=regions) for regions in parts])
    assert whole.regions == (
        RegionEnergy("inference", 2.5, 4.0, 4),
        RegionEnergy("data", None, 2.0, 2),
    )


@given(st.lists(st.floats(0, 1e9), max_size=20), st.integers(0, 20))
def test_a_sum_of_known_terms_is_known(terms: list[float], place: int) -> None:
    """In any order the same; one unknown term, and it is unknown."""
    whole = known_sum(terms)
    assert whole == known_sum(reversed(terms)) is not None
    assert known_sum([*terms[:place], None, *terms[place:]]) is None


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], None),
        (["declared", "measured:counter"], "declared"),
        (["made up", "unavailable"], "made up"),
        (list(SOURCES), "unavailable"),
    ],
)
def test_the_weakest_label_wins(labels: list[str], expected: str | None) -> None:
    """What nobody knows is weaker than all that is known."""
    assert weakest(labels) == expected
