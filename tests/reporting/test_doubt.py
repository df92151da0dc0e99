from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import Energy, TrialRow
from sweeper.reporting.doubt import doubt_of
from sweeper.testing.histories import trial_row
from tests.reporting.gpus import OVERHEAD, TRIALS


def row(
    energy_j: float, u_rel: float | None, *, number: int = 0, source: str = "measured:counter"
) -> TrialRow:
    """Return an attempt with joules and their uncertainty."""
    return trial_row(number, energy=Energy(energy_j, source, "gpu", u_rel=u_rel))


def u_rel(*rows: TrialRow, overhead: Energy | None = None) -> float | None:
    """Return the uncertainty of a sum."""
    overhead_j = 0.0 if overhead is None else overhead.total_j
    return doubt_of(rows, overhead, overhead_j, most_j=None).u_rel


def test_what_is_common_does_not_average_out() -> None:
    """A hundred accounts of 5 % gain are 5 % uncertain together; their edges average out."""
    assert u_rel(*(row(10.0, 0.05) for _ in range(100))) == pytest.approx(0.05)
    edges = [row(10.0, math.hypot(0.05, 0.10)) for _ in range(100)]
    assert u_rel(row(1e-9, 0.05), *edges) == pytest.approx(math.hypot(0.05, 0.01))


def test_different_sources_are_independent() -> None:
    """An estimate of 50 % beside a counter of 5 % adds up in quadrature."""
    found = u_rel(row(100.0, 0.05), row(100.0, 0.5, source="estimated:cpu_load"))
    assert found == pytest.approx(math.hypot(5.0, 50.0) / 200)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([row(5.0, None)], None, id="no-figure"),
        pytest.param([row(5.0, 0.1), row(5.0, None)], None, id="one-without"),
        pytest.param([row(5.0, 0.1), row(0.0, None)], 0.1, id="nothing-used"),
        pytest.param([replace(row(5.0, 0.1), energy=None)], None, id="no-account"),
    ],
)
def test_unknown_uncertainty_stays_unknown(rows: list[TrialRow], expected: float | None) -> None:
    """A sum with a part of which nothing is known has no figure."""
    assert u_rel(*rows) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [pytest.param(None, 0.1, id="largest-of-trials"), pytest.param(0.3, None, id="own")],
)
def test_overhead_counts_with_its_own_or_the_largest(
    own: float | None, expected: float | None
) -> None:
    """Overhead that was put together of several accounts is as uncertain as the worst trial."""
    part = Energy(10.0, "measured:counter", "gpu", u_rel=own)
    found = u_rel(row(10.0, 0.1), overhead=part)
    if expected is not None:
        assert found == pytest.approx(expected)
    else:
        assert found is not None
        assert found > 0.1


_rows = st.lists(st.builds(row, st.floats(1e-3, 1e6), st.floats(1e-3, 1.0)), min_size=1, max_size=8)


@given(_rows)
def test_a_sum_of_one_source_is_between_its_best_and_its_worst(rows: list[TrialRow]) -> None:
    """Adding up neither makes the gain smaller nor anything worse than the worst account."""
    found = u_rel(*rows)
    figures = [it.energy.u_rel for it in rows if it.energy and it.energy.u_rel]
    assert found is not None
    assert min(figures) * (1 - 1e-9) <= found <= max(figures) * (1 + 1e-9)


def test_bounds_add_up() -> None:
    """The least and the most are sums, with the overhead as it was booked."""
    found = doubt_of(TRIALS, OVERHEAD, 200.0, most_j=None)
    assert found.lo_j == pytest.approx(1000.0)
    assert found.hi_j == pytest.approx(1600.0)


def test_no_more_than_the_boards_used() -> None:
    """Where the boards' counters are known the sweep cannot have used more than they say."""
    assert doubt_of(TRIALS, OVERHEAD, 200.0, most_j=1250.0).hi_j == 1250.0


@pytest.mark.parametrize("overhead_j", [None, 200.0], ids=["no-overhead", "no-bounds"])
def test_unknown_bounds_stay_unknown(overhead_j: float | None) -> None:
    """A part without bounds leaves the sum without them."""
    rows = TRIALS if overhead_j is None else (*TRIALS, row(5.0, 0.1, number=2))
    found = doubt_of(rows, None, overhead_j, most_j=None)
    assert (found.lo_j, found.hi_j) == (None, None)
