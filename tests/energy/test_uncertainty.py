from __future__ import annotations

import math

import pytest

from sweeper.energy.uncertainty import combined, relative


def test_the_terms_add_in_squares() -> None:
    """Gain, edges, attribution as a rectangle, and the share of the time without samples."""
    u_rel = relative(1000.0, "measured:counter", edge_j=70.0, span_j=200.0, coverage=0.9)
    rectangle = 200.0 / (2 * math.sqrt(3) * 1000.0)
    assert u_rel == pytest.approx(math.sqrt(0.05**2 + 0.07**2 + rectangle**2 + 0.1**2))


@pytest.mark.parametrize(
    ("energy_j", "source"),
    [(None, "measured:counter"), (0.0, "measured:counter"), (5.0, "declared")],
    ids=["unknown joules", "no joules", "a source whose gain nobody knows"],
)
def test_what_is_not_known_is_not_made_up(energy_j: float | None, source: str) -> None:
    """None, never 0."""
    assert relative(energy_j, source, span_j=0.0, coverage=1.0) is None


def test_independent_terms_of_a_sum_add_in_squares_too() -> None:
    """3 of 30 and 4 of 10 joules are 5 of 40."""
    assert combined((30.0, 0.1), (10.0, 0.4)) == pytest.approx(5 / 40)
    assert combined((30.0, 0.1), (0.0, None)) == pytest.approx(0.1)
    assert combined((30.0, 0.1), (10.0, None)) is None
    assert combined((0.0, 0.1)) is None
