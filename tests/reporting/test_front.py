from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import Direction, Metric
from sweeper.reporting.front import Front

ACCURACY = Metric("val_accuracy", Direction.MAXIMIZE)
ENERGY = Metric("energy_j", Direction.MINIMIZE)


def _front(*points: tuple[float, float]) -> tuple[int, ...]:
    front = Front([ACCURACY, ENERGY])
    for number, point in enumerate(points):
        front.add(number, point)
    return front.numbers


def test_trial_that_is_worse_in_everything_leaves() -> None:
    """Better in one objective is enough to stay; worse or equal in all is not."""
    assert _front((0.9, 9.0), (0.8, 5.0), (0.7, 6.0), (0.8, 4.0)) == (0, 3)


def test_equal_trials_all_stay() -> None:
    """Of points with the same values none beats another."""
    assert _front((0.9, 5.0), (0.9, 5.0), (0.8, 5.0)) == (0, 1)


_points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=15)


@given(_points)
def test_front_is_exactly_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    """The front is the same as by comparing every pair, whatever the order."""

    def beats(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a[0] >= b[0] and a[1] <= b[1] and a != b

    expected = [n for n, it in enumerate(points) if not any(beats(other, it) for other in points)]
    assert list(_front(*points)) == expected
