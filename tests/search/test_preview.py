"""What a sweep would propose, and how often it would repeat itself."""

from __future__ import annotations

from random import Random

import pytest

from sweeper.expression import Expression
from sweeper.model import Categorical, Conditional, IntUniform, Nested, Space, Uniform
from sweeper.search.build import StudySettings, build_study
from sweeper.search.preview import expected_duplicates, sample_points
from tests.search.playing import LOSS

SPACE: Space = {
    "kind": Categorical(("a", "b")),
    "group": Nested({"x": Conditional(Expression("kind == 'a'"), Uniform(0, 1))}),
}


@pytest.mark.parametrize("sampler", ["random", "tpe", "cmaes", "nsga2", "qmc"])
def test_the_sample_begins_as_the_sweep_does(sampler: str) -> None:
    """The first points are those that the study asks while it knows nothing."""
    settings = StudySettings({"x": Uniform(0, 1)}, LOSS, sampler, 4, enqueue=({"x": 0.5},))
    study = build_study(settings)
    asked = [study.ask() for _ in range(6)]
    assert sample_points(settings, 6) == [p.params for p in asked if p is not None]


def test_the_sample_follows_the_law_of_a_small_space() -> None:
    """Known points come again, as often as they would be drawn."""
    points = sample_points(StudySettings({"n": Categorical((1, 2, 3))}, LOSS, "random", 0), 300)
    counts = [sum(point["n"] == n for point in points) for n in (1, 2, 3)]
    assert len(points) == 300
    assert min(counts) > 70


def test_the_sample_is_nested_and_keeps_to_conditions_and_constraints() -> None:
    """Points look as the objective gets them."""
    constraints = (Expression("kind == 'b' or group.x < 0.5"),)
    points = sample_points(StudySettings(SPACE, LOSS, "random", 0, constraints=constraints), 50)
    assert {point["kind"] for point in points} == {"a", "b"}
    assert all(point["group"]["x"] < 0.5 for point in points if point["kind"] == "a")
    assert all(point == {"kind": "b"} for point in points if point["kind"] == "b")


def test_the_sample_of_a_grid_is_its_beginning() -> None:
    """A grid comes in its order and ends with its last point."""
    settings = StudySettings({"n": IntUniform(1, 3)}, LOSS, "grid", 0)
    assert sample_points(settings, 2) == [{"n": 1}, {"n": 2}]
    assert sample_points(settings, 9) == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("size", "n", "expected"),
    [(None, 500, 0.0), (240, 0, 0.0), (1, 10, 9.0), (2, 2, 0.5), (0, 3, 2.0)],
    ids=str,
)
def test_expected_duplicates_of_small_numbers(size: int | None, n: int, expected: float) -> None:
    """Two draws of a coin repeat each other half of the time; an endless space repeats nothing."""
    assert expected_duplicates(size, n) == pytest.approx(expected)


def test_expected_duplicates_are_what_random_draws_repeat() -> None:
    """The closed form is the mean over many sweeps."""
    random = Random(0)
    sweeps = [[random.randrange(240) for _ in range(200)] for _ in range(500)]
    mean = sum(200 - len(set(sweep)) for sweep in sweeps) / len(sweeps)
    assert expected_duplicates(240, 200) == pytest.approx(mean, abs=1.0)


def test_a_huge_space_is_computed_without_losing_digits() -> None:
    """A thousand draws of 10**15 points repeat about n**2 / (2 size) times."""
    assert expected_duplicates(10**15, 1000) == pytest.approx(5e-10, rel=0.5, abs=1e-9)
